"""What the documents say is so: programs run and print what is shown, commands and links exist."""

from __future__ import annotations

import contextlib
import doctest
import importlib.util
import io
import itertools
import linecache
import os
import re
import runpy
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import NamedTuple

import pytest

import chainrule as cr
from chainrule.primitives import PRIMITIVES, TRANSLATIONS

ROOT = Path(__file__).parent.parent
READMES = ["README.md", "README.zh-CN.md"]
COMPILER = ["docs/compiler.md", "docs/compiler.zh-CN.md"]
EXPLAIN = ["docs/explain.md", "docs/explain.zh-CN.md"]
AUDIT = ["docs/audit.md", "docs/audit.zh-CN.md"]
DOCUMENTS = [*READMES, *COMPILER, *EXPLAIN, *AUDIT, "CONTRIBUTING.md", "CHANGELOG.md"]
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:e[-+]\d+)?")
PLAIN = {"LC_ALL": "C.UTF-8", "CHAINRULE_LANG": "en", "NO_COLOR": "1", "COLUMNS": "100"}


class Block(NamedTuple):
    kind: str
    text: str
    shown: str | None


def read(name):
    return (ROOT / name).read_text(encoding="utf-8")


def blocks(name):
    """Return the fenced blocks of a document, each with the output that is shown right after it."""
    text = read(name)
    found = list(FENCE.finditer(text))
    result = []
    for match, after in itertools.zip_longest(found, found[1:]):
        shown = None
        if after is not None and after[1] == "text" and not text[match.end() : after.start()].strip():
            shown = after[2]
        if match[1] != "text":
            result.append(Block(match[1], match[2], shown))
    return result


def run_python(name):
    """Run a document's Python as one program; yield what each block shows and what it prints."""
    place, line, namespace = "example.py", 0, {"__name__": "__main__"}
    chosen = [block for block in blocks(name) if block.kind == "python"]
    source = "\n".join(block.text for block in chosen)
    linecache.cache[place] = (len(source), None, source.splitlines(keepends=True), place)
    for block in chosen:
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile("\n" * line + block.text, place, "exec"), namespace)
        line += block.text.count("\n") + 1
        yield block.shown, printed.getvalue()


def run_command(line):
    """Run a command line that begins with ``chainrule``."""
    words = shlex.split(line, comments=True)
    command = [sys.executable, "-m", "chainrule", *words[1:]]
    return subprocess.run(
        command, capture_output=True, text=True, check=False, encoding="utf-8", env={**os.environ, **PLAIN}
    )


def assert_shown(shown, printed):
    """Compare words, and numbers up to rounding, or a little more where a trained network has the word."""
    for ours, theirs in itertools.zip_longest(shown.rstrip().splitlines(), printed.rstrip().splitlines()):
        assert ours is not None, printed
        assert theirs is not None, printed
        assert NUMBER.sub("#", ours).split() == NUMBER.sub("#", theirs).split()
        learned = "%" in ours or "Epoch" in ours
        for expected, number in zip(NUMBER.findall(ours), NUMBER.findall(theirs), strict=True):
            assert float(number) == pytest.approx(float(expected), rel=0.03 if learned else 1e-6)


@pytest.fixture(autouse=True)
def _compiled_as_shown(monkeypatch, tmp_path):
    """Keep machine code out of the user's folder; and sources as they are without tests of every place."""
    monkeypatch.setenv("CHAINRULE_CACHE", str(tmp_path / "code"))
    monkeypatch.delenv("CHAINRULE_BOUNDSCHECK", raising=False)


@pytest.fixture
def own_registry():
    """Forget afterwards which primitives a document entered."""
    before = [(table, dict(table)) for table in (PRIMITIVES, TRANSLATIONS)]
    yield
    for table, entries in before:
        table.clear()
        table.update(entries)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_python_blocks_print_what_is_shown(name, own_registry):
    for shown, printed in run_python(name):
        assert_shown(shown or "", printed)


@pytest.mark.parametrize("name", [*READMES, *COMPILER, *EXPLAIN])
def test_shell_blocks_print_what_is_shown(name):
    shown = [block for block in blocks(name) if block.kind == "sh" and block.shown is not None]
    assert shown
    for block in shown:
        done = run_command(block.text)
        assert done.returncode == 0, done.stderr
        assert_shown(block.shown, done.stdout)


def test_commands_and_options_in_the_readme_exist():
    lines = [line for block in blocks("README.md") for line in block.text.splitlines() if block.kind == "sh"]
    commands = [shlex.split(line, comments=True) for line in lines if line.startswith("chainrule ")]
    assert len(commands) >= 6
    for name in {words[1] for words in commands}:
        help_text = run_command(f"chainrule {name} --help").stdout
        options = {word for words in commands if words[1] == name for word in words if word.startswith("--")}
        assert options <= set(re.findall(r"--[a-z-]+", help_text)), name


def without_language(block):
    """Return a block without comments, and without the choice of a language for its output."""
    return re.sub(r"\s*#.*| --lang zh", "", block.text)


