"""Whatever is wrong with the input: one line that names it, exit code 2, and nothing written."""

import gzip
import io
import os
import re
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest

import chainrule as cr
from chainrule.cli import main

TABLE = "a,b,y\n1,2,0\n3,4,1\n5,6,0\n7,8,1\n2,2,0\n4,4,1\n"


def files():
    """Return the names of the files in the present folder."""
    return sorted(path.name for path in Path().iterdir())


def idx(shape, entries=b"", *, kind=8):
    return struct.pack(f">HBB{len(shape)}I", 0, kind, len(shape), *shape) + entries


def zipped(**arrays):
    target = io.BytesIO()
    np.savez(target, **arrays)
    return target.getvalue()


def saved(array):
    target = io.BytesIO()
    np.save(target, array)
    return target.getvalue()


def stored(name, content):
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as file:
        file.writestr(name, content)
    return target.getvalue()


GOOD = np.arange(12.0).reshape(6, 2)
FILES = {
    "empty.csv": (b"", "empty"),
    "header.csv": (b"a,b,y\n", "no rows"),
    "ragged.csv": (TABLE.replace("5,6,0", "5,6").encode(), "line 4"),
    "words.csv": (TABLE.replace("5,6,0", "5,six,0").encode(), "line 4, column b"),
    "gap.csv": (TABLE.replace("5,6,0", "5,,0").encode(), "line 4, column b"),
    "nan.csv": (TABLE.replace("5,6,0", "5,nan,0").encode(), "line 4, column b"),
    "inf.csv": (TABLE.replace("5,6,0", "inf,6,0").encode(), "line 4, column a"),
    "binary.csv": (b"a,b,y\n\xff\xfe\x00,2,3\n", "UTF-8"),
    "quote.csv": (b'a,b,y\n"1,2,0\n', "CSV"),
    "one_class.csv": (b"a,y\n1,0\n2,0\n3,0\n", "one class"),
    "one_row.csv": (b"a,y\n1,0.5\n", "too few"),
    "one_column.csv": (b"y\n1\n2\n", "no feature"),
    "cut.npz": (zipped(x=GOOD, y=np.arange(6))[:-40], "damaged"),
    "names.npz": (zipped(first=GOOD, second=np.arange(6)), "no array called"),
    "short.npz": (zipped(x=GOOD, y=np.arange(5)), "6 rows"),
    "nan.npz": (zipped(x=np.where(GOOD == 5, np.nan, GOOD), y=np.arange(6) % 2), "row 2, column 1"),
    "objects.npy": (saved(np.array([[object()]], dtype=object)), "objects"),
    "cut.npy": (saved(GOOD)[:-8], "promises"),
    "nan.npy": (saved(np.where(GOOD == 5, np.nan, GOOD)), "row 2"),
    "noise.npz": (b"PK" + bytes(100), "damaged"),
    "promise-idx3-ubyte": (idx((1_000_000, 28, 28), b"123"), "promises"),
    "noise-idx3-ubyte": (b"noise", "IDX"),
    "cut-idx3-ubyte.gz": (gzip.compress(idx((2, 2, 2), bytes(8)))[:-9], "damaged"),
    "corrupt-idx3-ubyte.gz": (b"\x1f\x8b" + bytes(range(60)), "damaged"),
    "other.npz": (stored("x.txt", "text"), ""),
}


@pytest.mark.parametrize("command", ["train", "predict", "evaluate"])
@pytest.mark.parametrize("name", FILES)
def test_unusable_data(cli, name, command, flower_model):
    content, words = FILES[name]
    Path(name).write_bytes(content)
    before = files()
    fine_for_others = {"one_class.csv", "one_row.csv", "one_column.csv"}
    if command != "train" and name in fine_for_others:
        words = ""
    named = {"train": [name, "--out", "model"], "predict": [flower_model, name, "--out", "labels"]}
    result = cli(command, *named.get(command, [flower_model, name]))
    assert result.code == 2
    assert result.out == ""
    assert result.err.startswith("chainrule: ")
    assert result.err.count("\n") == 1
    assert name in result.err
    if command == "train":
        assert words in result.err
    assert files() == before


def damaged_models(content):
    flipped = bytearray(content)
    flipped[-20] ^= 4
    header = bytearray(content)
    header[60] ^= 1
    return {
        "empty": b"",
        "cut": content[:-10],
        "longer": content + b"0",
        "flipped": bytes(flipped),
        "header": bytes(header),
        "text": b"this is no model at all",
        "promise": struct.pack("<Q", 1 << 60) + content[8:],
    }


