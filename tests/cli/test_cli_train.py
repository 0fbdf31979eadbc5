"""``chainrule train``: what it prints, what it saves, and what can be done with it then."""

import json
import math
import re
from pathlib import Path

import numpy as np
import pytest

import chainrule as cr


def test_train_on_labels(cli, flowers):
    result = cli("train", flowers, "--epochs", "4", "--hidden", "8", "--out", "model.safetensors")
    assert (result.code, result.err) == (0, "")
    lines = result.out.splitlines()
    assert [line.split(":")[0] for line in lines[:4]] == ["Epoch 1", "Epoch 2", "Epoch 3", "Epoch 4"]
    assert lines[3].endswith(" / 18")
    assert "examples" in lines[5]
    assert lines[7].split()[:2] == ["training", "72"]
    assert lines[8].split()[:3] == ["held", "out", "18"]
    assert lines[-3].startswith("Network 2-8-3, 51 parameters, 4 epochs in ")
    assert lines[-2] == "3 labels: iris, rose, tulip."
    assert lines[-1] == "Saved to model.safetensors."
    net = cr.load("model.safetensors")
    assert net.labels.tolist() == ["iris", "rose", "tulip"]
    assert net.information["feature_names"] == ["width", "height"]


def test_json_is_one_object_and_nothing_else(cli, flowers):
    result = cli("train", flowers, "--epochs", "3", "--json", "--out", "m.safetensors", "--seed", "5")
    assert (result.code, result.err) == (0, "")
    found = json.loads(result.out)
    assert found["training_examples"], found["held_out_examples"] == (72, 18)
    assert len(found["history"]["cost"]) == 3
    assert found["settings"]["sizes"] == [2, 30, 3]
    assert found["settings"]["seed"] == 5
    assert found["held_out"]["total"] == 18
    assert found["model"] == "m.safetensors"
    assert found["interrupted"] is False


def test_same_seed_same_model(cli, flowers):
    for name in ("a", "b"):
        cli("train", flowers, "--epochs", "2", "--seed", "3", "--out", name)
    cli("train", flowers, "--epochs", "2", "--seed", "4", "--out", "c")
    first, second, third = (cr.load(name).parameters["W1"] for name in "abc")
    assert (first == second).all()
    assert (first != third).any()


def test_settings_reach_the_network(cli, flowers):
    words = "--hidden 6,5 --activation relu,tanh --cost cross_entropy --initialiser normal --dtype float64"
    found = json.loads(cli("train", flowers, "--epochs", "1", "--json", *words.split()).out)["settings"]
    assert found["sizes"] == [2, 6, 5, 3]
    assert found["activation"] == ["relu", "tanh"]
    assert (found["cost"], found["output"]) == ("cross_entropy", "softmax")
    assert (found["initialiser"], found["dtype"], found["learning_rate"]) == ("normal", "float64", 0.5)
    found = json.loads(cli("train", flowers, "--epochs", "1", "--json", "--hidden", "none").out)
    assert found["settings"]["sizes"] == [2, 3]


def test_quiet_shows_only_the_table(cli, flowers):
    result = cli("train", flowers, "--epochs", "2", "--quiet")
    assert "Epoch" not in result.out
    assert "held out" in result.out
    assert result.out.endswith("Not saved; --out FILE saves the model.\n")


def test_train_in_chinese(cli, flowers):
    result = cli("train", flowers, "--epochs", "2", "--lang", "zh")
    for words in ("第 2 轮", "训练", "留出", "准确率", "代价", "未保存"):
        assert words in result.out
    assert "Epoch" not in result.out


def test_regression_learns_in_the_targets_own_units(cli, houses, house_model):
    found = json.loads(cli("evaluate", house_model, houses, "--json").out)
    assert found["r2"] > 0.99
    assert found["accuracy"] is None
    assert math.sqrt(found["cost"]) < 12_000
    result = cli("train", houses, "--categorical", "place", "--epochs", "2")
    assert "Epoch 2: R² " in result.out
    assert "R²" in result.out.splitlines()[3]


