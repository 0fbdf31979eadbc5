"""Help, languages, and words that make no command."""

import re

import pytest

from chainrule import __version__
from chainrule.cli.app import COMMANDS
from chainrule.text import TABLES

CHINESE = re.compile("[一-鿿]")
# What may be Latin in a Chinese text: names, code, formulas.
NOT_A_SENTENCE = re.compile(r"[A-Za-z][a-z]+(?: [a-z]+){2,}")


def placeholders(text):
    return set(re.findall(r"\{(\w+)", text))


def test_both_languages_say_the_same_things():
    english, chinese = TABLES["en"], TABLES["zh"]
    assert english.keys() == chinese.keys()
    for key, text in english.items():
        assert placeholders(text) == placeholders(chinese[key]), key


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_each_command(cli, command):
    result = cli(command, "--help")
    assert (result.code, result.err) == (0, "")
    assert result.out.startswith(f"Usage: chainrule {command} [OPTIONS]")
    for words in ("Options:", "Example:\n  chainrule " + command, "--json", "--lang en|zh", "--help"):
        assert words in result.out
    assert max(map(len, result.out.splitlines())) <= 80


@pytest.mark.parametrize("command", ["", *COMMANDS])
@pytest.mark.parametrize("place", ["before", "after"])
def test_chinese_help_holds_no_english_sentence(cli, command, place):
    words = [command] if command else []
    words = ["--lang", "zh", *words, "--help"] if place == "before" else [*words, "--help", "--lang=zh"]
    result = cli(*words)
    assert result.code == 0
    assert result.out.startswith("用法：chainrule")
    for english in ("Usage", "Options", "Arguments", "Commands", "Show", "default:", "Example", "Try"):
        assert english not in result.out
    lines = [line for line in result.out.splitlines() if "chainrule" not in line]
    assert not [line for line in lines if NOT_A_SENTENCE.search(line)]
    assert all(sum(2 if CHINESE.match(sign) else 1 for sign in line) <= 80 for line in lines)


def test_overview(cli):
    for words in ([], ["--help"]):
        result = cli(*words)
        assert result.code == 0
        for command in COMMANDS:
            assert f"\n  {command} " in result.out
    assert cli("--version").out == f"chainrule {__version__}\n"


def test_the_environment_chooses_the_language(cli, monkeypatch):
    monkeypatch.setenv("CHAINRULE_LANG", "zh")
    assert cli("--help").out.startswith("用法：")
    monkeypatch.delenv("CHAINRULE_LANG")
    monkeypatch.setenv("LC_ALL", "zh_CN.UTF-8")
    assert cli("--help").out.startswith("用法：")
    assert cli("--help", "--lang", "en").out.startswith("Usage:")
    assert cli("--help").out.startswith("用法：")  # the choice was for one command only


WRONG_WORDS = [
    (["trian"], "no command 'trian'. Did you mean 'train'?", "没有命令 'trian'"),
    (["frobnicate"], "Known:", "没有命令"),
    (["--ouch"], "no option --ouch", "没有选项 --ouch"),
    (["train", "--epoch", "3"], "no option --epoch. Did you mean '--epochs'?", "没有选项 --epoch"),
    (["train", "--epochs"], "Option --epochs needs a value", "选项 --epochs 需要一个值"),
    (["train", "--json=yes"], "Option --json takes no value", "选项 --json 不带值"),
    (["train", "digits", "more"], "no place for 'more'", "'more' 是多余的"),
    (["evaluate"], "Missing argument MODEL", "缺少参数 模型"),
    (["evaluate", "a.safetensors"], "Missing argument DATA", "缺少参数 数据"),
    (["explain"], "Missing argument EXPRESSION", "缺少参数 算式"),
    (["explain", "a", "a=1", "--wrtt", "a"], "no option --wrtt. Did you mean '--wrt'?", "没有选项 --wrtt"),
]


@pytest.mark.parametrize(("words", "english", "chinese"), WRONG_WORDS)
def test_wrong_words_are_one_line(cli, words, english, chinese):
    result = cli(*words)
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith("chainrule: ")
    assert result.err.count("\n") == 1
    assert english in result.err
    result = cli(*words, "--lang=zh") if words[-1] != "--epochs" else cli("--lang=zh", *words)
    assert result.code == 2
    assert chinese in result.err
    assert not NOT_A_SENTENCE.search(result.err)


def test_an_unknown_language(cli):
    result = cli("--lang", "fr", "train")
    assert (result.code, result.err) == (2, "chainrule: There is no language 'fr'; known: en, zh.\n")
