from __future__ import annotations

import csv
import gzip
import sys
from pathlib import Path

import pandas as pd
import pytest

from murmur.errors import FeederError, MissingExtraError
from murmur.feeder._read import (
    Text,
    columns_of,
    fields_of_any_size,
    name_of_source,
    unchanged,
)

ACCOUNTS = "name,password,age\nann,secret,7\nbob,,42\n"


@pytest.fixture
def write(tmp_path):
    def write(name: str, content: str | bytes) -> Path:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write


def plain(source: object, wanted: tuple[str, ...] = ()) -> dict[str, list[object]]:
    return {name: list(column) for name, column in columns_of(source, wanted).items()}


def test_a_csv_is_read_as_text(write):
    assert plain(write("accounts.csv", ACCOUNTS)) == {
        "name": ["ann", "bob"],
        "password": ["secret", ""],
        "age": ["7", "42"],
    }


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", "﻿name\r\nann\r\n\r\nbob\r\n"),
        ("a.CSV", 'name\n"ann"\nbob'),
        ("a.csv.gz", gzip.compress(b"name\nann\nbob\n", mtime=0)),
        ("a.tsv", "name\nann\nbob\n"),
    ],
)
def test_a_csv_may_have_its_ways(write, name, content):
    assert plain(write(name, content)) == {"name": ["ann", "bob"]}


def test_values_of_a_csv_may_hold_commas_and_lines(write):
    path = write("a.csv", 'name,text\nann,"one, two\nthree"\n')

    assert plain(path) == {"name": ["ann"], "text": ["one, two\nthree"]}


def test_another_delimiter_and_another_encoding_are_said(write):
    path = write("a.csv", "name;town\nann;K\u00f6ln\n".encode("cp1252"))

    columns = columns_of(path, (), Text(";", "cp1252"))

    assert {name: list(column) for name, column in columns.items()} == {
        "name": ["ann"],
        "town": ["K\u00f6ln"],
    }


def test_a_file_that_looks_like_one_column_is_refused_with_what_would_do(write):
    with pytest.raises(FeederError, match=r"delimiter=';'"):
        plain(write("a.csv", "name;age\nann;7\n"))


def test_another_encoding_is_refused_with_what_would_do(write):
    with pytest.raises(FeederError, match=r"not UTF-8.*encoding="):
        plain(write("a.csv", "name\nK\u00f6ln\n".encode("cp1252")))
    with pytest.raises(FeederError, match="unknown encoding: klingon"):
        columns_of(write("b.csv", "name\nann\n"), (), Text(None, "klingon"))


def test_a_field_may_have_any_size(write):
    photo = "a" * 300_000

    assert plain(write("a.csv", f"name,photo\nann,{photo}\n"))["photo"] == [photo]


def test_only_the_columns_that_are_wanted_are_kept(write):
    assert plain(write("accounts.csv", ACCOUNTS), ("age",)) == {"age": ["7", "42"]}


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("a.csv", "", "there are no rows"),
        ("a.csv", "name\n", "there are no rows"),
        ("a.csv", "name,age\nann\n", "line 2 has 1 values, the header 2"),
        ("a.csv", "name,name\nann,bob\n", "two columns have one name"),
        ("a.csv", b"name\n\xff\n", "is not UTF-8"),
        ("a.csv", 'name\n"ann', "is not CSV"),
        ("a.csv.gz", b"name\n", "cannot be read"),
        ("a.parquet", b"no", "is not a Parquet file"),
        ("a.txt", b"name\n", "unknown kind of file; give a CSV, TSV or Parquet file"),
    ],
)
def test_a_file_that_is_not_what_it_should_be_says_why(write, name, content, problem):
    with pytest.raises(FeederError, match=problem):
        columns_of(write(name, content))


def test_a_missing_file_is_named_with_where_it_was_looked_for():
    with pytest.raises(FeederError, match=r"nowhere.csv: no such file in "):
        columns_of("nowhere.csv")


def test_a_missing_column_is_named_with_what_there_is(write):
    path = write("accounts.csv", ACCOUNTS)

    with pytest.raises(FeederError, match="no column 'pasword'; did you mean 'password'"):
        columns_of(path, ("name", "pasword"))


def test_parquet_keeps_its_types(tmp_path):
    path = tmp_path / "accounts.parquet"
    frame = pd.DataFrame({"name": ["ann", None], "age": [7, 42], "score": [0.5, 1.5]})
    frame.to_parquet(path)

    assert plain(path, ("age", "name")) == {"age": [7, 42], "name": ["ann", None]}


def test_a_frame_keeps_its_types_and_what_is_missing():
    frame = pd.DataFrame({"name": ["ann", None], "age": [7, 42], 3: [0.5, float("nan")]})

    assert plain(frame) == {"name": ["ann", None], "age": [7, 42], "3": [0.5, None]}


def test_a_polars_frame_will_do_as_well():
    polars = pytest.importorskip("polars")

    assert plain(polars.DataFrame({"age": [7, None]})) == {"age": [7, None]}


def test_dictionaries_will_do_as_rows_or_as_columns():
    rows = [{"name": "ann", "age": 7}, {"age": 42, "name": "bob"}]
    expected = {"name": ["ann", "bob"], "age": [7, 42]}

    assert plain(rows) == plain(expected) == expected


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        ([], "there are no rows"),
        ({}, "there are no rows"),
        ([{"a": 1}, {"b": 1}], r"row 2 differs from the first in \['a', 'b'\]"),
        ({"a": [1], "b": [1, 2]}, "not of one length"),
        (7, "cannot be read as rows; give a CSV"),
        (["ann"], "cannot be read as rows"),
        ({"a": [object()]}, "column 'a' holds a object; give text or numbers"),
    ],
)
def test_what_is_no_rows_says_why(source, problem):
    with pytest.raises(FeederError, match=problem):
        columns_of(source)


def test_without_pyarrow_parquet_says_what_to_install(write, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)

    with pytest.raises(MissingExtraError, match=r"murmur-load\[parquet\]"):
        columns_of(write("a.parquet", b""))


def test_a_name_shows_where_rows_come_from_and_not_what_they_hold():
    secret = [{"password": "hunter2"}]

    assert name_of_source(secret) == "a list of 1"
    assert name_of_source({"password": ["hunter2"]}) == "a dict"
    assert name_of_source("a.csv") == "a.csv"


@pytest.mark.parametrize("change", ["grow", "shrink", "replace"])
def test_a_file_that_somebody_writes_meanwhile_is_refused(tmp_path, change):
    path, other = tmp_path / "users.csv", tmp_path / "other.csv"
    path.write_text("name\nann\n")
    other.write_text("name\nbob\n")
    reading = unchanged(path, "it")
    reading.__enter__()
    if change == "replace":
        other.replace(path)
    else:
        path.write_text("name\n" if change == "shrink" else "name\nann\nbob\n")

    with pytest.raises(FeederError, match="was changed while it was read"):
        reading.__exit__(None, None, None)


def test_a_file_that_is_left_alone_is_read(tmp_path):
    path = tmp_path / "users.csv"
    path.write_text("name\nann\n")

    with unchanged(path, "it"):
        assert path.read_text() == "name\nann\n"


def test_two_threads_that_read_leave_the_limit_of_csv_as_it_was():
    before = csv.field_size_limit()
    first, second = fields_of_any_size(), fields_of_any_size()
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert csv.field_size_limit() > before  # the other one still reads
    second.__exit__(None, None, None)

    assert csv.field_size_limit() == before