def test_whole_numbers_are_labels_unless_the_cost_is_for_numbers(cli):
    rows = "\n".join(f"{place},{place % 4}" for place in range(40))
    Path("counts.csv").write_text(f"x,y\n{rows}\n")
    labels = json.loads(cli("train", "counts.csv", "--epochs", "1", "--json").out)
    assert labels["settings"]["sizes"][-1] == 4
    numbers = json.loads(cli("train", "counts.csv", "--epochs", "1", "--json", "--cost", "mae").out)
    assert numbers["settings"]["sizes"][-1] == 1
    assert numbers["held_out"]["accuracy"] is None


@pytest.mark.parametrize("cost", ["cross_entropy", "quadratic"])
def test_whole_numbers_with_a_point_are_labels_if_the_cost_is_for_labels(cli, cost):
    rows = "".join(f"{place},{float(place >= 20)}\n" for place in range(40))
    Path("points.csv").write_text(f"x,y\n{rows}")
    words = ["--cost", cost, "--epochs", "60", "--out", "m"]
    found = json.loads(cli("train", "points.csv", "--json", *words).out)
    assert found["settings"]["sizes"][-1] == 2
    assert found["training"]["accuracy"] > 0.8
    assert json.loads(cli("evaluate", "m", "points.csv", "--json").out)["accuracy"] > 0.8
    assert set(cli("predict", "m", "points.csv").out.split()) == {"0", "1"}
    found = json.loads(cli("train", "points.csv", "--json", "--epochs", "1").out)
    assert found["settings"]["cost"] == "mse"


def test_the_data_s_own_test_set_has_labels_with_a_point_too(cli):
    x = np.linspace(-1, 1, 40)[:, None]
    y = (x[:, 0] > 0).astype(float)
    np.savez("data.npz", x=x, y=y, x_test=x, y_test=y)
    found = json.loads(cli("train", "data.npz", "--json", "--cost", "cross_entropy").out)
    assert found["held_out"]["accuracy"] > 0.9


def test_a_batch_larger_than_the_data_works(cli, flowers):
    assert cli("train", flowers, "--epochs", "1", "--batch-size", "100000").code == 0


def test_no_epochs_at_all_works(cli, flowers):
    assert cli("train", flowers, "--epochs", "0", "--out", "untrained").code == 0
    assert cr.load("untrained").predict(np.zeros((1, 2))).shape == (1,)


def test_arrays_and_named_sets(cli):
    random = np.random.default_rng(0)
    x = random.normal(size=(60, 3)).astype("float32")
    np.savez("data.npz", x=x, y=(x[:, 0] > 0).astype("int64"))
    np.save("data.npy", np.column_stack([x, x @ [1.0, 2.0, 3.0]]))
    assert json.loads(cli("train", "data.npz", "--json", "--epochs", "5").out)["settings"]["sizes"] == [
        3,
        30,
        2,
    ]
    found = json.loads(cli("train", "data.npy", "--json", "--epochs", "30").out)
    assert found["held_out"]["r2"] > 0.9
    found = json.loads(cli("train", "moons", "--json", "--epochs", "5").out)
    assert found["held_out"]["accuracy"] > 0.8


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_digits_by_default(cli, seed):
    found = json.loads(cli("train", "--json", "--seed", seed).out)
    assert found["data"] == "digits"
    assert found["held_out"]["accuracy"] >= 0.95


# What a model is for: evaluate, predict, inspect.


def test_evaluate(cli, flower_model, flowers):
    result = cli("evaluate", flower_model, flowers)
    assert result.code == 0
    assert "90 examples" in result.out
    assert "accuracy" in result.out
    assert json.loads(cli("evaluate", flower_model, flowers, "--json").out)["accuracy"] > 0.9
    assert "准确率" in cli("evaluate", flower_model, flowers, "--lang", "zh").out


def test_predict_writes_a_label_a_line(cli, flower_model, flowers):
    result = cli("predict", flower_model, flowers)
    assert (result.code, result.err) == (0, "")
    labels = result.out.split()
    assert len(labels) == 90
    assert np.mean(np.array(labels) == np.array(["iris", "rose", "tulip"] * 30)) > 0.9


