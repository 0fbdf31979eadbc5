"""``chainrule compile``: a function of the user's file, its stages, and whatever may be wrong with it."""

import ast
import json
import re
from pathlib import Path

import numpy as np
import pytest

MODEL = """\
import numpy as np
import helper


def neuron(w, b=0.5):
    a = np.tanh(helper.TWO * w + b)
    return (a - 1.0) ** 2


def cost(w, x):
    return np.mean((x @ w) ** 2)


def pick(x, i):
    return x[i]


def only_by_name(x, /, *, factor):
    return x * factor


def scaled(x, training):
    return 2 * x if training else x


def ordered(x):
    return np.sort(x)


def branches(x):
    return x if x > 0 else -x


def fails(x):
    raise KeyError("no such thing")


def worded(x):
    return "a word"


def impossible(a, b):
    return a @ b


number = 3
"""
FILES = {
    "helper.py": "TWO = 2.0\n",
    "noisy.py": "print('noise')\n\n\ndef double(x):\n    print('more noise')\n    return 2 * x\n",
    "model.py": MODEL,
    "syntax.py": "x = 1\ndef f(:\n",
    "zero.py": "x = 1\0",
    "raises.py": "x = 1\nx / 0\n",
    "leaves.py": "raise SystemExit(0)\n",
    "numpy.py": "import math\n\n\ndef double(x):\n    return 2 * x\n",
}


@pytest.fixture(autouse=True)
def _files(cli, monkeypatch, tmp_path):
    """Write the user's files, and let machine code be kept beside them."""
    monkeypatch.setenv("CHAINRULE_CACHE", str(tmp_path / "cache"))
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    np.save("w.npy", np.array([0.5, -0.5]))
    np.savez("data.npz", x=np.ones((3, 2)), other=np.zeros((5, 2)))
    np.savez("one.npz", anything=np.ones((3, 2)))
    np.save("objects.npy", np.array([{}], dtype=object))
    Path("cut.npz").write_bytes(Path("data.npz").read_bytes()[:100])


def test_the_source_and_what_became_of_it(cli):
    result = cli("compile", "model.py:neuron", "--at", "w=0.25")
    assert result.code == 0
    ast.parse(result.out)
    for line in ("def neuron(memory, first, last):", "    #   model.py:6  a = np.tanh(helper.TWO * w + b)"):
        assert line in result.out.splitlines()
    assert "\x1b" not in result.out
    assert re.search(
        r"^# Operations: 5; kernels: 1; .*\n# Compiled in .*\n# Differs .* by 0 ", result.out, re.MULTILINE
    )


def test_what_the_file_prints_does_not_get_into_the_source(cli):
    result = cli("compile", "noisy.py:double", "--at", "x=0.25")
    assert (result.code, result.err, "noise" in result.out) == (0, "noise\nmore noise\n", False)


def test_the_second_time_it_is_read(cli):
    words = ["compile", "model.py:cost", "--at", "w=[0.5,-0.5]", "--at", "x=data.npz", "--json"]
    first, second = json.loads(cli(*words).out), json.loads(cli(*words).out)
    assert (first["from_cache"], second["from_cache"]) == (False, True)
    assert first["source"] == second["source"]


def test_json_has_the_sizes_and_the_difference(cli):
    facts = json.loads(
        cli("compile", "model.py:cost", "--at", "w=w.npy", "--at", "x=data.npz:other", "--json").out
    )
    assert facts["arguments"] == {"w": "float64[2]", "x": "float64[5, 2]"}
    assert facts["largest_value"] == 0.5
    assert facts["largest_difference"] <= 1e-15
    assert facts["lines"] == len(facts["source"].splitlines())
    shapes = json.loads(
        cli("compile", "model.py:cost", "--at", "w=float32[2]", "--at", "x=float32[9, 2]", "--json").out
    )
    assert shapes["arguments"] == {"w": "float32[2]", "x": "float32[9, 2]"}
    assert "largest_difference" not in shapes


def test_the_gradient_is_by_all_real_arguments_or_by_those_named(cli):
    words = ["compile", "model.py:neuron", "--at", "w=0.25", "--at", "b=0.5", "--stop-after", "lower"]
    both, one = cli(*words, "--gradient").out, cli(*words, "--wrt", "b").out
    assert "d_w_at[()] = d_w" in both
    assert "d_b_at[()] = d_b" in both
    assert "d_w" not in one
    assert "d_b_at[()] = d_b" in one
    assert cli("compile", "model.py:neuron", "--at", "w=1", "--gradient").code == 0  # 1 is made 1.0
    whole = cli(
        "compile", "model.py:pick", "--at", "x=[0.5,1]", "--at", "i=1", "--gradient", "--stop-after=emit"
    )
    assert "d_x" in whole.out
    assert "d_i" not in whole.out


@pytest.mark.parametrize(
    ("stage", "beginning"),
    [
        ("fuse", "fused neuron: 1 kernel\n"),
        ("lower", "lowered neuron\n"),
        ("emit", "from chainrule.compiler"),
    ],
)
def test_the_stages(cli, stage, beginning):
    words = ["compile", "model.py:neuron", "--at", "w=float64", "--stop-after", stage]
    text = cli(*words).out
    assert text.startswith(beginning)
    answer = json.loads(cli(*words, "--json").out)
    assert (answer["name"], answer["stage"], answer["text"].rstrip()) == ("neuron", stage, text.rstrip())


