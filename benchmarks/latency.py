"""Latency of one statement, of the first prediction after opening a file, and of the import."""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb

import duckml
from benchmarks.measure import Table

_REPEATS = 1_500


def tables() -> Iterator[Table]:
    """Yield the tables of statements, opening and importing."""
    yield _statements()
    yield _opening()
    yield _importing()


def _median_pair(first: Callable[[], object], second: Callable[[], object]) -> tuple[float, float]:
    """Return the median microseconds of two calls that take turns."""
    times: tuple[list[float], list[float]] = ([], [])
    for number in range(_REPEATS):
        for run, into in zip((first, second), times, strict=True):
            started = time.perf_counter()
            run()
            if number > 50:
                into.append(time.perf_counter() - started)
    return statistics.median(times[0]) * 1e6, statistics.median(times[1]) * 1e6


def _statements() -> Table:
    result = Table(
        "One statement, median microseconds", ["statement", "without", "with", "difference"]
    )

    plain, duckml_con = duckdb.connect(), duckml.connect()
    for sql in ("SELECT 42", "SELECT i, i * 2 AS twice FROM range(10) t(i) WHERE i > 3 ORDER BY i"):
        without, with_duckml = _median_pair(
            lambda sql=sql: plain.execute(sql).fetchall(),
            lambda sql=sql: duckml_con.execute(sql).fetchall(),
        )
        _add(result, f"`{sql}`: plain duckdb, duckml", without, with_duckml)

    columns = [f"x{i}" for i in range(8)]
    values = ", ".join(f"random() AS {name}" for name in columns)
    duckml_con.execute(f"CREATE TABLE t AS SELECT i AS id, {values} FROM range(2000) r(i)")
    duckml_con.execute("CREATE TABLE one AS FROM t LIMIT 1")
    duckml_con.execute(
        "CREATE MODEL m OPTIONS (target = 'y', max_iter = 2) "
        "AS SELECT * EXCLUDE (id), x0 + x1 AS y FROM t"
    ).fetchall()
    names = ", ".join(columns)
    for source in ("one", "t WHERE id = 77"):
        without, with_predict = _median_pair(
            lambda source=source: duckml_con.execute(f"SELECT {names} FROM {source}").fetchall(),
            lambda source=source: duckml_con.execute(
                f"SELECT {names}, PREDICT(m) FROM {source}"
            ).fetchall(),
        )
        _add(
            result,
            f"one row, 8 features, FROM {source}: without PREDICT, with it",
            without,
            with_predict,
        )
    plain.close()
    duckml_con.close()
    return result


def _add(table: Table, name: str, without: float, with_it: float) -> None:
    table.rows.append((name, f"{without:.0f}", f"{with_it:.0f}", f"{with_it - without:+.0f}"))


def _opening() -> Table:
    result = Table(
        "A file with 100 models, in a new process, milliseconds", ["step", "milliseconds"]
    )
    with tempfile.TemporaryDirectory() as folder:
        file = str(Path(folder) / "models.duckdb")
        with duckml.connect(file) as con:
            con.execute("CREATE TABLE t AS SELECT random() AS a, random() AS b FROM range(1000)")
            for number in range(100):
                con.execute(
                    f"CREATE MODEL m{number} OPTIONS (target = 'y', "
                    "estimator = 'linear_regression') AS "
                    f"SELECT a, b, a + {number} * b AS y FROM t"
                ).fetchall()
        best = [float("inf")] * 4
        for _ in range(3):
            answer = subprocess.run(
                [sys.executable, "-c", _OPEN, file], capture_output=True, text=True, check=True
            )
            best = [
                min(old, float(new)) for old, new in zip(best, answer.stdout.split(), strict=True)
            ]
    steps = (
        "import duckml",
        "duckml.connect(file)",
        "the first PREDICT",
        "the second PREDICT, of another model",
    )
    result.rows += [
        (step, f"{1000 * seconds:.0f}") for step, seconds in zip(steps, best, strict=True)
    ]
    return result


_OPEN = """
import sys, time
started = time.perf_counter()
def lap():
    global started
    print(time.perf_counter() - started)
    started = time.perf_counter()
import duckml
lap()
con = duckml.connect(sys.argv[1]); lap()
con.execute("SELECT PREDICT(m7) FROM t LIMIT 1").fetchall(); lap()
con.execute("SELECT PREDICT(m8) FROM t LIMIT 1").fetchall(); lap()
"""


def _importing() -> Table:
    result = Table("Importing, best of 5, milliseconds", ["import", "milliseconds"])
    for name in ("duckdb", "duckml"):
        best = float("inf")
        for _ in range(5):
            code = (
                f"import time; t = time.perf_counter(); import {name}; "
                "print(time.perf_counter() - t)"
            )
            answer = subprocess.run(
                [sys.executable, "-c", code], capture_output=True, text=True, check=True
            )
            best = min(best, float(answer.stdout))
        result.rows.append((f"`import {name}`", f"{1000 * best:.0f}"))
    return result
