"""CREATE MODEL against a scikit-learn script that makes the same passes over the same rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

import duckml
from benchmarks.measure import Table, in_turns

HOUSES = Path(__file__).parent.parent / "examples" / "data" / "house_prices.parquet"


def tables() -> Iterator[Table]:
    """Yield a table on house prices and on a larger table of numbers."""
    result = Table(
        "Training a 32-16 net",
        [
            "rows, passes",
            "contender",
            "seconds",
            "CPU-seconds",
            "of the script, wall",
            "of the script, CPU",
        ],
    )
    con = duckml.connect()
    con.execute(f"CREATE TABLE houses AS SELECT * EXCLUDE (id, date) FROM '{HOUSES}'")
    _measure(con, result, "houses", "price", ["zipcode"], 100)
    columns = ", ".join(f"random() AS x{i}" for i in range(8))
    con.execute("SELECT setseed(0.5)")
    con.execute(
        "CREATE TABLE numbers AS SELECT *, x0 + x1 * x2 + x3 AS y "
        f"FROM (SELECT {columns} FROM range(200000))"
    )
    _measure(con, result, "numbers", "y", [], 30)
    con.close()
    yield result


def _measure(
    con: duckml.Connection,
    result: Table,
    table: str,
    target: str,
    categories: list[str],
    passes: int,
) -> None:
    rows = con.execute(f"SELECT count(*) FROM {table}").fetchall()[0][0]
    statement = (
        f"CREATE OR REPLACE MODEL m OPTIONS (target = '{target}', max_iter = {passes}, "
        f"n_iter_no_change = {passes}, "
        f"categorical = {categories!r}::VARCHAR[]) AS FROM {table}"
    )
    contenders: dict[str, Callable[[], object]] = {
        "plain scikit-learn script": lambda: _script(con, table, target, categories, passes),
        "CREATE MODEL": lambda: con.execute(statement).fetchall(),
    }
    timings = in_turns(contenders, rounds=3)
    script = timings["plain scikit-learn script"]
    for name, timing in timings.items():
        result.rows.append(
            (
                f"{rows:,} ({table}), {passes}",
                name,
                f"{timing.wall:.2f}",
                f"{timing.cpu:.2f}",
                f"{timing.wall / script.wall:.2f}",
                f"{timing.cpu / script.cpu:.2f}",
            )
        )


def _script(
    con: duckml.Connection, table: str, target: str, categories: list[str], passes: int
) -> float:
    """Train as a user of scikit-learn would, and return the R² on test rows.

    The net, the passes and the number of training rows are those of CREATE MODEL.
    """
    from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
    from sklearn.impute import SimpleImputer
    from sklearn.metrics import r2_score
    from sklearn.model_selection import train_test_split
    from sklearn.neural_network import MLPRegressor
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    frame = con.sql(f"FROM {table}").df()
    x, y = frame.drop(columns=[target]), np.asarray(frame[target], dtype=np.float64)
    numbers = [name for name in x.columns if name not in categories]
    x_train, x_rest, y_train, y_rest = train_test_split(x, y, test_size=0.2, random_state=0)
    steps = [
        ("numbers", make_pipeline(SimpleImputer(strategy="median"), StandardScaler()), numbers)
    ]
    if categories:
        steps.append(
            ("categories", OneHotEncoder(handle_unknown="ignore", sparse_output=False), categories)
        )
    net = MLPRegressor(
        hidden_layer_sizes=(32, 16),
        max_iter=passes,
        tol=0.0,
        n_iter_no_change=passes,
        random_state=0,
    )
    model = TransformedTargetRegressor(
        make_pipeline(ColumnTransformer(steps), net), transformer=StandardScaler()
    )
    model.fit(x_train, y_train)
    return float(r2_score(y_rest, model.predict(x_rest)))
