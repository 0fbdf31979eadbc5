"""The language tables: the same keys and placeholders, every text used, none written elsewhere."""

import ast
import re
import string
from pathlib import Path

import pytest

import chainrule
from chainrule import errors, text

SOURCES = sorted(Path(chainrule.__file__).parent.rglob("*.py"))
CODE = [path for path in SOURCES if "text" not in path.relative_to(SOURCES[0].parent).parts[:1]]
ENGLISH, CHINESE = text.TABLES["en"], text.TABLES["zh"]
ERRORS = {
    name for name, value in vars(errors).items() if isinstance(value, type) and issubclass(value, Exception)
}
CHINESE_CHARACTER = re.compile(r"[\u4e00-\u9fff]")


def placeholders(entry):
    return sorted({name for _, name, _, _ in string.Formatter().parse(entry) if name})


def literals(path):
    """Yield the texts in a file's code, and the fixed beginnings of its f-strings, without docstrings."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    documentation = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documentation:
            yield node.value


USED = {literal for path in CODE for literal in literals(path)}


def test_both_languages_have_the_same_keys():
    assert ENGLISH.keys() == CHINESE.keys()


@pytest.mark.parametrize("language", text.TABLES)
def test_no_key_is_given_twice_in_a_language(language):
    """A later part of a language would silently replace the text of an earlier one."""
    seen = {}
    for path in sorted((SOURCES[0].parent / "text" / language).glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            for key in node.keys if isinstance(node, ast.Dict) else ():
                if isinstance(key, ast.Constant):
                    assert key.value not in seen, (
                        f"{key.value} is in {path.name} and in {seen.get(key.value)}"
                    )
                    seen[key.value] = path.name


@pytest.mark.parametrize("key", ENGLISH)
def test_a_text(key):
    english, chinese = ENGLISH[key], CHINESE.get(key, "")
    assert english.strip()
    assert chinese.strip()
    assert placeholders(english) == placeholders(chinese)
    assert not CHINESE_CHARACTER.search(english)
    words = re.sub(r"\{[^}]*\}", "", english)
    if re.search(r"[a-z]{4,}", words) and english != chinese:
        assert CHINESE_CHARACTER.search(chinese), f"{key} is not translated: {chinese}"


def test_every_text_is_used():
    unused = [key for key in ENGLISH if not is_used(key)]
    assert not unused


def is_used(key):
    """Return whether code names a key, or an f-string begins or ends as the key does."""
    if key in USED:
        return True
    parts = key.split(".")
    return any(f"{'.'.join(parts[:count])}." in USED for count in range(1, len(parts)))


def test_every_key_in_the_code_has_a_text():
    shape = re.compile(r"[a-z]+\.[a-z_]+(\.[a-z_]+)*")
    families = {key.partition(".")[0] for key in ENGLISH}
    keys = {literal for literal in USED if shape.fullmatch(literal) and literal.partition(".")[0] in families}
    assert not sorted(
        key for key in keys if key not in ENGLISH and not is_a_prefix(key) and not is_other(key)
    )


def is_a_prefix(literal):
    return any(key.startswith(f"{literal}.") for key in ENGLISH)


def is_other(literal):
    """Return whether it is the name of a file or a module."""
    return (
        literal.endswith((".py", ".json", ".csv", ".npz", ".npy", ".safetensors", ".gz"))
        or (SOURCES[0].parent / f"{literal.replace('.', '/')}.py").is_file()
    )


@pytest.mark.parametrize("path", CODE, ids=lambda path: str(path.relative_to(SOURCES[0].parent)))
def test_no_message_is_written_in_the_code(path):
    """Our own errors take a key, never a sentence."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name) or not node.args:
            continue
        if node.func.id in ERRORS or node.func.id in ("say", "refusal"):
            first = node.args[0]
            if isinstance(first, ast.JoinedStr):
                first = first.values[0]
            if isinstance(first, ast.Constant) and isinstance(first.value, str):
                assert " " not in first.value, f"{path.name}:{node.lineno}: {first.value!r}"


def test_every_error_says_what_to_do():
    """A message that ends an operation has at least two sentences: what is wrong, and the remedy."""
    fatal = ("trace.", "graph.", "gradient.", "file.", "data.", "model.")
    fragments = re.compile(r"^[^.A-Z]*$")
    for key, entry in ENGLISH.items():
        if key.startswith(fatal) and not fragments.match(entry):
            assert entry.rstrip().endswith((".", "{hint}", "{remedy}", ")", "{reason}")), f"{key}: {entry}"


def test_the_language_follows_the_choice_and_the_environment(monkeypatch):
    for variable in ("CHAINRULE_LANG", "LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(variable, raising=False)
    assert text.language() == "en"
    monkeypatch.setenv("LANG", "zh_CN.UTF-8")
    assert text.language() == "zh"
    monkeypatch.setenv("CHAINRULE_LANG", "en")
    assert text.language() == "en"
    text.use_language("zh")
    try:
        assert text.language() == "zh"
        assert CHINESE_CHARACTER.search(text.say("hint.nearest", name="relu"))
        with pytest.raises(ValueError, match="fr"):
            text.use_language("fr")
    finally:
        text.use_language(None)
