"""Rows per second of a net with layers of 32 and 16 neurons.

The contenders are onnxruntime alone, scikit-learn through pandas, and PREDICT on both engines.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator

import numpy as np
import onnxruntime as ort
import pyarrow as pa
from sklearn.pipeline import Pipeline

import duckml
from benchmarks.measure import Table, in_turns

NUMBERS = [f"n{i}" for i in range(8)]
ROWS = 16 * 122_880  # whole row groups of DuckDB, so that two threads get equal shares


def tables() -> Iterator[Table]:
    """Yield the tables of three sets of features: numbers, with categories, and many numbers."""
    yield _table("8 numeric features", NUMBERS, [], ROWS)
    yield _table("6 numeric features, 2 categories of 70 values", NUMBERS[:6], ["c0", "c1"], ROWS)
    yield _table("200 numeric features", [f"n{i}" for i in range(200)], [], ROWS // 8)


def _table(title: str, numbers: list[str], categories: list[str], rows: int) -> Table:
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/written.duckdb"
        _write(path, numbers, categories, rows)
        opened = {}
        for engine in ("native", "python"):
            for threads in (1, 2):
                copy = shutil.copyfile(path, f"{folder}/{engine}_{threads}.duckdb")
                opened[engine, threads] = _opened(copy, engine, threads)
        result = _measured(title, opened, numbers, categories, rows)
        for con in opened.values():
            con.close()
    return result


def _write(path: str, numbers: list[str], categories: list[str], rows: int) -> None:
    columns = [f"random() * 100 AS {name}" for name in numbers]
    columns += [f"'category ' || (random() * 69)::INTEGER AS {name}" for name in categories]
    with duckml.connect(path) as con:
        con.execute("SELECT setseed(0.5)")
        con.execute(f"CREATE TABLE stored AS SELECT {', '.join(columns)} FROM range({rows})")
        con.execute(
            f"CREATE TABLE train AS SELECT *, {' + '.join(numbers)} + random() AS y "
            "FROM stored LIMIT 20000"
        )
        con.execute(
            "CREATE MODEL net OPTIONS (target = 'y', max_iter = 3) AS FROM train"
        ).fetchall()


def _opened(path: str, engine: str, threads: int) -> duckml.Connection:
    """Open a database on an engine, with a fixed number of threads.

    Its rows are in memory and not compressed.
    """
    con = duckml.connect(path, config={"threads": threads}, engine=engine)
    con.execute("CREATE TEMP TABLE big AS FROM stored")
    return con


def _measured(
    title: str,
    opened: dict[tuple[str, int], duckml.Connection],
    numbers: list[str],
    categories: list[str],
    rows: int,
) -> Table:
    con = opened["python", 2]
    features = [*numbers, *categories]
    names = ", ".join(features)
    pipeline = _scikit_learn(con, numbers, categories)
    session = _session(con.model("net").onnx)
    arrow = con.sql(f"SELECT {names} FROM big").to_arrow_table()
    _hand_written(con, session, features)

    bare = "bare onnxruntime, batches of 2,048"
    pandas = "scikit-learn through pandas"
    contenders: dict[str, Callable[[], object]] = {
        bare: _bare(session, arrow, 2_048),
        "bare onnxruntime, batches of 16,384": _bare(session, arrow, 16_384),
        pandas: lambda: pipeline.predict(con.sql(f"SELECT {names} FROM big").df()),
        "hand-written Arrow UDF, to numpy": lambda: con.execute(
            f"SELECT by_hand({names}) FROM big"
        ).fetchnumpy(),
    }
    for (engine, threads), served in opened.items():
        where = f"{engine}, {threads} thread{'s' * (threads > 1)}"
        contenders[f"PREDICT, {where}, summed"] = _run(
            served, "SELECT sum(PREDICT(net)) FROM big", False
        )
        if threads == 2:
            table = "SELECT predicted_y FROM PREDICT(MODEL net, TABLE big)"
            contenders[f"PREDICT, {where}, to numpy"] = _run(
                served, "SELECT PREDICT(net) FROM big", True
            )
            contenders[f"table PREDICT, {where}, to numpy"] = _run(served, table, True)
    timings = in_turns(contenders, rounds=4)
    result = Table(
        f"Prediction: {title}, {rows:,} rows",
        ["contender", "rows/s", "rows/CPU-s", "of bare, per CPU-s", "of pandas, in wall time"],
    )
    for name, timing in timings.items():
        result.rows.append(
            (
                name,
                f"{rows / timing.wall:,.0f}",
                f"{rows / timing.cpu:,.0f}",
                f"{timings[bare].cpu / timing.cpu:.2f}",
                f"{timings[pandas].wall / timing.wall:.2f}",
            )
        )
    return result


def _session(onnx: bytes) -> ort.InferenceSession:
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    return ort.InferenceSession(onnx, options, providers=["CPUExecutionProvider"])


def _bare(session: ort.InferenceSession, arrow: pa.Table, batch: int) -> Callable[[], object]:
    """Return a call that runs the exported graph alone, with its inputs in memory."""
    columns = {name: arrow[name].to_numpy().reshape(-1, 1) for name in arrow.column_names}
    starts = range(0, len(arrow), batch)
    feeds = [
        {name: column[start : start + batch] for name, column in columns.items()}
        for start in starts
    ]
    return lambda: [session.run(None, feed) for feed in feeds]


def _run(con: duckml.Connection, query: str, to_numpy: bool) -> Callable[[], object]:
    # Fetching a single number through numpy takes milliseconds.
    return lambda: con.execute(query).fetchnumpy() if to_numpy else con.execute(query).fetchall()


def _hand_written(
    con: duckml.Connection, session: ort.InferenceSession, features: list[str]
) -> None:
    """Register an Arrow UDF as a user would write it: no NULL policy, no checks, one model."""

    def predict(*columns: pa.ChunkedArray) -> pa.Array:
        rows = len(columns[0])
        feed = {
            name: column.to_numpy().reshape(rows, 1)
            for name, column in zip(features, columns, strict=True)
        }
        return pa.array(session.run(None, feed)[0].reshape(rows))

    names = ", ".join(features)  # DuckDB counts the parameters
    by_hand = eval(f"lambda {names}: predict({names})", {"predict": predict})
    _keep.append(by_hand)
    types = ["DOUBLE" if name.startswith("n") else "VARCHAR" for name in features]
    con.create_function("by_hand", by_hand, types, "DOUBLE", type="arrow", null_handling="special")


_keep: list[object] = []


def _scikit_learn(con: duckml.Connection, numbers: list[str], categories: list[str]) -> Pipeline:
    """Fit the pipeline that a user of scikit-learn would write."""
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.neural_network import MLPRegressor
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    steps = [
        ("numbers", make_pipeline(SimpleImputer(strategy="median"), StandardScaler()), numbers)
    ]
    if categories:
        steps.append(
            ("categories", OneHotEncoder(handle_unknown="ignore", sparse_output=False), categories)
        )
    pipeline = make_pipeline(
        ColumnTransformer(steps), MLPRegressor(hidden_layer_sizes=(32, 16), max_iter=3)
    )
    train = con.sql("FROM train").df()
    return pipeline.fit(train[[*numbers, *categories]], np.asarray(train["y"]))
