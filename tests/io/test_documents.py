"""Documents that anybody may have written: read as they are, or refused in one short line."""

import gzip
import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nuseg.errors import NusegError
from nuseg.io.documents import (
    DocumentError,
    Limits,
    gunzip,
    parse_json,
    read_bytes,
    read_json,
    read_object,
    read_table,
    read_text,
)
from nuseg.io.yaml_text import parse_yaml, read_yaml

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


def check_refused(error: pytest.ExceptionInfo[DocumentError], words: str = "") -> None:
    text = str(error.value)
    assert words in text
    assert text.isprintable()
    assert len(text) < 300


@given(JSON)
def test_json_is_read_as_the_standard_library_reads_it(tree: object) -> None:
    assert parse_json(json.dumps(tree).encode()) == tree
    assert parse_json(json.dumps(tree, ensure_ascii=False, indent=1).encode()) == tree


@given(st.integers(0, 12), st.text())
def test_depth_is_counted_outside_of_texts(depth: int, text: str) -> None:
    raw = (b"[" * depth) + json.dumps("[[[[" + text).encode() + (b"]" * depth)
    limits = Limits(depth=6)
    if depth <= 6:
        parse_json(raw, limits)
    else:
        with pytest.raises(DocumentError, match="6 levels"):
            parse_json(raw, limits)


def test_siblings_do_not_add_to_the_depth() -> None:
    assert parse_json(b'{"a": [[], [], []], "b": [[1], {"c": []}]}', Limits(depth=4))


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"[" * 200_000, "100 levels"),
        (b'{"a":' * 200_000, "100 levels"),
        (b'{"a": NaN}', "finite numbers, found NaN"),
        (b"[-Infinity]", "finite numbers, found -Infinity"),
        (b"[1e400]", "finite numbers, found 1e400"),
        (b"9" * 5_000, "4300 digits"),
        (b"", "Expecting value"),
        (b"{", "cannot be read as JSON"),
        (b'{"a": "\x1b[2J' + b"a" * 500_000 + b'"}', "cannot be read as JSON"),
        (b'["\xff"]', "no text in UTF-8"),
        (b"[" + b"1," * 2_000_000 + b"1]", "values, expected at most"),
        (b"[" + b"[]," * 1_999_999 + b"[]]", "values, expected at most"),
        (b'"' + b"\\" * 1_000_000, "cannot be read as JSON"),
    ],
    ids=lambda value: str(value[:20]),
)
def test_json_that_is_refused(raw: bytes, words: str) -> None:
    with pytest.raises(DocumentError) as error:
        parse_json(raw)
    check_refused(error, words)


def test_half_characters_of_file_names_are_read() -> None:
    assert parse_json(json.dumps({"name": "a\udce9"}).encode()) == {"name": "a\udce9"}


