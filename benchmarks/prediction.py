"""Rows per second of a 32-16 net: bare onnxruntime, scikit-learn through pandas, a hand-written UDF, PREDICT."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import onnxruntime as ort
import pyarrow as pa

import duckml
from benchmarks.measure import Table, in_turns

ROWS = 1_000_000
NUMBERS = [f"n{i}" for i in range(8)]


def tables() -> Iterator[Table]:
    """Eight numbers; six numbers and two categories of 70 values."""
    yield _table("8 numeric features", NUMBERS, [])
    yield _table("6 numeric features, 2 categories of 70 values", NUMBERS[:6], ["c0", "c1"])


def _table(title: str, numbers: list[str], categories: list[str]) -> Table:
    con = duckml.connect()
    features = [*numbers, *categories]
    columns = [f"random() * 100 AS {name}" for name in numbers]
    columns += [f"'category ' || (random() * 69)::INTEGER AS {name}" for name in categories]
    con.execute("SELECT setseed(0.5)")
    con.execute(f"CREATE TABLE big AS SELECT {', '.join(columns)} FROM range({ROWS})")
    con.execute(f"CREATE TABLE train AS SELECT *, {' + '.join(numbers)} + random() AS y FROM big LIMIT 20000")
    con.execute("CREATE MODEL net OPTIONS (target = 'y', max_iter = 3) AS FROM train").fetchall()
    model = con.model("net")
    pipeline = _scikit_learn(con, numbers, categories)
    session = _session(model.onnx)
    arrow = con.sql(f"SELECT {', '.join(features)} FROM big").to_arrow_table()
    _hand_written(con, session, features)
    names = ", ".join(features)

    contenders: dict[str, Callable[[], object]] = {
        "bare onnxruntime, batches of 2,048": _bare(session, arrow, 2_048),
        "bare onnxruntime, batches of 16,384": _bare(session, arrow, 16_384),
        "scikit-learn through pandas": lambda: pipeline.predict(con.sql(f"SELECT {names} FROM big").df()),
        "hand-written Arrow UDF": lambda: con.execute(f"SELECT by_hand({names}) FROM big").fetchnumpy(),
        "scalar PREDICT": lambda: con.execute("SELECT PREDICT(net) FROM big").fetchnumpy(),
        "scalar PREDICT, DuckDB threads = 1": _on_one_thread(
            con, lambda: con.execute("SELECT PREDICT(net) FROM big").fetchnumpy()
        ),
        "table PREDICT": lambda: con.execute("SELECT predicted_y FROM PREDICT(MODEL net, TABLE big)").fetchnumpy(),
    }
    timings = in_turns(contenders, rounds=3)
    bare = timings["bare onnxruntime, batches of 2,048"]
    pandas = timings["scikit-learn through pandas"]
    result = Table(
        f"Prediction: {title}, {ROWS:,} rows",
        ["contender", "rows/s", "rows/CPU-s", "of bare, per CPU-s", "of pandas, in wall time"],
    )
    for name, timing in timings.items():
        result.rows.append(
            (
                name,
                f"{ROWS / timing.wall:,.0f}",
                f"{ROWS / timing.cpu:,.0f}",
                f"{bare.cpu / timing.cpu:.2f}",
                f"{pandas.wall / timing.wall:.2f}",
            )
        )
    con.close()
    return result


def _session(onnx: bytes) -> ort.InferenceSession:
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    return ort.InferenceSession(onnx, options, providers=["CPUExecutionProvider"])


def _bare(session: ort.InferenceSession, arrow: pa.Table, batch: int) -> Callable[[], object]:
    columns = {name: arrow[name].to_numpy().reshape(-1, 1) for name in arrow.column_names}
    feeds = [
        {name: column[start : start + batch] for name, column in columns.items()} for start in range(0, ROWS, batch)
    ]
    return lambda: [session.run(None, feed) for feed in feeds]


def _on_one_thread(con: duckml.Connection, run: Callable[[], object]) -> Callable[[], object]:
    def alone() -> None:
        con.execute("SET threads = 1")
        try:
            run()
        finally:
            con.execute("RESET threads")

    return alone


def _hand_written(con: duckml.Connection, session: ort.InferenceSession, features: list[str]) -> None:
    """What someone would write who knows Arrow UDFs: no NULL policy, no checks, one model."""

    def predict(*columns: pa.ChunkedArray) -> pa.Array:
        rows = len(columns[0])
        feed = {name: column.to_numpy().reshape(rows, 1) for name, column in zip(features, columns, strict=True)}
        return pa.array(session.run(None, feed)[0].reshape(rows))

    names = ", ".join(features)  # DuckDB counts the parameters, and a user would name them
    by_hand = eval(f"lambda {names}: predict({names})", {"predict": predict})
    _keep.append(by_hand)
    types = ["DOUBLE" if name.startswith("n") else "VARCHAR" for name in features]
    con.create_function("by_hand", by_hand, types, "DOUBLE", type="arrow", null_handling="special")


_keep: list[object] = []


def _scikit_learn(con: duckml.Connection, numbers: list[str], categories: list[str]):  # noqa: ANN202
    """What a user of scikit-learn would write."""
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.neural_network import MLPRegressor
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    steps = [("numbers", make_pipeline(SimpleImputer(strategy="median"), StandardScaler()), numbers)]
    if categories:
        steps.append(("categories", OneHotEncoder(handle_unknown="ignore", sparse_output=False), categories))
    pipeline = make_pipeline(ColumnTransformer(steps), MLPRegressor(hidden_layer_sizes=(32, 16), max_iter=3))
    train = con.sql("FROM train").df()
    return pipeline.fit(train[[*numbers, *categories]], np.asarray(train["y"]))