@pytest.mark.parametrize("damage", damaged_models(bytes(100)))
@pytest.mark.parametrize("command", ["inspect", "evaluate", "predict"])
def test_damaged_model(cli, damage, command, flower_model, flowers):
    name = f"{damage}.safetensors"
    Path(name).write_bytes(damaged_models(flower_model.read_bytes())[damage])
    result = cli(command, name, *([] if command == "inspect" else [flowers]))
    assert (result.code, result.out, result.err.count("\n")) == (2, "", 1)
    assert name in result.err


FORGED = {
    "target_names": [5, [[1]], [1], "kind", {"a": 1}],
    "feature_names": [3, ["width"], ["width", 2]],
    "class_names": [7, [None], {}],
    "categorical": [3, [1], "width"],
    "image_shape": [9, ["8", "8"], [1.5], [0, 8], [True]],
    "data": [1, ["flowers"]],
}


@pytest.mark.parametrize("command", ["inspect", "evaluate", "predict"])
@pytest.mark.parametrize("name", FORGED)
def test_a_model_that_says_nonsense_about_its_data(cli, name, command, flower_model, flowers):
    """Its checksums are right; it is the model that is to blame, not the data."""
    for value in FORGED[name]:
        net = cr.load(flower_model)
        net.information[name] = value
        net.save("forged.safetensors")
        result = cli(command, "forged.safetensors", *([] if command == "inspect" else [flowers]))
        assert (result.code, result.out, result.err.count("\n")) == (2, "", 1), value
        assert result.err.startswith("chainrule: forged.safetensors: ")
        assert name in result.err


SETTINGS = [
    ("--hidden 0", "--hidden must be positive whole numbers such as 128,64, or none, not '0'"),
    ("--hidden 3,x", "not '3,x'"),
    ("--hidden -4", "not '-4'"),
    ("--hidden 3.5", "not '3.5'"),
    ("--hidden ,", "not ','"),
    ("--epochs -1", "--epochs must be"),
    ("--epochs 1e3", "--epochs must be"),
    ("--batch-size 0", "--batch-size must be a positive"),
    ("--batch-size x", "--batch-size must be a positive"),
    ("--learning-rate 0", "--learning-rate must be"),
    ("--learning-rate -1", "--learning-rate must be"),
    ("--learning-rate nan", "--learning-rate must be"),
    ("--learning-rate inf", "--learning-rate must be"),
    ("--learning-rate fast", "--learning-rate must be"),
    ("--seed -1", "--seed must be"),
    ("--activation rellu", "--activation: there is no 'rellu'. Did you mean 'relu'?"),
    ("--activation relu,tanh", "2"),
    ("--cost crossentropy", "--cost: there is no 'crossentropy'. Did you mean 'cross_entropy'?"),
    ("--output softmaxx", "--output: there is no 'softmaxx'. Did you mean 'softmax'?"),
    ("--initialiser xavjer", "--initialiser: there is no 'xavjer'. Did you mean 'xavier'?"),
    ("--optimizer sgdd", "--optimizer: there is no 'sgdd'. Did you mean 'sgd'?"),
    ("--dtype float16", "float16"),
    ("--target colour", "flowers.csv: there is no column 'colour'"),
    ("--categorical colour", "flowers.csv: there is no column 'colour'"),
    ("--target width", "flowers.csv"),
    ("--out nowhere/model", "the folder nowhere does not exist"),
    ("--out .", "folder"),
    ("--out /proc/model", "/proc/model"),
    ("--learning-rate 1e30 --activation relu --cost mse", "No model was written"),
]


@pytest.mark.parametrize(("words", "message"), SETTINGS)
def test_impossible_settings(cli, flowers, words, message):
    out = [] if "--out" in words else ["--out", "model"]
    result = cli("train", flowers, *words.split(), *out, "--quiet")
    assert (result.code, result.out, result.err.count("\n")) == (2, "", 1)
    assert message in result.err
    assert files() == []


@pytest.mark.parametrize("words", ["--learning-rate nan", "--activation rellu", "--hidden 0", "--out no/x"])
def test_impossible_settings_in_chinese(cli, flowers, words):
    result = cli("--lang", "zh", "train", flowers, *words.split())
    assert result.code == 2
    assert any("一" <= sign <= "鿿" for sign in result.err)


NO_SUCH = [
    (["train", "digts"], "Did you mean 'digits'?"),
    (["train", "nothing.csv"], "nothing.csv: there is no such file"),
    (["train", "nothing/at/all"], "nothing/at/all"),
    (["inspect", "nothing"], "nothing: there is no such file"),
    (["inspect", "."], "folder"),
    (["train", "."], "train-images"),
    (["train", "digits", "--target", "y"], "digits"),
]


@pytest.mark.parametrize(("words", "message"), NO_SUCH)
def test_what_is_not_there(cli, words, message):
    result = cli(*words)
    assert (result.code, result.out, result.err.count("\n")) == (2, "", 1)
    assert message in result.err