def test_limits_of_size(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(b"[" + b" " * 98 + b"]")
    assert read_json(path, Limits(size=100)) == []
    with pytest.raises(DocumentError, match="100 bytes, expected at most 99"):
        read_json(path, Limits(size=99))
    with path.open("r+b") as file:
        file.truncate(10**12)  # a file of holes: large, and nothing on the disk
    with pytest.raises(DocumentError, match="1,000,000,000,000 bytes"):
        read_json(path)


def test_only_regular_files_are_read(tmp_path: Path) -> None:
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe")  # would wait for ever
        with pytest.raises(DocumentError, match="no regular file"):
            read_bytes(tmp_path / "pipe", 10)
    with pytest.raises(DocumentError, match="cannot be read"):
        read_bytes(tmp_path, 10)
    for name in ("none", "a" * 5_000, "zero\0byte"):
        with pytest.raises(DocumentError) as error:
            read_bytes(tmp_path / name, 10)
        check_refused(error, "cannot be read")


def test_an_object_is_named_with_its_file(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text('{"a": 1}')
    assert read_object(path, "description", "make it again") == {"a": 1}
    path.write_text("[1]")
    with pytest.raises(NusegError) as error:
        read_object(path, "description", "make it again")
    assert str(error.value) == f"{path}: damaged description (expected a JSON object, found list): make it again"


def test_gzip_is_unpacked_in_bounds() -> None:
    assert gunzip(gzip.compress(b"abc") + gzip.compress(b"def"), 6) == b"abcdef"
    assert gunzip(b"plain", 10) == b"plain"
    bomb = gzip.compress(bytes(50_000_000))
    assert len(bomb) < 100_000
    with pytest.raises(DocumentError, match="more than the 1,000 bytes"):
        gunzip(bomb, 1_000)
    for damaged in (bomb[:1_000], bomb[:10], b"\x1f\x8b", bomb[:-8] + bytes(8)):
        with pytest.raises(DocumentError, match="cannot be unpacked"):
            gunzip(damaged, 10**8)


def test_texts(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes("é".encode())
    assert read_text(path) == "é"
    path.write_bytes(b"ab\xff")
    with pytest.raises(DocumentError, match=r"no text in UTF-8 \(byte 2\)"):
        read_text(path)


def laughs(levels: int, merged: bool = False) -> str:
    lines = ["k0: &a0 {x: 1}" if merged else "k0: &a0 [x]"]
    for level in range(1, levels):
        parts = ", ".join([f"*a{level - 1}"] * 9)
        lines.append(f"k{level}: &a{level} " + (f"{{<<: [{parts}]}}" if merged else f"[{parts}]"))
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (laughs(9), "more than 20,000 values"),
        (laughs(9, merged=True), "more than 20,000 values"),
        ("a: &a [*a]", "*a stands for nothing, or for itself"),
        ("a: " + "[" * 20_000, "32 levels"),
        ("- " * 20_000, "32 levels"),
        ("seed: 2001-02-30", "day is out of range"),
        ("seed: 2001-01-01T99:99:99Z", "hour must be in 0..23"),
        ('seed: !!bool "x"', "not of its kind ('x')"),
        ('seed: !!timestamp "x"', "not YAML"),
        ('seed: !!int ""', "not YAML"),
        ("seed: !!python/object/apply:os.system [echo]", "could not determine a constructor"),
        ("seed: " + "9" * 9_000, "not YAML"),
        ("seed: " + "9" * 90_000, "a value of 90,000 characters"),
        ("a:\n" * 30_000, "more than 20,000 values"),
        ("{[1]: 2, {3: 4}: 5", "not YAML"),
        ("a: \x1b[2J", "not YAML"),
        ("!<" + "a" * 100_000 + "> x", "not YAML"),
    ],
    ids=lambda value: str(value[:20]),
)
def test_yaml_that_is_refused(text: str, words: str) -> None:
    with pytest.raises(DocumentError) as error:
        parse_yaml(text)
    check_refused(error, words)


def test_yaml_with_anchors_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("usual: &usual {a: 1, b: [2]}\nmine: {<<: *usual, c: *usual}\n")
    usual = {"a": 1, "b": [2]}
    assert read_yaml(path) == {"usual": usual, "mine": {**usual, "c": usual}}
    path.write_bytes(bytes(300_000))
    with pytest.raises(DocumentError, match="300,000 bytes"):
        read_yaml(path)


def test_tables(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b'\xef\xbb\xbfname,text\r\na,"one, two\r\nthree"\r\n\r\nb,\r\n')
    assert read_table(path) == (["name", "text"], [["a", "one, two\r\nthree"], ["b", ""]])
    path.write_bytes(b"")
    assert read_table(path) == ([], [])


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"a,b\n1,2,3\n", "line 2: 3 values for 2 columns"),
        (b"a,b\n1,2\n3\n", "line 3: 1 value for 2 columns"),
        (b"a,a\n1,2\n", "a column occurs twice"),
        (b'a,b\n"1,2\n', "no CSV: line 2: ends within quotation marks"),
        (b"a,b\n1,\0\n", "no CSV: a zero byte"),
        (b'a,b\n"1"x,2\n', "no CSV: line 2"),
        (b"a,b\n" + b"x" * 200_000 + b",1\n", "no CSV: line 2"),
        (b"a,b\n1,\xff\n", "no text in UTF-8"),
        (b"a," * 100_000 + b"b", "a column occurs twice"),
    ],
    ids=lambda value: str(value[:20]),
)
def test_tables_that_are_refused(tmp_path: Path, raw: bytes, words: str) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(raw)
    with pytest.raises(DocumentError) as error:
        read_table(path)
    check_refused(error, words)
