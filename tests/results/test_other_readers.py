"""Frames and archives as others read them: Polars and DuckDB take them as they are."""

from __future__ import annotations

from pathlib import Path

import duckdb
import numpy as np
import polars as pl
import pytest

from murmur.results import FRAMES, Results

KINDS = {
    "float64": (pl.Float64,),
    "int64": (pl.Int64,),
    "bool": (pl.Boolean,),
    "str": (pl.String,),
    "category": (pl.Categorical, pl.Enum),
    "datetime64[us, UTC]": (pl.Datetime,),
}


@pytest.mark.parametrize("name", FRAMES)
def test_polars_takes_every_frame_with_its_types(name: str, results: Results) -> None:
    frame = getattr(results, name)
    taken = pl.from_pandas(frame)

    assert taken.shape == frame.shape
    for column in FRAMES[name].columns:
        kind = taken.schema[column.name]
        is_empty_text = column.dtype in ("str", "category") and kind == pl.Null
        assert isinstance(kind, KINDS[column.dtype]) or is_empty_text, (column.name, kind)


@pytest.mark.parametrize("name", FRAMES)
def test_duckdb_asks_every_frame_and_its_file(name: str, results: Results, tmp_path: Path) -> None:
    frame = getattr(results, name)
    file = results.save(tmp_path / "run") / f"{name}.parquet"
    with duckdb.connect() as database:
        database.register("frame", frame)
        ((rows,),) = database.sql("select count(*) from frame").fetchall()
        ((saved,),) = database.sql(f"select count(*) from '{file}'").fetchall()
        columns = database.sql("describe frame").fetchall()

    assert rows == saved == len(frame)
    assert [column[0] for column in columns] == list(frame.columns)


def test_all_of_them_agree_on_a_quantile(results: Results, tmp_path: Path) -> None:
    path = results.save(tmp_path / "run") / "actions.parquet"
    actions = results.actions
    expected = np.quantile(actions.loc[actions["ok"], "response_time"], 0.5)
    by_polars = pl.read_parquet(path).filter("ok")["response_time"].quantile(0.5, "linear")
    asked = f"select quantile_cont(response_time, 0.5) from '{path}' where ok"
    with duckdb.connect() as database:
        ((by_duckdb,),) = database.sql(asked).fetchall()

    assert by_polars == pytest.approx(expected)
    assert by_duckdb == pytest.approx(expected)
