"""CSV files."""

import numpy as np
import pytest

from chainrule.datasets import load
from chainrule.errors import DataError, FileFormatError


@pytest.fixture
def csv(tmp_path):
    def write(text):
        path = tmp_path / "data.csv"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write


def test_header_features_and_last_column_as_target(csv):
    data = load(csv("width,height,area\n1,2,2\n3,4.5,13.5\n"))
    assert data.x.tolist() == [[1, 2], [3, 4.5]]
    assert data.x.dtype == np.float64
    assert data.y.tolist() == [2, 13.5]
    assert data.feature_names == ("width", "height")
    assert data.target_names == ("area",)
    assert data.scaling is None


def test_no_header(csv):
    data = load(csv("5.1,3.5,Iris-setosa\n4.9,3.0,Iris-virginica\n"))
    assert data.x.tolist() == [[5.1, 3.5], [4.9, 3.0]]
    assert data.y.tolist() == ["Iris-setosa", "Iris-virginica"]
    assert data.feature_names is None


@pytest.mark.parametrize(
    ("header", "expected"),
    [("target,b,y", 0), ("a,label,y", 1), ("a,y,c", 1), ("a,b,c", 2), ("LABEL,b,c", 0)],
)
def test_which_column_is_the_target(csv, header, expected):
    data = load(csv(f"{header}\n1,2,3\n4,5,6\n"))
    assert data.y.tolist() == [1 + expected, 4 + expected]


@pytest.mark.parametrize("target", ["b", 1, "1", -2])
def test_named_or_numbered_target(csv, target):
    data = load(csv("a,b,y\n1,2,3\n4,5,6\n"), target=target)
    assert data.y.tolist() == [2, 5]
    assert data.feature_names == ("a", "y")


@pytest.mark.parametrize(
    ("cells", "dtype", "expected"),
    [
        (["0", "1", "1"], np.int64, [0, 1, 1]),
        (["0", "1.5", "2"], np.float64, [0.0, 1.5, 2.0]),
        (["1e3", "2", "3"], np.float64, [1000.0, 2.0, 3.0]),
        (["99999999999999999999", "2", "3"], np.float64, [1e20, 2.0, 3.0]),
        (["yes", "no", " yes "], None, ["yes", "no", "yes"]),
        (["猫", "狗", "猫"], None, ["猫", "狗", "猫"]),
    ],
)
def test_kinds_of_targets(csv, cells, dtype, expected):
    y = load(csv("a,label\n" + "".join(f"1,{cell}\n" for cell in cells))).y
    assert y.tolist() == expected
    assert y.dtype.kind == "U" if dtype is None else y.dtype == dtype


@pytest.mark.parametrize(
    "text",
    [
        b"\xef\xbb\xbfa,b\r\n1,2\r\n3,4\r\n\r\n\r\n",
        b'"a","b"\n"1","2"\n"3","4"\n',
        b"a;b\n1;2\n3;4\n",
        b"a\tb\n1\t2\n3\t4\n",
        b"a, b\n 1 , 2 \n3,4",
        b"a,b\n\n1,2\n  \n3,4\n",
    ],
)
def test_spellings_of_the_same_table(csv, text):
    data = load(csv(text))
    assert data.x.tolist() == [[1], [3]]
    assert data.y.tolist() == [2, 4]
    assert data.feature_names == ("a",)


def test_all_words_has_a_header_and_categories_become_columns(csv):
    data = load(csv("colour,size,label\nred,S,yes\nblue,L,no\nred,M,no\n"), categorical=["colour", "size"])
    assert data.feature_names == ("colour=blue", "colour=red", "size=L", "size=M", "size=S")
    assert data.x.tolist() == [[0, 1, 0, 0, 1], [1, 0, 1, 0, 0], [0, 1, 0, 1, 0]]
    assert data.y.tolist() == ["yes", "no", "no"]


def test_categorical_permits_a_mixed_column_and_turns_numbers_into_labels(csv):
    path = csv("code,size,y\n1,0.5,1\nA,0.6,2\n1,0.7,X\n")
    data = load(path, categorical=["code", "y"])
    assert data.feature_names == ("code=1", "code=A", "size")
    assert data.y.tolist() == ["1", "2", "X"]


