"""The pages on scikit-learn: programs print what is shown; both languages hold the same."""

import re

import pytest
from test_documents import ROOT, assert_shown, blocks, read, run_python

PAGES = ["docs/from_scikit_learn.md", "docs/from_scikit_learn.zh-CN.md"]


@pytest.mark.parametrize("page", PAGES)
def test_programs_print_what_is_shown(page):
    for shown, printed in run_python(page):
        assert_shown(shown or "", printed)


def test_the_two_pages_hold_the_same():
    assert blocks(PAGES[0]) == blocks(PAGES[1])
    for count in (r"^## ", r"^\| ", r"^- "):
        assert len({len(re.findall(count, read(page), re.MULTILINE)) for page in PAGES}) == 1, count


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#]+)\)", read(page)):
        assert (ROOT / "docs" / target).exists(), target
