"""Fixtures for all tests: real databases, and skips for programs that aren't installed."""

from __future__ import annotations

import os
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import duckml
from tests.requirements import REQUIREMENTS

DATA = Path(__file__).parent.parent / "examples" / "data"


def needs(*names: str) -> pytest.MarkDecorator:
    """Return a mark that skips a test unless all named requirements are present."""
    unknown = [name for name in names if name not in REQUIREMENTS]
    assert not unknown, f"not in tests/requirements.py: {unknown}"
    return pytest.mark.needs(*names)


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "needs(*names): skip unless they are installed")


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip a test that lacks a requirement, or fail it where DUCKML_REQUIRE_ALL is set."""
    names = {name for mark in item.iter_markers("needs") for name in mark.args}
    missing = sorted(name for name in names if not REQUIREMENTS[name].is_present())
    if not missing:
        return
    # Properties reach the summary from the worker processes of pytest-xdist too.
    item.user_properties += [("missing", name) for name in missing]
    reason = "; ".join(f"needs {name}: {REQUIREMENTS[name].remedy}" for name in missing)
    required = any(REQUIREMENTS[name].can_be_installed for name in missing)
    if required and os.environ.get("DUCKML_REQUIRE_ALL"):
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """List each missing requirement once, with the number of tests that need it."""
    counts = Counter(
        name
        for report in terminalreporter.stats.get("skipped", [])
        for key, name in report.user_properties
        if key == "missing"
    )
    if counts:
        terminalreporter.section("not tried")
    for name, count in counts.items():
        tests = "test" if count == 1 else "tests"
        terminalreporter.write_line(f"{count} {tests} of {name}: {REQUIREMENTS[name].remedy}")


ENGINES = ("native", "python")


def engine_marks(engine: str) -> list[pytest.MarkDecorator]:
    """Return the marks of a test's parameter that is an engine."""
    return [needs("native engine")] if engine == "native" else []


# A mark for a module whose tests all run on each engine.
on_both_engines = pytest.mark.parametrize(
    "engine",
    [pytest.param(engine, marks=engine_marks(engine)) for engine in ENGINES],
    indirect=True,
)


@pytest.fixture(autouse=True)
def engine(request: pytest.FixtureRequest) -> str:
    """Return the engine of a test: the default one, or each in turn with `on_both_engines`."""
    return getattr(request, "param", "auto")


@pytest.fixture
def con(engine: str) -> Iterator[duckml.Connection]:
    """Open a database in memory."""
    with duckml.connect(engine=engine) as connection:
        yield connection


@pytest.fixture
def file(tmp_path: Path) -> str:
    """Return the path of a database file that doesn't exist yet."""
    return str(tmp_path / "test.duckdb")


@pytest.fixture
def line(con: duckml.Connection) -> duckml.Connection:
    """Train a model `line` of y = 2x + 1 on a table `points`."""
    make_line(con)
    return con


LINE = "OPTIONS (target = 'y', estimator = 'linear_regression', precision = 'float64')"


def make_line(con: duckml.Connection, name: str = "line", factor: int = 2) -> None:
    """Train `name` on y = factor * x + 1, exactly (float64)."""
    con.execute(
        "CREATE OR REPLACE TABLE points AS "
        f"SELECT i::DOUBLE AS x, {factor} * i + 1.0::DOUBLE AS y FROM range(100) t(i)"
    )
    con.execute(f"CREATE OR REPLACE MODEL {name} {LINE} AS SELECT x, y FROM points").fetchall()


@contextmanager
def interrupts(con: duckml.Connection, seconds: float) -> Iterator[None]:
    """Interrupt a connection every few seconds: the first time its statement may not run yet."""
    stop = threading.Event()

    def interrupt() -> None:
        while not stop.wait(seconds):
            con.interrupt()

    thread = threading.Thread(target=interrupt)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