MISFITS = {
    "narrow.csv": ("width,kind\n1,iris\n", "'height'"),
    "wide.csv": ("width,height,depth,kind\n1,2,3,iris\n", "'depth'"),
    "renamed.csv": ("width,length,kind\n1,2,iris\n", "'height'"),
    "nameless.csv": ("1,2,3,4\n5,6,7,8\n", "'kind'"),
    "unseen.csv": ("width,height,kind\n1,2,orchid\n", "orchid"),
    "numbers.csv": ("width,height,kind\n1,2,3\n", "3"),
}


@pytest.mark.parametrize("name", MISFITS)
def test_data_that_does_not_fit_the_model(cli, name, flower_model):
    text, words = MISFITS[name]
    Path(name).write_text(text)
    result = cli("evaluate", flower_model, name)
    assert (result.code, result.out, result.err.count("\n")) == (2, "", 1)
    assert name in result.err
    assert words in result.err


def test_two_columns_of_one_name_in_another_order(cli):
    rows = "".join(f"{place},{-place},{place % 3},{place % 2}\n" for place in range(20))
    Path("train.csv").write_text(f"a,x,x,y\n{rows}")
    assert cli("train", "train.csv", "--epochs", "1", "--out", "model").code == 0
    Path("same.csv").write_text("a,x,x\n1,2,3\n")
    assert cli("predict", "model", "same.csv").code == 0
    for header in ("x,a,x", "x,x,a"):
        Path("other.csv").write_text(f"{header}\n1,2,3\n")
        result = cli("predict", "model", "other.csv")
        assert (result.code, result.out, result.err.count("\n")) == (2, "", 1)
        assert "other.csv: two columns are called 'x'" in result.err
    Path("fewer.csv").write_text("a,x\n1,2\n")
    assert "two columns are called 'x'" in cli("predict", "model", "fewer.csv").err


def test_names_that_are_numbers_are_not_taken_for_data(cli):
    rows = "".join(f"{place},{-place},{'ab'[place % 2]}\n" for place in range(20))
    Path("train.csv").write_text(f"2019,2020,label\n{rows}")
    assert cli("train", "train.csv", "--epochs", "1", "--out", "model").code == 0
    Path("new.csv").write_text("2020,2019\n1,2\n")
    result = cli("predict", "model", "new.csv")
    assert (result.code, result.out) == (2, "")
    assert "new.csv, line 1" in result.err
    Path("new.csv").write_text("1,2\n3,4\n")
    assert len(cli("predict", "model", "new.csv").out.split()) == 2


def test_targets_with_fractions_are_no_labels_and_the_message_names_the_ways_out(cli):
    rows = "".join(f"{place},{place % 2 + 0.5}\n" for place in range(20))
    Path("data.csv").write_text(f"x,level\n{rows}")
    result = cli("train", "data.csv", "--cost", "cross_entropy")
    assert (result.code, result.err.count("\n")) == (2, 1)
    for words in ("0.5", "mse", "--categorical"):
        assert words in result.err
    words = ["--cost", "cross_entropy", "--categorical", "level", "--epochs", "1", "--out", "model"]
    assert cli("train", "data.csv", *words).code == 0
    Path("new.csv").write_text("x\n1\n")
    assert cli("predict", "model", "new.csv").out.strip() in ("0.5", "1.5")


def test_one_row_is_good_english(cli):
    Path("one.csv").write_text("a,y\n1,0.5\n")
    assert "The number of rows is 1, too few" in cli("train", "one.csv").err


@pytest.mark.parametrize("name", ["quote.csv", "words.csv", "one_class.csv", "header.csv"])
def test_unusable_data_in_chinese_has_no_english_sentence(cli, name):
    Path(name).write_bytes(FILES[name][0])
    result = cli("train", name, "--lang", "zh")
    assert result.code == 2
    assert not re.search(r"[a-z]+ [a-z]+ [a-z]+", result.err)


def test_a_category_that_training_did_not_see(cli, house_model):
    Path("new.csv").write_text("place,area\nmoon,100\n")
    result = cli("predict", house_model, "new.csv")
    assert result.code == 2
    assert "new.csv: 'place=moon' did not occur in training" in result.err


def test_an_unwritable_folder(cli, flowers):
    if os.geteuid() == 0:
        pytest.skip("root may write everywhere")
    Path("locked").mkdir(mode=0o500)
    assert cli("train", flowers, "--out", "locked/model").code == 2


def test_main_takes_the_words_of_the_process(monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["chainrule", "explain", "1 + 1"])
    assert main() == 0
    assert "J = 2" in capsys.readouterr().out