GOOD = [
    "model.py:cost --at x=[[1,2],[3,4.5]] --at w=w.npy",
    "model.py:cost --at x=one.npz --at w=float64[2]",
    "model.py:neuron --at w=float32[]",
    "model.py:neuron --at w=-1e-3",
    "model.py:neuron --at w=nan",
    "model.py:only_by_name --at x=1.5 --at factor=[1,2]",
    "model.py:scaled --at x=1.5 --at training=true",
    "numpy.py:double --at x=[1,2]",
]


@pytest.mark.parametrize("words", GOOD)
def test_ways_to_give_arguments(cli, words):
    assert cli("compile", *words.split()).code == 0


BAD = [
    ("nothing.py:f", "nothing.py: there is no such file"),
    ("cache.py", "'cache.py' names no function. Write FILE:FUNCTION"),
    (":neuron", "names no function"),
    ("model.py:nueron --at w=1", "model.py: there is no function 'nueron'. Did you mean 'neuron'?"),
    ("model.py:number", "model.py: there is no function 'number'"),
    ("syntax.py:f", "syntax.py:2: this is not Python"),
    ("zero.py:f", "zero.py: this is not Python"),
    ("raises.py:f", "raises.py:2: `x / 0`: ZeroDivisionError"),
    ("leaves.py:f", "leaves.py:1: `raise SystemExit(0)`: SystemExit"),
    ("model.py:neuron", "model.py:neuron: the argument w has no value. Add --at w=1.5"),
    ("model.py:neuron --at w=1 --at v=2", "model.py:neuron: there is no argument 'v'"),
    ("model.py:neuron --at w=1 --at w=2", "w is given a value twice"),
    ("model.py:neuron --at w", "'w' gives no argument a value"),
    ("model.py:neuron --at w=", "'w=' gives no argument a value"),
    ("model.py:neuron --at w=two", "--at w=two: these are no numbers"),
    ("model.py:neuron --at w=[1,[2]]", "--at w=[1,[2]]: these are no numbers"),
    ("model.py:neuron --at w=float16[3]", "--at w=float16[3]: these are no numbers"),
    (f"model.py:neuron --at w={'[' * 100_000}", "these are no numbers"),
    ("model.py:neuron --at w=nothing.npy", "nothing.npy: there is no such file"),
    ("model.py:neuron --at w=cut.npz", "cut.npz: this holds no array"),
    ("model.py:neuron --at w=objects.npy", "objects.npy: this holds no array"),
    ("model.py:neuron --at w=data.npz", "data.npz: there is no array called w; found: x, other"),
    (
        "model.py:neuron --at w=1 --stop-after fusee",
        "--stop-after: there is no 'fusee'. Did you mean 'fuse'?",
    ),
    ("model.py:neuron --at w=1.5 --wrt v", "no input 'v' to differentiate by"),
    ("model.py:neuron --at w=[1.5,2] --gradient", "the gradient is that of one number"),
    ("model.py:neuron --at w=int64 --gradient", "no real numbers"),
    (
        "model.py:branches --at x=1.5",
        "model.py:31: `return x if x > 0 else -x`: what happens here (a branch, a mask as in x[x > 0])",
    ),
    ("model.py:fails --at x=1.5", 'model.py:35: `raise KeyError("no such thing")`: KeyError'),
    ("model.py:worded --at x=1.5", "model.py:worded: the function returned a str"),
    (
        "model.py:impossible --at a=[1.5,2] --at b=[1,2,3]",
        "model.py:43: `return a @ b`: matmul of shapes (2,), (3,)",
    ),
    ("model.py:pick --at x=[0.5,1] --at i=5", "model.py:pick: IndexError"),
]


@pytest.mark.parametrize(("words", "message"), BAD, ids=[words[:60] for words, _ in BAD])
def test_unusable_input_is_one_line(cli, words, message):
    result = cli("compile", *words.split(" "))
    assert (result.code, result.out) == (2, "")
    (line,) = result.err.splitlines()
    assert line.startswith("chainrule: ")
    assert message in line


def test_a_folder_is_no_file(cli):
    Path("folder").mkdir()
    assert "folder: this is a folder" in cli("compile", "folder:f").err


def test_what_cannot_be_compiled_says_why(cli):
    result = cli("compile", "model.py:ordered", "--at", "x=[3.0,1]")
    assert (result.code, result.out) == (1, "")
    assert "chainrule: ordered cannot be compiled: argsort in int64 (model.py:27" in result.err
    answer = json.loads(cli("compile", "model.py:ordered", "--at", "x=[3.0,1]", "--json").out)
    assert (answer["compiled"], "argsort" in answer["reason"]) == (False, True)


def test_in_chinese(cli):
    result = cli("compile", "model.py:neuron", "--at", "w=0.25", "--lang", "zh")
    assert "# 与解释器最多相差 0" in result.out
    assert "请写成 文件:函数" in cli("compile", "model.py", "--lang", "zh").err
