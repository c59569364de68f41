"""Databases for the tests: real ones, small enough to check by eye."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import duckml

DATA = Path(__file__).parent.parent / "examples" / "data"


# A mark for a module whose tests all run on each engine, whatever they open.
ENGINES = ("native", "python")
on_both_engines = pytest.mark.parametrize("engine", ENGINES, indirect=True)


@pytest.fixture(autouse=True)
def engine(request: pytest.FixtureRequest) -> str:
    """The engine of a test: the one that people get, or each in turn where a module is marked so."""
    return getattr(request, "param", "auto")


@pytest.fixture
def con(engine: str) -> Iterator[duckml.Connection]:
    """A database in memory."""
    with duckml.connect(engine=engine) as connection:
        yield connection


@pytest.fixture
def file(tmp_path: Path) -> str:
    """The path of a database file that doesn't exist yet."""
    return str(tmp_path / "test.duckdb")


@pytest.fixture
def line(con: duckml.Connection) -> duckml.Connection:
    """A model `line` of y = 2x + 1, trained on a table `points`."""
    make_line(con)
    return con


LINE = "OPTIONS (target = 'y', estimator = 'linear_regression', precision = 'float64')"


def make_line(con: duckml.Connection, name: str = "line", factor: int = 2) -> None:
    """Train `name` on y = factor * x + 1, exactly (float64)."""
    con.execute(
        f"CREATE OR REPLACE TABLE points AS SELECT i::DOUBLE AS x, {factor} * i + 1.0::DOUBLE AS y FROM range(100) t(i)"
    )
    con.execute(f"CREATE OR REPLACE MODEL {name} {LINE} AS SELECT x, y FROM points").fetchall()
