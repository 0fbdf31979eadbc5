"""The pages on formats: programs print what is shown, and both languages hold the same."""

import contextlib
import importlib.util
import io
import re
import shutil
import subprocess

import pytest
from test_documents import ROOT, assert_shown, blocks, read

PAGES = ["docs/formats.md", "docs/formats.zh-CN.md"]


def runs_here(block):
    """Return whether all that a block imports is installed; those called py need more than chainrule does."""
    modules = re.findall(r"^(?:import|from) (\w+)", block.text, re.MULTILINE)
    return block.kind == "python" or all(importlib.util.find_spec(name) for name in modules)


@pytest.mark.parametrize("page", PAGES)
def test_programs_print_what_is_shown(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    namespace = {"__name__": "__main__"}
    for block in blocks(page):
        if block.kind in ("python", "py") and runs_here(block):
            printed = io.StringIO()
            with contextlib.redirect_stdout(printed):
                exec(compile(block.text, page, "exec"), namespace)
            assert_shown(block.shown or "", printed.getvalue())


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("cc") is None, reason="there is no C compiler")
def test_the_c_file_is_compiled_as_shown(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    first, *_ = [block.text for block in blocks(PAGES[0]) if block.kind == "python"]
    with contextlib.redirect_stdout(io.StringIO()):
        exec(compile(first, "example.py", "exec"), {})
    (commands,) = [block.text for block in blocks(PAGES[0]) if block.text.startswith("cc ")]
    done = subprocess.run(["bash", "-ec", commands], capture_output=True, text=True, check=True)
    assert [line.split(",")[0] for line in done.stdout.splitlines()] == ["other", "same"]


def test_the_two_pages_hold_the_same():
    assert blocks(PAGES[0]) == blocks(PAGES[1])
    for count in (r"^## ", r"^\| ", r"^- "):
        assert len({len(re.findall(count, read(page), re.MULTILINE)) for page in PAGES}) == 1, count


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#]+)\)", read(page)):
        assert target.startswith("https://") or (ROOT / "docs" / target).exists(), target
