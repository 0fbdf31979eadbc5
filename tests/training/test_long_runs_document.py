"""The pages on long runs: programs print what is shown, options exist, and both languages hold the same."""

import contextlib
import io
import re
import warnings

import pytest
from test_documents import ROOT, blocks, read, run_command

PAGES = ["docs/long_runs.md", "docs/long_runs.zh-CN.md"]


@pytest.mark.parametrize("page", PAGES)
def test_programs_print_what_is_shown(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    namespace = {"__name__": "__main__"}
    with warnings.catch_warnings():
        for block in blocks(page):
            if block.kind == "python":
                printed = io.StringIO()
                with contextlib.redirect_stdout(printed):
                    exec(compile(block.text, page, "exec"), namespace)
                assert printed.getvalue() == (block.shown or "")


def test_the_options_exist():
    known = set(re.findall(r"--[a-z-]+", run_command("chainrule train --help").stdout))
    for page in PAGES:
        assert set(re.findall(r"(?<![-|])--[a-z][a-z-]+", read(page))) <= known


def test_both_pages_hold_the_same():
    assert blocks(PAGES[0]) == blocks(PAGES[1])
    for count in (r"^## ", r"^\| `", r"^- "):
        assert len({len(re.findall(count, read(page), re.MULTILINE)) for page in PAGES}) == 1, count


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#]+)\)", read(page)):
        assert ((ROOT / page).parent / target).exists(), target