def test_the_two_readmes_hold_the_same():
    english, chinese = [blocks(name) for name in READMES]
    assert [without_language(block) for block in english] == [without_language(block) for block in chinese]
    shown = [[block.shown for block in half if block.kind == "python"] for half in (english, chinese)]
    assert shown[0] == shown[1]
    counts = [len(re.findall(r"^##? ", read(name), re.MULTILINE)) for name in READMES]
    assert counts[0] == counts[1]
    here, there = [set(re.findall(r"\]\(([^)]+)\)", read(name))) - set(READMES) for name in READMES]
    assert {link.replace(".zh-CN", "") for link in here} == {link.replace(".zh-CN", "") for link in there}


def test_the_two_pages_on_compiling_hold_the_same():
    english, chinese = [blocks(name) for name in COMPILER]
    assert english == chinese
    for count in (r"^## ", r"^\| `", r"^- "):
        assert len({len(re.findall(count, read(name), re.MULTILINE)) for name in COMPILER}) == 1, count


def test_the_two_pages_on_explaining_hold_the_same():
    assert blocks(EXPLAIN[0]) == blocks(EXPLAIN[1])
    assert len({len(re.findall(r"^## ", read(name), re.MULTILINE)) for name in EXPLAIN}) == 1


def test_the_two_pages_on_auditing_hold_the_same():
    assert blocks(AUDIT[0]) == blocks(AUDIT[1])
    for count in (r"^## ", r"^\| `", r"^- "):
        assert len({len(re.findall(count, read(name), re.MULTILINE)) for name in AUDIT}) == 1, count


def test_the_chinese_readme_uses_the_terms_of_the_field():
    text = read("README.zh-CN.md")
    for term in ("梯度下降", "链式法则", "反向传播", "计算图", "学习率", "小批量"):
        assert term in text, term


@pytest.mark.parametrize("name", DOCUMENTS)
def test_links_lead_somewhere(name):
    for target in re.findall(r"\]\(([^)#]+)\)", read(name)):
        assert target.startswith("https://") or ((ROOT / name).parent / target).exists(), target


def test_the_gate_runs_the_readmes_test_command():
    extraction = re.search(r"^command=\$\((.*)\)$", read(".ci/run"), re.MULTILINE)
    done = subprocess.run(["bash", "-c", extraction[1]], cwd=ROOT, capture_output=True, text=True, check=True)
    (command,) = done.stdout.splitlines()
    create, install, check = command.split(" && ")
    assert create == "python3 -m venv .venv"
    assert install == ".venv/bin/pip install -q -e '.[dev]'"
    assert check == ".venv/bin/python scripts/check"
    assert (ROOT / "scripts" / "check").is_file()


def test_how_it_works():
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        runpy.run_path(str(ROOT / "docs" / "how_it_works.py"), run_name="__main__")
    assert "dJ/dc = dJ/du · ∂u/∂c = dJ/du · b = 3 · 4 = 12" in printed.getvalue()


@pytest.mark.slow
def test_the_picture_can_be_made(tmp_path):
    spec = importlib.util.spec_from_file_location("make_pictures", ROOT / "docs" / "make_pictures.py")
    pictures = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(pictures)
    pictures.main(tmp_path)
    made, kept = [(folder / "overview.png").read_bytes() for folder in (tmp_path, ROOT / "docs")]
    assert made[:8] == kept[:8] == b"\x89PNG\r\n\x1a\n"
    assert made[16:24] == kept[16:24]  # width and height
    assert len(kept) < 300_000


def floors():
    """Return the floors of the import contract, from the top, each the set of its modules."""
    project = tomllib.loads(read("pyproject.toml"))
    contract = project["tool"]["importlinter"]["contracts"][0]
    layers = [{name.strip() for name in layer.split("|")} for layer in contract["layers"]]
    return [{name for name in layer if not name.startswith("(")} for layer in layers]  # (later) is optional


def test_contributing_draws_the_floors_of_the_contract():
    drawing = re.search(r"^```floors\n(.*?)^```$", read("CONTRIBUTING.md"), re.MULTILINE | re.DOTALL)
    lines = [re.split(r"\s{2,}", line.strip()) for line in drawing[1].splitlines()]
    drawn = {}
    for number, names, *_ in lines:
        drawn.setdefault(int(number), set()).update(name.strip(" /") for name in names.split("·"))
    assert [drawn[floor] for floor in sorted(drawn, reverse=True)] == floors()
    everything = set().union(*floors())
    assert everything == {path.stem for path in (ROOT / "src" / "chainrule").iterdir() if is_module(path)}


def is_module(path):
    return (path.suffix == ".py" and not path.stem.startswith("__")) or (path / "__init__.py").exists()


def test_the_change_log_begins_with_the_present_version():
    assert re.search(r"^## \[(.*?)\]", read("CHANGELOG.md"), re.MULTILINE)[1] == cr.__version__


@pytest.mark.parametrize("name", [name for name in cr.__all__ if not name.startswith("__")])
def test_public_means_documented_by_an_example_that_runs(name):
    value = getattr(cr, name)
    assert value.__doc__, name
    tests = [
        test for test in doctest.DocTestFinder(recurse=False).find(value, name, globs={}) if test.examples
    ]
    assert tests, f"{name} has no example in its docstring"
    runner = doctest.DocTestRunner(verbose=False)
    for test in tests:
        assert runner.run(test).failed == 0