def test_predict_probabilities_file_and_json(cli, flower_model):
    Path("new.csv").write_text("height,width\n20,0\n16,6\n")  # other order than in training, and no target
    first, second = cli("predict", flower_model, "new.csv", "--probabilities").out.splitlines()
    assert first.startswith("iris,0.9")
    assert second.startswith("tulip,")
    assert len(second.split(",")) == 4
    result = cli("predict", flower_model, "new.csv", "--probabilities", "--out", "labels.csv")
    assert result.out == "2 predictions written to labels.csv.\n"
    assert Path("labels.csv").read_text().startswith("label,p(iris),p(rose),p(tulip)\niris,0.9")
    found = json.loads(cli("predict", flower_model, "new.csv", "--json").out)
    assert found["predictions"] == [{"label": "iris"}, {"label": "tulip"}]


def test_predict_numbers_and_categories(cli, house_model):
    Path("one.csv").write_text("place,area\ncoast,100\n")
    (value,) = map(float, cli("predict", house_model, "one.csv").out.split())
    assert value == pytest.approx(290_000, rel=0.08)


@pytest.mark.parametrize("column", ["place", "1", "-2"])
def test_a_file_may_lack_a_category_however_its_column_was_chosen(cli, houses, column):
    words = ["train", houses, "--epochs", "1", "--out", "m"]
    assert cli(*words, f"--categorical={column}").code == 0
    assert cr.load("m").information["categorical"] == ["place"]
    Path("new.csv").write_text("place,area\ncoast,100\ncoast,50\n")
    result = cli("predict", "m", "new.csv")
    assert (result.code, result.err) == (0, "")
    assert len(result.out.split()) == 2


def test_predict_writes_one_line_a_row_for_labels_of_several(cli):
    rows = "".join(f'{place},"dark\nred"\n{-place},blue\n' for place in range(1, 11))
    Path("data.csv").write_text(f"x,colour\n{rows}")
    cli("train", "data.csv", "--epochs", "20", "--out", "m")
    assert set(cli("predict", "m", "data.csv").out.splitlines()) == {"dark red", "blue"}
    x = np.linspace(-1, 1, 20)[:, None]
    np.savez("data.npz", x=x, y=np.where(x[:, 0] > 0, "dark\nred", "blue"))
    cli("train", "data.npz", "--epochs", "20", "--out", "m")
    assert len(cli("predict", "m", "data.npz").out.splitlines()) == 20


def test_predict_without_header_with_and_without_the_target(cli):
    rows = [f"{place % 7},{place % 2},{place % 3}" for place in range(42)]
    for name, cut in (("whole.csv", 3), ("features.csv", 2)):
        Path(name).write_text("\n".join(",".join(row.split(",")[:cut]) for row in rows) + "\n")
    assert cli("train", "whole.csv", "--epochs", "1", "--out", "m").code == 0
    assert cli("predict", "m", "whole.csv").out == cli("predict", "m", "features.csv").out


def test_inspect(cli, flower_model):
    result = cli("inspect", flower_model)
    assert result.code == 0
    for words in ("2, 30, 3", "iris, rose, tulip", "width, height", "quadratic", "sigmoid", "SHA-256"):
        assert words in result.out
    found = json.loads(cli("inspect", flower_model, "--json").out)
    assert found["labels"] == ["iris", "rose", "tulip"]
    assert len(found["scaling"]["offset"]) == 2
    assert found["parameters"] == 183
    assert found["library_version"] == cr.__version__
    assert "各层大小" in cli("inspect", flower_model, "--lang", "zh").out


def test_chinese_output_has_chinese_punctuation(cli, flowers, flower_model, house_model, houses):
    outputs = [
        cli("train", flowers, "--epochs", "2", "--lang", "zh").out,
        cli("train", "--help", "--lang", "zh").out,
        cli("evaluate", flower_model, flowers, "--lang", "zh").out,
        cli("inspect", flower_model, "--lang", "zh").out,
        cli("evaluate", house_model, houses, "--lang", "zh").out,
    ]
    for text in outputs:
        text = text.replace(str(flowers), "").replace(str(houses), "").replace(str(flower_model), "")
        assert not re.search(r"[a-z]+ [a-z]+ [a-z]+ [a-z]+", text)
        assert not re.search(r"[一-鿿] ?[,;:(.](\s|$)|% \(", text, re.MULTILINE)
