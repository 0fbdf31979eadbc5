"""``chainrule audit``."""

import json

import numpy as np
import pytest

RIGHT = "x = 3.0\nJ = x * x\ndx = 2 * x\n"
WRONG = "x = 3.0\nJ = x * x\ndx = -2 * x\n"


@pytest.fixture
def script(tmp_path):
    def write(text):
        path = tmp_path / "script.py"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def test_a_right_script(cli, script):
    result = cli("audit", script(RIGHT))
    assert (result.code, result.err) == (0, "")
    assert "✓ line 3" in result.out
    assert "1 right, 0 wrong, 0 inherited." in result.out


def test_a_wrong_script(cli, script):
    result = cli("audit", script(WRONG))
    assert (result.code, result.err) == (1, "")
    assert "✗ line 3" in result.out
    assert "The sign is wrong." in result.out
    assert "dx: claimed -6, true 6" in result.out


def test_json_has_the_names_of_the_attributes(cli, script):
    result = cli("audit", script(WRONG), "--json")
    assert result.code == 1
    found = json.loads(result.out)
    assert (found["ok"], found["cost"]) == (False, {"name": "J", "value": 9.0})
    (finding,) = found["findings"]
    assert finding["name"] == "dx"
    assert (finding["line"], finding["lines"]) == (3, [3])
    assert (finding["status"], finding["kind"]) == ("wrong", "sign")
    assert (finding["claimed"], finding["true"], finding["relative_error"]) == (-6.0, 6.0, 2.0)
    assert finding["correction"].replace(" ", "") in ("dx=2*x", "dx=--2*x")
    assert finding["paths"] == []


def test_in_chinese(cli, script):
    result = cli("audit", script(WRONG), "--lang", "zh")
    assert "符号错了" in result.out
    assert "错误 1 个" in result.out


def test_values_come_from_words_and_files(cli, script, tmp_path):
    np.savez(tmp_path / "data.npz", x=np.array([1.0, 2.0]))
    path = script("import numpy as np\nJ = k * np.sum(x ** 2)\ndx = 2 * k * x\ndk = np.sum(x ** 2)\n")
    result = cli("audit", path, "--at", f"x={tmp_path / 'data.npz'}", "--at", "k=3")
    assert result.code == 0, result
    assert "J = 15" in result.out


def test_the_cost_is_chosen_by_name(cli, script):
    path = script("x = 3.0\nJ = x * x\ncheck = 7 * x\ndx = 2 * x\n")
    assert cli("audit", path, "--of", "J").code == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nowhere.py"], "nowhere.py"),
        (["."], "."),
        (["script.py", "--at", "x"], "name=value"),
        (["script.py", "--at", "x=float64[3]"], "x=float64[3]"),
        (["script.py", "--of", "K"], "K"),
    ],
)
def test_what_cannot_be_used_is_said_in_one_line(cli, script, words, said):
    script(RIGHT)
    result = cli("audit", *words)
    assert (result.code, result.out) == (2, "")
    assert said in result.err
    assert result.err.count("\n") == 1


def test_a_script_without_claims_says_how_to_call_them(cli, script):
    result = cli("audit", script("x = 3.0\nJ = x * x\n"))
    assert result.code == 2
    assert result.err.count("\n") == 1
