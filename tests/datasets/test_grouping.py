import pytest

from nuseg.datasets.grouping import given_split, groups_by_pattern, read_column
from nuseg.errors import NusegError


def test_pattern():
    assert groups_by_pattern(["01_2", "11_3"], r"^(\d+)_") == {"01_2": "01", "11_3": "11"}


@pytest.mark.parametrize(
    ("pattern", "says"),
    [
        ("(", "not a regular expression"),
        ("a", "one group in parentheses, found 0"),
        ("(a)(b)", "found 2"),
        ("(x)", "match"),
    ],
)
def test_bad_patterns(pattern, says):
    with pytest.raises(NusegError, match=says):
        groups_by_pattern(["ab", "ac"], pattern)


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "list.csv"
    path.write_text("\ufeffname,patient,split\na.png,P1,train\nb,P2,Val\nc,,test\nd.x,P3,dev\n", encoding="utf-8")
    return path


def test_column_finds_names_with_and_without_suffix(table):
    assert read_column(table, "patient", ["a", "b", "d.x"]) == {"a": "P1", "b": "P2", "d.x": "P3"}


@pytest.mark.parametrize(
    ("column", "names", "says"),
    [("slide", ["a"], "its columns are name, patient, split"), ("patient", ["c", "zz"], "no value for c, zz")],
)
def test_bad_columns(table, column, names, says):
    with pytest.raises(NusegError, match=says):
        read_column(table, column, names)


def test_contradicting_rows_and_unreadable_tables(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("name,patient\na,1\na,2\n")
    with pytest.raises(NusegError, match="occurs twice"):
        read_column(path, "patient", ["a"])
    path.write_bytes(b"name,patient\n\xff\xfe\x00,1\n")
    with pytest.raises(NusegError, match="cannot be read as CSV"):
        read_column(path, "patient", ["a"])
    with pytest.raises(NusegError, match="cannot be read as CSV"):
        read_column(tmp_path / "none.csv", "patient", ["a"])


def test_given_split():
    groups = {"a": "P1", "b": "P2"}
    assert given_split({"a": "Training", "b": "dev"}, groups, "t") == {"a": "train", "b": "validation"}
    with pytest.raises(NusegError, match="'fold1'"):
        given_split({"a": "fold1"}, groups, "t")
    with pytest.raises(NusegError, match="group P is divided: a is in train, b in test"):
        given_split({"a": "train", "b": "test"}, {"a": "P", "b": "P"}, "t")