def test_without_need_of_a_target(csv):
    path = csv("a,b\n1,2\n")
    assert load(path, need_target=False).x.tolist() == [[1, 2]]
    assert load(path, need_target=False, target="a").y.tolist() == [1]
    assert load(path, need_target=False, target="z").x.tolist() == [[1, 2]]
    assert load(csv("a,label\n1,2\n"), need_target=False).x.tolist() == [[1]]
    assert load(csv("1,2\n3,4\n"), need_target=False).x.tolist() == [[1, 2], [3, 4]]


def test_a_column_of_numbers_in_a_header_with_words_in_the_data(csv):
    """A word at line 4 must not make the first row of names pass for data."""
    with pytest.raises(DataError) as caught:
        load(csv("a,b\n1,2\n3,4\noops,6\n"))
    assert caught.value.key == "data.mixed"
    assert (caught.value.values["line"], caught.value.values["column"]) == (4, "a")
    assert caught.value.values["value"] == "oops"


BAD = {
    "ragged": ("a,b\n1,2\n3\n", "data.ragged", 3, None),
    "too many cells": ("a,b\n1,2\n\n3,4,5\n", "data.ragged", 4, None),
    "numbers and a word": ("a,b\n1,2\nx,4\n5,6\n", "data.mixed", 3, "a"),
    "words and a number": ("a,y\n1,red\n2,7\n3,blue\n", "data.mixed", 3, "y"),
    "a word in a headless file": ("1,2\n3,4\n5,six\n", "data.mixed", 3, "1"),
    "underscore": ("a,b\n1_0,2\n3,4\n5,6\n", "data.mixed", 2, "a"),
    "words as features": ("a,b,y\nred,1,1\nblue,2,0\n", "data.words", 2, "a"),
    "missing": ("a,b\n1,2\n,4\n", "data.missing", 3, "a"),
    "NA": ("a,b\n1,2\nNA,4\n", "data.missing", 3, "a"),
    "missing in the first of headless rows": ("1,,3\n4,5,6\n", "data.missing", 1, "1"),
    "NaN": ("a,b\n1,2\nnan,4\n", "data.missing", 3, "a"),
    "missing target": ("a,b\n1,2\n3,\n", "data.missing", 3, "b"),
    "missing word": ("a,b\n1,red\n3,\n4,blue\n", "data.missing", 3, "b"),
    "infinity": ("a,b\n1,2\n-inf,4\n", "data.not_finite_cell", 3, "a"),
    "too large": ("a,b\n1,2\n1e999,4\n", "data.not_finite_cell", 3, "a"),
    "infinite target": ("a,b\n1,inf\n", "data.not_finite_cell", 2, "b"),
    "after a cell of two lines": ('a,b,y\n1,"2\n",1\n3,oops,1\n4,5,1\n', "data.mixed", 4, "b"),
    "empty": ("", "data.empty", None, None),
    "blank": ("\n\n  \n", "data.empty", None, None),
    "header only": ("a,b\n", "data.no_rows", None, None),
    "open quote": ('a,b\n1,"2\n3,4\n', "data.csv", None, None),
    "text after a quote": ('a,b\n1,2\n"3"x,4\n', "data.csv", 3, None),
    "target only": ("y\n1\n2\n", "data.no_features", None, None),
    "not UTF-8": ("a,b\n1,人\n".encode("gbk"), "data.not_utf8", None, None),
    "UTF-16": ("a,b\n1,2\n".encode("utf-16"), "data.not_utf8", None, None),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_file_is_named_with_line_and_column(csv, name):
    text, key, line, column = BAD[name]
    path = csv(text)
    with pytest.raises((DataError, FileFormatError)) as caught:
        load(path)
    error = caught.value
    assert error.key == key
    assert line is None or error.values["line"] == line
    assert column is None or error.values["column"] == column
    assert str(path) in str(error)
    assert "\n" not in str(error)


def test_ragged_says_both_counts(csv):
    with pytest.raises(FileFormatError) as caught:
        load(csv("a,b,c\n1,2\n"))
    assert (caught.value.values["found"], caught.value.values["expected"]) == (2, 3)


def test_unknown_column_suggests_the_nearest(csv):
    with pytest.raises(DataError) as caught:
        load(csv("species,size\n1,2\n"), target="specis")
    assert "'species'" in str(caught.value)
    with pytest.raises(DataError) as caught:
        load(csv("1,2\n3,4\n"), target=2)
    assert caught.value.key == "data.no_column"
    with pytest.raises(DataError) as caught:
        load(csv("a,b\n1,2\n"), categorical=["c"])
    assert caught.value.key == "data.no_column"


def test_messages_stay_short_and_on_one_line(csv):
    names = ",".join(f"column_{number}" for number in range(500))
    path = csv(f"{names}\n{','.join('1' * 500)}\n")
    with pytest.raises(DataError) as caught:
        load(path, target="price")
    assert len(str(caught.value)) < 200 + len(str(path))
    with pytest.raises(DataError) as caught:
        load(csv('"wid\nth",y\n1,2\nx,3\n4,5\n'))
    assert caught.value.values["column"] == "wid th"
    assert "\n" not in str(caught.value)


def test_two_columns_of_one_name(csv):
    path = csv("a,a,y\n1,2,3\n4,5,6\n")
    assert load(path).x.tolist() == [[1, 2], [4, 5]]
    with pytest.raises(DataError) as caught:
        load(path, target="a")
    assert caught.value.key == "data.twice"


def test_words_far_down_are_found_across_blocks(csv):
    rows = ["1.5,2"] * 50_000
    rows[45_000] = "bad,2"
    with pytest.raises(DataError) as caught:
        load(csv("a,b\n" + "\n".join(rows)))
    assert caught.value.values["line"] == 45_002


def test_large_file_agrees_with_numpy(csv):
    expected = np.random.default_rng(0).standard_normal((20_000, 20)).round(6)
    path = csv("\n".join(",".join(map(repr, row)) for row in expected.tolist()))
    data = load(path)
    np.testing.assert_array_equal(data.x, expected[:, :-1])
    np.testing.assert_array_equal(data.y, expected[:, -1])


@pytest.mark.parametrize(
    "text",
    [
        '"x, cm";b;y\n1;2;3\n4;5;6\n',
        "x, cm;b;y\n1;2;3\n4;5;6\n",
        "x, cm\tb, cm\ty\n1\t2\t3\n4\t5\t6\n",
        '"x;\tcm",b,y\n1,2,3\n4,5,6\n',
        '"x\n, cm";b;y\n1;2;3\n4;5;6\n',
        '\n"say ""x, y, z""";b;y\n1;2;3\n4;5;6\n',
    ],
)
def test_what_separates_the_cells_is_outside_of_quotes(csv, text):
    data = load(csv(text))
    assert data.x.tolist() == [[1, 2], [4, 5]]
    assert data.y.tolist() == [3, 6]
    assert data.feature_names[1].startswith("b")


def test_a_label_of_two_lines_is_one_line(csv):
    data = load(csv('x,y\n1,"dark\n  red"\n2,blue\n3,dark red\n'))
    assert data.y.tolist() == ["dark red", "blue", "dark red"]


YEARS = "2019,2020,{}\n1,2,cat\n3,4,dog\n5,6,cat\n7,8,dog\n"


@pytest.mark.parametrize(("name", "target"), [("label", None), ("Target", None), ("kind", "kind")])
def test_names_may_be_numbers_where_the_targets_name_is_known(csv, name, target):
    data = load(csv(YEARS.format(name)), target=target)
    assert data.feature_names == ("2019", "2020")
    assert data.target_names == (name,)
    assert data.y.tolist() == ["cat", "dog", "cat", "dog"]


def test_a_first_label_that_may_be_a_name_is_refused(csv):
    path = csv(YEARS.format("kind"))
    with pytest.raises(DataError) as caught:
        load(path)
    assert caught.value.key == "data.header_or_data"
    assert (caught.value.values["line"], caught.value.values["value"]) == (1, "kind")


def test_a_first_label_that_others_have_is_data(csv):
    assert load(csv(YEARS.format("dog"))).y.tolist() == ["dog", "cat", "dog", "cat", "dog"]
    assert load(csv("1,2,label\n3,4,dog\n5,6,label\n")).y.tolist() == ["label", "dog", "label"]
    assert load(csv("1,2,y\n3,4,n\n5,6,y\n")).y.tolist() == ["y", "n", "y"]


def test_categories_are_known_by_the_titles_of_their_columns(csv):
    path = csv("size,colour,y\n1,red,a\n2,blue,b\n")
    for named in (["colour"], [1], ["1"], [-2]):
        assert load(path, categorical=named).categorical == ("colour",)


def test_a_categorical_target_may_be_missing_where_none_is_needed(csv):
    path = csv("size\n1\n2\n")
    assert load(path, target="y", categorical=["y"], need_target=False).x.tolist() == [[1], [2]]
    with pytest.raises(DataError):
        load(path, target="y", categorical=["colour"], need_target=False)
