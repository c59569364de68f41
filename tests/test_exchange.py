"""The import and export of models: ONNX files, fitted estimators, plain SQL.

They are compared with scikit-learn, onnxruntime and PREDICT.
"""

from __future__ import annotations

import importlib
import json
import os
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import onnx
import pandas as pd
import pytest
from onnx import TensorProto, helper, numpy_helper
from skl2onnx import to_onnx
from sklearn.base import is_regressor
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import (
    HistGradientBoostingRegressor,
    RandomForestRegressor,
)
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler
from sklearn.svm import LinearSVC

import duckml
from duckml import errors
from tests.conftest import needs

DATA = Path(__file__).parent.parent / "examples" / "data" / "house_prices.parquet"

pytestmark = pytest.mark.filterwarnings("ignore::duckml.ModelWarningMessage")


@pytest.fixture(scope="module")
def houses() -> duckml.Connection:
    con = duckml.connect()
    con.execute(f"CREATE TABLE houses AS SELECT row_number() OVER () AS n, * FROM '{DATA}'")
    con.execute(
        """CREATE MODEL net OPTIONS (target = 'price', hidden_layer_sizes = [32, 16],
        categorical = ['zipcode'],
        max_iter = 20) AS SELECT price, sqft_living, bathrooms, grade, zipcode, lat, long, date,
        waterfront FROM houses"""
    )
    con.execute("CREATE TABLE thousand AS FROM houses ORDER BY n LIMIT 1000")
    return con


def predictions(con: duckdb.DuckDBPyConnection, sql: str) -> dict[int, float]:
    return dict(con.execute(sql).fetchall())


def largest_relative_difference(found: dict[int, float], expected: dict[int, float]) -> float:
    assert found.keys() == expected.keys()
    return max(abs(found[n] - expected[n]) / abs(expected[n]) for n in expected)


# Export to ONNX


def test_an_exported_file_predicts_the_same_in_plain_onnxruntime(
    houses: duckml.Connection, tmp_path: Path
) -> None:
    """From a dict of columns, in a process that doesn't import duckml."""
    path = tmp_path / "net.onnx"
    houses.execute(f"EXPORT MODEL net TO '{path}'")
    houses.execute(
        f"""COPY (SELECT sqft_living::DOUBLE AS sqft_living, bathrooms::DOUBLE AS bathrooms,
        grade::DOUBLE AS grade,
        zipcode::BIGINT AS zipcode, lat, long, epoch(date) / 86400 AS date,
        waterfront::INTEGER::DOUBLE AS waterfront,
        PREDICT(net) AS answer FROM thousand) TO '{tmp_path}/rows.csv'"""
    )
    program = f"""
import sys
import numpy as np, onnxruntime, pandas
rows = pandas.read_csv("{tmp_path}/rows.csv")
session = onnxruntime.InferenceSession("{path}")
types = {{"tensor(int64)": "int64"}}
columns = {{i.name: rows[i.name].to_numpy().astype(types.get(i.type, "float64")).reshape(-1, 1)
           for i in session.get_inputs()}}
[answer] = session.run(["predicted_price"], columns)
assert "duckml" not in sys.modules
print(np.abs(answer[:, 0] / rows["answer"] - 1).max())
"""
    answer = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    assert float(answer.stdout) < 1e-12


def test_export_and_import_is_the_identity(houses: duckml.Connection, tmp_path: Path) -> None:
    houses.execute(f"EXPORT MODEL net TO '{tmp_path}/net.onnx'")
    houses.execute(
        f"CREATE MODEL back OPTIONS (model_type = 'onnx', model_path = '{tmp_path}/net.onnx')"
    )
    assert houses.model("back").key == houses.model("net").key
    assert houses.model("back").signature == houses.model("net").signature


# Export to plain SQL


def test_a_net_as_sql_agrees_in_duckdb_without_duckml(
    houses: duckml.Connection, tmp_path: Path
) -> None:
    houses.execute(
        f"EXPORT MODEL net TO '{tmp_path}/net.sql' (FORMAT sql, DIALECT duckdb, TABLE 'thousand')"
    )
    houses.execute(f"EXPORT MODEL net TO '{tmp_path}/macro.sql' (FORMAT macro)")
    expected = predictions(houses, "SELECT n, PREDICT(net) FROM thousand")
    with duckdb.connect() as plain:
        plain.execute(
            f"CREATE TABLE thousand AS SELECT row_number() OVER () AS n, * FROM '{DATA}' LIMIT 1000"
        )
        sql = (tmp_path / "net.sql").read_text().strip().removesuffix(";")
        found = predictions(plain, f"SELECT n, predicted_price FROM ({sql})")
        assert largest_relative_difference(found, expected) < 1e-6
        plain.execute((tmp_path / "macro.sql").read_text())
        arguments = ", ".join(f"{name} := {name}" for name in houses.model("net").signature.names)
        found = predictions(plain, f"SELECT n, predict_net_sql({arguments}) FROM thousand")
        assert largest_relative_difference(found, expected) < 1e-6


def test_a_net_as_sql_agrees_in_sqlite(houses: duckml.Connection, tmp_path: Path) -> None:
    houses.execute(
        f"EXPORT MODEL net TO '{tmp_path}/net.sql' (FORMAT sql, DIALECT sqlite, TABLE 'thousand')"
    )
    frame = houses.execute("FROM thousand").df()
    frame["date"] = frame["date"].astype(str).str[:10]
    with sqlite3.connect(":memory:") as lite:
        frame.to_sql("thousand", lite, index=False)
        sql = (tmp_path / "net.sql").read_text().strip().removesuffix(";")
        found = dict(lite.execute(f"SELECT n, predicted_price FROM ({sql})").fetchall())
    expected = predictions(houses, "SELECT n, PREDICT(net) FROM thousand")
    assert largest_relative_difference(found, expected) < 1e-6


def test_a_net_as_sql_agrees_in_postgres(
    houses: duckml.Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    import pgserver
    import psycopg

    houses.execute(
        f"EXPORT MODEL net TO '{tmp_path}/net.sql' (FORMAT sql, DIALECT postgres, TABLE 'thousand')"
    )
    columns = "n, sqft_living, bathrooms, grade, zipcode, lat, long, date, waterfront"
    rows = houses.execute(f"SELECT {columns} FROM thousand").fetchall()
    server = pgserver.get_server(tmp_path / "pg")
    try:
        with psycopg.connect(server.get_uri()) as con:
            con.execute(
                "CREATE TABLE thousand (n BIGINT, sqft_living BIGINT, bathrooms FLOAT8, grade "
                "BIGINT, zipcode BIGINT, "
                "lat FLOAT8, long FLOAT8, date DATE, waterfront BOOLEAN)"
            )
            with con.cursor() as cursor:
                cursor.executemany(f"INSERT INTO thousand VALUES ({', '.join(['%s'] * 9)})", rows)
            sql = (tmp_path / "net.sql").read_text().strip().removesuffix(";")
            found = dict(con.execute(f"SELECT n, predicted_price FROM ({sql}) AS p").fetchall())
    finally:
        server.cleanup()
    expected = predictions(houses, "SELECT n, PREDICT(net) FROM thousand")
    assert largest_relative_difference(found, expected) < 1e-6


AWKWARD = """
    SELECT * FROM (VALUES
        (1.5, 'a', DATE '2020-02-29', TIMESTAMP '1969-12-31 23:59:59', true), (NULL, 'it''s',
        NULL, NULL, NULL),
        (NULL, NULL, NULL, NULL, NULL), (-3.25, 'dm_x1', DATE '1901-03-01',
        TIMESTAMP '2038-01-19 03:14:08', false),
        (1e300, 'a', DATE '2020-01-01', TIMESTAMP '2020-01-01', true),
        ('nan'::DOUBLE, 'a', DATE '2020-01-01', TIMESTAMP '2020-01-01', true),
        ('inf'::DOUBLE, 'a', DATE '2020-01-01', TIMESTAMP '2020-01-01', true), (0.0, '', NULL,
        NULL, true)
    ) v("dm_x0", "the k", "select", "t", "y")"""


@pytest.mark.parametrize("activation", ["relu", "tanh", "logistic", "identity"])
@pytest.mark.parametrize("on_null", ["impute", "null"])
@pytest.mark.parametrize("target", ["number", "yes", "word"])
def test_sql_answers_awkward_rows_as_predict_does(
    con: duckml.Connection, tmp_path: Path, activation: str, on_null: str, target: str
) -> None:
    con.execute(f"CREATE TABLE awkward AS {AWKWARD}")
    con.execute(
        """CREATE TABLE rows AS SELECT i / 7.0 AS "dm_x0", ['a', 'it''s', 'dm_x1',
        NULL][1 + i % 4] AS "the k",
        DATE '1950-01-01' + (i * 37)::INTEGER AS "select",
        TIMESTAMP '1960-01-01' + INTERVAL (i * 7777) MINUTE AS "t",
        i % 3 = 0 AS "y", i * 2.0 + i % 4 AS number, i % 4 = 1 AS yes,
        'it''s ' || (i % 3) AS word FROM range(400) r(i)"""
    )
    con.execute(
        f"""CREATE MODEL m OPTIONS (target = '{target}', activation = '{activation}',
        on_null = '{on_null}',
        hidden_layer_sizes = [4], max_iter = 30, precision = 'float64',
        estimator = '{"mlp_regressor" if target == "number" else "mlp_classifier"}')
        AS SELECT "dm_x0", "the k", "select", "t", "y", {target} FROM rows"""
    )
    con.execute(f"EXPORT MODEL m TO '{tmp_path}/m.sql' (FORMAT sql, TABLE 'awkward')")
    con.execute(
        f"EXPORT MODEL m TO '{tmp_path}/lite.sql' (FORMAT sql, DIALECT sqlite, TABLE 'awkward')"
    )
    con.execute(f"EXPORT MODEL m TO '{tmp_path}/macro.sql' (FORMAT macro)")
    expected = [row[0] for row in con.execute("SELECT PREDICT(m) FROM awkward").fetchall()]
    sql = (tmp_path / "m.sql").read_text().strip().removesuffix(";")
    with duckdb.connect() as plain:
        plain.execute(f"CREATE TABLE awkward AS {AWKWARD}")
        assert same(plain.execute(f'SELECT "predicted_{target}" FROM ({sql})').fetchall(), expected)
        plain.execute((tmp_path / "macro.sql").read_text())
        call = 'predict_m_sql("dm_x0", "the k", "select", "t", "y")'
        assert same(plain.execute(f"SELECT {call} FROM awkward").fetchall(), expected)
    with sqlite3.connect(":memory:") as lite:
        lite.execute('CREATE TABLE awkward ("dm_x0", "the k", "select", "t", "y")')
        rows = con.execute(
            'SELECT "dm_x0", "the k", "select"::VARCHAR, "t"::VARCHAR, "y"::INTEGER FROM awkward'
        )
        lite.executemany("INSERT INTO awkward VALUES (?, ?, ?, ?, ?)", rows.fetchall())
        lite_sql = (tmp_path / "lite.sql").read_text().strip().removesuffix(";")
        found = lite.execute(f'SELECT "predicted_{target}" FROM ({lite_sql})').fetchall()
    # SQLite stores NaN as NULL, so that row is different there.
    assert same(found[:5] + found[6:], expected[:5] + expected[6:])


def same(rows: list[tuple[object]], expected: list[object]) -> bool:
    pairs = list(zip((row[0] for row in rows), expected, strict=True))
    return all(
        a == b if not isinstance(b, float) else a == pytest.approx(b, rel=1e-9) for a, b in pairs
    )


# Import of foreign ONNX models


@pytest.fixture
def frame() -> pd.DataFrame:
    generator = np.random.default_rng(0)
    n = 400
    return pd.DataFrame(
        {
            "area": generator.normal(100, 30, n),
            "rooms": generator.integers(1, 9, n),
            "city": generator.choice(["ulm", "bonn", "kiel"], n),
            "new": generator.random(n) > 0.5,
        }
    )


def number_of(frame: pd.DataFrame) -> pd.Series:
    return frame.area + 10 * frame.rooms + 5 * (frame.city == "ulm") + 3 * frame.new


def pipeline(estimator: object) -> object:
    columns = ColumnTransformer(
        [
            ("numbers", make_pipeline(SimpleImputer(), StandardScaler()), ["area", "rooms"]),
            ("cities", OneHotEncoder(handle_unknown="ignore"), ["city"]),
        ],
        sparse_threshold=0,
    )
    return make_pipeline(columns, estimator)


def test_a_foreign_pipeline_imports_and_predicts(
    con: duckml.Connection, frame: pd.DataFrame, tmp_path: Path
) -> None:
    """As skl2onnx writes them: named inputs, one matrix, and a classifier with its ZipMap."""
    matrix = frame[["area", "rooms"]].to_numpy(dtype=np.float32)
    fitted = make_pipeline(StandardScaler(), LinearRegression()).fit(matrix, number_of(frame))
    (tmp_path / "m.onnx").write_bytes(to_onnx(fitted, matrix[:1]).SerializeToString())
    con.register("frame", frame)
    con.execute(
        f"CREATE MODEL matrix OPTIONS (model_type = 'onnx', model_path = '{tmp_path}/m.onnx', "
        f"target = 'price', "
        "features = ['area', 'rooms'])"
    )
    found = [row[0] for row in con.execute("SELECT PREDICT(matrix) FROM frame").fetchall()]
    assert found == pytest.approx(fitted.predict(matrix), rel=1e-4)
    assert con.execute("SELECT PREDICT(matrix, area := NULL, rooms := 3)").fetchone() == (None,)

    words = np.where(number_of(frame) > 150, "dear", "cheap")
    classes = make_pipeline(StandardScaler(), LogisticRegression()).fit(matrix, words)
    (tmp_path / "c.onnx").write_bytes(to_onnx(classes, matrix[:1]).SerializeToString())
    con.execute(
        f"CREATE MODEL classes OPTIONS (model_type = 'onnx', model_path = '{tmp_path}/c.onnx', "
        f"target = 'price', "
        "features = ['area', 'rooms'])"
    )
    rows = con.execute(
        "SELECT PREDICT(classes), PREDICT_PROBA(classes)['dear'] FROM frame"
    ).fetchall()
    assert [row[0] for row in rows] == classes.predict(matrix).tolist()
    assert [row[1] for row in rows] == pytest.approx(classes.predict_proba(matrix)[:, 1], abs=1e-5)


def handmade(
    nodes: list[object],
    inputs: list[object],
    output: int = TensorProto.FLOAT,
    constants: object = (),
) -> bytes:
    graph = helper.make_graph(
        nodes,
        "g",
        inputs,
        [helper.make_tensor_value_info("answer", output, ["N", 1])],
        list(constants),
    )
    model = helper.make_model(
        graph,
        opset_imports=[helper.make_opsetid("", 18), helper.make_opsetid("ai.onnx.ml", 3)],
        ir_version=8,
    )
    return bytes(model.SerializeToString())


def tensor(name: str, kind: int, *shape: object) -> object:
    return helper.make_tensor_value_info(name, kind, list(shape))


def test_a_handmade_graph_of_every_type_imports_and_predicts(
    con: duckml.Connection, tmp_path: Path
) -> None:
    nodes = [
        helper.make_node("Cast", ["i"], ["fi"], to=TensorProto.FLOAT),
        helper.make_node("Cast", ["b"], ["fb"], to=TensorProto.FLOAT),
        helper.make_node("Cast", ["d"], ["fd"], to=TensorProto.FLOAT),
        helper.make_node(
            "LabelEncoder",
            ["s"],
            ["fs"],
            domain="ai.onnx.ml",
            keys_strings=["yes"],
            values_floats=[1.0],
            default_float=0.0,
        ),
        helper.make_node("Reshape", ["flat", "upright"], ["ff"]),
        helper.make_node("ReduceSum", ["wide", "one"], ["fw"], keepdims=1),
        helper.make_node("Concat", ["f", "fi", "fb", "fd", "fs", "ff", "fw"], ["all"], axis=1),
        helper.make_node("ReduceSum", ["all", "one"], ["answer"], keepdims=1),
    ]
    inputs = [
        tensor("f", TensorProto.FLOAT, "N", 1),
        tensor("i", TensorProto.INT64, "N", 1),
        tensor("b", TensorProto.BOOL, "N", 1),
        tensor("d", TensorProto.DOUBLE, "N", 1),
        tensor("s", TensorProto.STRING, "N", 1),
        tensor("flat", TensorProto.FLOAT, "N"),
        tensor("wide", TensorProto.FLOAT, "N", 2),
    ]
    constants = [
        numpy_helper.from_array(np.array([-1, 1]), "upright"),
        numpy_helper.from_array(np.array([1]), "one"),
    ]
    (tmp_path / "m.onnx").write_bytes(handmade(nodes, inputs, constants=constants))
    con.execute(
        f"CREATE MODEL total OPTIONS (model_type = 'onnx', model_path = '{tmp_path}/m.onnx', "
        f"target = 'total', "
        "features = {'wide': ['w1', 'w2']})"
    )
    assert str(con.model("total").signature) == (
        "(f DOUBLE, i BIGINT, b BOOLEAN, d DOUBLE, s VARCHAR, flat DOUBLE, w1 DOUBLE, w2 DOUBLE) "
        "→ total"
    )
    call = (
        "PREDICT(total, f := 0.5, i := 2, b := true, d := 4, s := 'yes', flat := 8, w1 := 16, w2 "
        ":= 32)"
    )
    assert con.execute(f"SELECT {call}").fetchone() == (64.5,)
    other = call.replace("'yes'", "'no'")
    assert con.execute(f"SELECT {other}").fetchone() == (63.5,)


def refused(con: duckml.Connection, path: Path, content: bytes, text: str) -> None:
    path.write_bytes(content)
    with pytest.raises(errors.ForeignModelError, match=text):
        con.execute(f"CREATE MODEL x OPTIONS (model_type = 'onnx', model_path = '{path}')")
    assert not con.execute("SHOW MODELS").fetchall()


def test_harmful_files_are_refused_before_onnxruntime_sees_them(
    con: duckml.Connection, tmp_path: Path
) -> None:
    path = tmp_path / "m.onnx"
    x = [tensor("x", TensorProto.FLOAT, "N", 1)]
    refused(con, path, b"", "it is not an ONNX model")
    refused(con, path, b"\x00\xff" * 100, "it is not an ONNX model")
    identity = [helper.make_node("Identity", ["x"], ["answer"])]

    external = onnx.load_from_string(handmade([helper.make_node("Add", ["x", "c"], ["answer"])], x))
    constant = external.graph.initializer.add(name="c", data_type=TensorProto.FLOAT, dims=[1])
    constant.data_location = TensorProto.EXTERNAL
    constant.external_data.add(key="location", value="/etc/passwd")
    refused(con, path, external.SerializeToString(), "its tensor 'c' is stored in another file")

    own = [helper.make_node("Evil", ["x"], ["answer"], domain="com.example")]
    refused(
        con,
        path,
        handmade(own, x),
        r"its operator com\.example\.Evil is not supported",
    )
    bomb = [helper.make_node("ConstantOfShape", ["shape"], ["answer"])]
    shape = [numpy_helper.from_array(np.array([1 << 40]), "shape")]
    refused(
        con,
        path,
        handmade(bomb, x, constants=shape),
        "its operator ConstantOfShape is not supported",
    )
    branch = helper.make_graph(identity, "b", [], [tensor("answer", TensorProto.FLOAT, "N", 1)])
    branches = [helper.make_node("If", ["c"], ["answer"], then_branch=branch, else_branch=branch)]
    refused(con, path, handmade(branches, x), "its operator If is not supported")

    outer = [
        helper.make_node("MatMul", ["tall", "long"], ["bomb"]),
        helper.make_node("Add", ["x", "bomb"], ["answer"]),
    ]
    vectors = [
        numpy_helper.from_array(np.ones((20_000, 1), np.float32), "tall"),
        numpy_helper.from_array(np.ones((1, 20_000), np.float32), "long"),
    ]
    refused(
        con, path, handmade(outer, x, constants=vectors), "its tensor 'bomb' would be too large"
    )
    broadcast = [
        helper.make_node("Reshape", ["x", "s1"], ["a"]),
        helper.make_node("Reshape", ["x", "s2"], ["b"]),
        helper.make_node("Mul", ["a", "b"], ["bomb"]),
        helper.make_node("ReduceSum", ["bomb", "last"], ["answer"], keepdims=0),
    ]
    shapes = [
        numpy_helper.from_array(np.array([-1, 1, 1]), "s1"),
        numpy_helper.from_array(np.array([1, -1, 1]), "s2"),
        numpy_helper.from_array(np.array([1]), "last"),
    ]
    refused(
        con,
        path,
        handmade(broadcast, x, constants=shapes),
        "would be too large|depends on the rows",
    )
    sparse = helper.make_node("Constant", [], ["c"])
    sparse.attribute.add(
        name="sparse_value", type=onnx.AttributeProto.SPARSE_TENSOR
    ).sparse_tensor.dims.append(1 << 40)
    refused(con, path, handmade([sparse, *identity], x), "it has sparse tensors")
    mixing = [
        helper.make_node("ReduceSum", ["x"], ["s"], keepdims=1),
        helper.make_node("Add", ["x", "s"], ["answer"]),
    ]
    refused(con, path, handmade(mixing, x), "the prediction of a row depends on the rows around it")
    refused(
        con,
        path,
        handmade(identity, [tensor("x", TensorProto.FLOAT16, "N", 1)]),
        "The input 'x' is float16",
    )
    refused(con, path, handmade(identity, [tensor("x", TensorProto.FLOAT, "N", "k")]), "fixed k")
    wide = handmade(
        [helper.make_node("ReduceSum", ["x"], ["answer"], keepdims=1)],
        [tensor("x", TensorProto.FLOAT, "N", 3)],
    )
    refused(
        con,
        path,
        wide,
        r"takes 3 columns, and 0 are named\. Name them in order: features = \['column 1', …",
    )


def exported(con: duckml.Connection) -> tuple[onnx.ModelProto, Any, dict[str, Any]]:
    """Drop the model `m`; return its ONNX model, the entry of its manifest, and the manifest."""
    model = onnx.load_from_string(con.model("m").onnx)
    con.execute("DROP MODEL m")
    entry = next(entry for entry in model.metadata_props if entry.key == "duckml")
    return model, entry, json.loads(entry.value)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"sql_type": "INTEGER) AS error('x'), (a INTEGER"}, "names the type"),
        ({"sql_type": "nonsense"}, "names the type"),
        ({"name": "other"}, "its manifest is not about its graph"),
    ],
)
def test_a_forged_manifest_is_refused(
    con: duckml.Connection, tmp_path: Path, change: dict[str, str], text: str
) -> None:
    con.execute(
        "CREATE MODEL m OPTIONS (target = 'y', max_iter = 1) AS SELECT i AS x, i AS y FROM "
        "range(50) t(i)"
    )
    model, entry, value = exported(con)
    value["signature"]["features"][0].update(change)
    entry.value = json.dumps(value)
    refused(con, tmp_path / "m.onnx", model.SerializeToString(), text)


def test_expressions_of_a_forged_transform_are_read_as_if_they_were_typed(
    con: duckml.Connection, tmp_path: Path
) -> None:
    con.execute(
        "CREATE MODEL m TRANSFORM (x + 1 AS x, y) OPTIONS (target = 'y', max_iter = 1) AS "
        "SELECT i AS x, i AS y FROM range(50) t(i)"
    )
    model, entry, value = exported(con)
    for pieces in (["(SELECT 1) + ", "x", ""], ["", "x", ") OR (1"], ["avg(", "x", ")"]):
        value["signature"]["transform"]["features"]["x"] = pieces
        entry.value = json.dumps(value)
        (tmp_path / "m.onnx").write_bytes(model.SerializeToString())
        with pytest.raises(errors.StatementError, match="TRANSFORM"):
            con.execute(
                f"CREATE MODEL x OPTIONS (model_type = 'onnx', model_path = '{tmp_path}/m.onnx')"
            )


# Fitted estimators


ESTIMATORS: dict[str, tuple[str, dict[str, object]]] = {
    "LinearRegression": ("sklearn.linear_model", {}),
    "RandomForestRegressor": ("sklearn.ensemble", {"n_estimators": 10, "random_state": 0}),
    "LogisticRegression": ("sklearn.linear_model", {"max_iter": 1000}),
    "RandomForestClassifier": ("sklearn.ensemble", {"n_estimators": 10, "random_state": 0}),
    "HistGradientBoostingClassifier": ("sklearn.ensemble", {"max_iter": 10}),
    "LGBMRegressor": ("lightgbm", {"n_estimators": 10, "verbose": -1}),
    "LGBMClassifier": ("lightgbm", {"n_estimators": 10, "verbose": -1}),
}


def estimator_marks(name: str) -> list[pytest.MarkDecorator]:
    # Importing LightGBM loads the system's OpenMP library.
    return [needs("OpenMP")] if ESTIMATORS[name][0] == "lightgbm" else []


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=estimator_marks(name)) for name in ESTIMATORS]
)
def test_a_fitted_pipeline_predicts_as_it_did(
    con: duckml.Connection, frame: pd.DataFrame, name: str
) -> None:
    module, options = ESTIMATORS[name]
    estimator = getattr(importlib.import_module(module), name)(**options)
    number = number_of(frame)
    target = number if is_regressor(estimator) else np.where(number > 150, "dear", "cheap")
    fitted = pipeline(estimator).fit(frame, target)
    frame["price"] = target
    model = con.register_model("m", fitted, frame, "price", description="from Python")
    assert model.info["lineage"] == "registered"
    assert model.info["parity"] < 1e-4
    assert model.metrics["row_count"] == len(frame)
    assert len(con.execute("SHOW MODELS").fetchall()) == 1
    con.register("frame", frame)
    found = [row[0] for row in con.execute("SELECT PREDICT(m) FROM frame").fetchall()]
    if isinstance(target, pd.Series):
        assert found == pytest.approx(fitted.predict(frame), rel=1e-5)
    else:
        assert found == fitted.predict(frame).tolist()
        rows = con.execute("SELECT PREDICT_PROBA(m)['dear'] FROM frame").fetchall()
        assert [row[0] for row in rows] == pytest.approx(
            fitted.predict_proba(frame)[:, 1], abs=1e-5
        )
    # The pipeline imputes, and so does the model; an unknown city is none of those known.
    strange = pd.DataFrame({"area": [np.nan], "rooms": [3.0], "city": ["köln"]})
    expected = fitted.predict(strange.assign(new=True))[0]
    found = con.execute(
        "SELECT PREDICT(m, area := NULL, rooms := 3, city := 'köln', new := true)"
    ).fetchone()[0]
    assert found == (pytest.approx(expected, rel=1e-5) if isinstance(expected, float) else expected)


def test_an_estimator_fitted_on_a_matrix_takes_the_columns_in_order(con: duckml.Connection) -> None:
    x = np.random.default_rng(0).normal(size=(100, 2))
    fitted = make_pipeline(StandardScaler(), LogisticRegression()).fit(x, x[:, 0] > 0)
    con.register_model("m", fitted, pd.DataFrame(x, columns=["a", "b"]))
    assert con.execute(
        "SELECT PREDICT(m, a := 2, b := 0), typeof(PREDICT(m, a := 2, b := 0))"
    ).fetchone() == (
        True,
        "BOOLEAN",
    )
    assert con.execute("SELECT PREDICT(m, a := NULL, b := 0)").fetchone() == (
        None,
    )  # it can't answer NaN itself
    numbers = LogisticRegression().fit(x, (x[:, 0] > 0).astype(int) + 7)
    con.register_model("n", numbers, "SELECT 1.0 AS a, 2.0 AS b")
    assert con.execute("SELECT PREDICT(n, a := 2, b := 0)").fetchone() == (8,)


def test_awkward_fits_are_taken_as_they_are(con: duckml.Connection, frame: pd.DataFrame) -> None:
    """Names with spaces, booleans in a matrix, one column, double thresholds, numeric labels."""
    spaced = frame[["area", "rooms"]].rename(columns={"area": "the area"})
    fitted = make_pipeline(StandardScaler(), LinearRegression()).fit(spaced, number_of(frame))
    con.register_model("spaced", fitted, spaced)
    con.register("spaced_rows", spaced)
    found = [row[0] for row in con.execute("SELECT PREDICT(spaced) FROM spaced_rows").fetchall()]
    assert found == pytest.approx(fitted.predict(spaced), rel=1e-6)

    matrix = frame[["area", "new"]].to_numpy(dtype=np.float64)
    boosted = HistGradientBoostingRegressor(max_iter=20).fit(matrix, number_of(frame))
    con.register_model("boosted", boosted, frame[["area", "new"]])
    con.register("frame", frame)
    found = [row[0] for row in con.execute("SELECT PREDICT(boosted) FROM frame").fetchall()]
    assert found == pytest.approx(boosted.predict(matrix), rel=1e-5)

    one = LinearRegression().fit(frame[["area"]].to_numpy(), number_of(frame))
    con.register_model("one", one, frame[["area"]])
    assert con.execute("SELECT PREDICT(one, area := 100)").fetchone()[0] == pytest.approx(
        one.predict([[100.0]])[0]
    )

    digits = LogisticRegression().fit(frame[["area"]], np.where(frame.area > 100, "02", "01"))
    con.register_model("digits", digits, frame[["area"]])
    assert con.execute(
        "SELECT PREDICT(digits, area := 200), typeof(PREDICT(digits, area := 200))"
    ).fetchone() == (
        "02",
        "VARCHAR",
    )


def test_a_missing_text_that_the_encoder_knows_answers_null(con: duckml.Connection) -> None:
    """The graph gets '' for it, which the encoder doesn't know: NULL, not a wrong prediction."""
    rows = pd.DataFrame({"k": ["a", None, "b"] * 100, "x": np.arange(300.0)})
    encode = ColumnTransformer(
        [("k", OneHotEncoder(handle_unknown="ignore"), ["k"])], remainder="passthrough"
    )
    fitted = make_pipeline(encode, LinearRegression()).fit(rows, rows.x + 100 * rows.k.isna())
    con.register_model("m", fitted, rows.dropna())
    assert con.execute("SELECT PREDICT(m, k := NULL, x := 5)").fetchone() == (None,)
    assert con.execute("SELECT round(PREDICT(m, k := 'a', x := 5), 3)").fetchone() == (5.0,)


def test_a_forest_that_splits_by_what_is_missing_is_refused_at_once(con: duckml.Connection) -> None:
    generator = np.random.default_rng(0)
    rows = pd.DataFrame({"a": generator.normal(size=300), "b": generator.integers(0, 9, 300)})
    target = rows.a + rows.b
    rows.loc[::5, "a"] = np.nan
    with pytest.raises(errors.ParityError, match="splits rows by whether a value is missing"):
        con.register_model("m", RandomForestRegressor(5, random_state=0).fit(rows, target), rows)


def test_an_answer_that_overflows_is_null(con: duckml.Connection) -> None:
    con.execute(
        "CREATE MODEL m OPTIONS (target = 'y', max_iter = 2) AS SELECT (i % 17) * 1e-20 AS x, i "
        "% 5 AS y FROM range(600) r(i)"
    )
    assert con.execute("SELECT PREDICT(m, x := 3e38)").fetchone() == (None,)
    con.execute(
        "CREATE MODEL c OPTIONS (target = 'y', estimator = 'logistic_regression') AS SELECT (i % "
        "17) * 1e-20 AS x, i % 3 AS y FROM range(600) r(i)"
    )
    assert con.execute("SELECT PREDICT(c, x := 3e38), PREDICT_PROBA(c, x := 3e38)").fetchone() == (
        None,
        None,
    )


def test_what_sql_can_not_say_is_refused(con: duckml.Connection, tmp_path: Path) -> None:
    """A model that SQL would compute differently is refused."""
    nodes = [
        helper.make_node("Cast", ["x"], ["i"], to=TensorProto.INT64),
        helper.make_node("Cast", ["i"], ["answer"], to=TensorProto.FLOAT),
    ]
    (tmp_path / "m.onnx").write_bytes(handmade(nodes, [tensor("x", TensorProto.FLOAT, "N", 1)]))
    con.execute(
        f"CREATE MODEL whole OPTIONS (model_type = 'onnx', model_path = '{tmp_path}/m.onnx')"
    )
    assert con.execute("SELECT PREDICT(whole, x := 1.7)").fetchone() == (1.0,)
    with pytest.raises(errors.PlainSqlError, match="Cast to another type"):
        con.execute(f"EXPORT MODEL whole TO '{tmp_path}/m.sql' (FORMAT sql)")
    con.execute(
        "CREATE MODEL b OPTIONS (target = 'y', categorical = ['k'], estimator = "
        "'linear_regression') AS SELECT i % 2 = 0 AS k, i AS y FROM range(60) t(i)"
    )
    con.execute(f"EXPORT MODEL b TO '{tmp_path}/m.sql' (FORMAT sql, DIALECT duckdb)")
    with pytest.raises(
        errors.PlainSqlError,
        match='its category "k" is BOOLEAN, which every database writes in its own way',
    ):
        con.execute(f"EXPORT MODEL b TO '{tmp_path}/m.sql' (FORMAT sql, DIALECT sqlite)")


def test_what_can_not_be_registered_says_why(con: duckml.Connection, frame: pd.DataFrame) -> None:
    x = frame[["area", "rooms"]]
    with pytest.raises(
        errors.ForeignModelError, match="LinearRegression is not fitted: call its fit"
    ):
        con.register_model("m", LinearRegression(), x)
    fitted = LinearRegression().fit(x, number_of(frame))
    with pytest.raises(
        errors.ForeignModelError, match='fitted on "rooms", which the sample doesn\'t have'
    ):
        con.register_model("m", fitted, frame[["area"]])
    with pytest.raises(errors.ForeignModelError, match="The sample has no rows"):
        con.register_model("m", fitted, x.head(0))
    with pytest.raises(errors.ForeignModelError, match="has no predict_proba"):
        con.register_model("m", LinearSVC().fit(x, frame.new), x)
    odd = make_pipeline(FunctionTransformer(np.cbrt), LinearRegression()).fit(x, number_of(frame))
    with pytest.raises(errors.ParityError, match="can't be exported to ONNX"):
        con.register_model("m", odd, x)
    assert not con.execute("SHOW MODELS").fetchall()


# duckml check


def run_check(file: str) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).parent / "duckml"), "check", file]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


@needs("native engine")
def test_check_predicts_the_stored_rows_again(file: str) -> None:
    with duckml.connect(file) as con:
        con.execute(
            "CREATE TABLE t AS SELECT i AS x, 'k' || (i % 3) AS k, 2 * i AS y, i % 2 = 0 AS b, i "
            "% 3 = 0 AS c, "
            "DATE '2020-01-01' + i::INTEGER AS d, TIMESTAMP '2020-01-01' + to_minutes(7 * i) AS "
            "s FROM range(600) r(i)"
        )
        con.execute(
            "CREATE MODEL line OPTIONS (target = 'y', max_iter = 3) AS SELECT x, k, c, d, s, y "
            "FROM t"
        )
        con.execute(
            "CREATE OR REPLACE MODEL line OPTIONS (target = 'y', background_rows = 0, max_iter = "
            "3) AS SELECT x, y FROM t"
        )
        con.execute(
            "CREATE MODEL classes OPTIONS (target = 'b', max_iter = 3) AS SELECT x, k, b FROM t"
        )
        assert con.execute("SELECT count(*) FROM _duckml.background_row").fetchone() == (60 + 60,)
    answer = run_check(file)
    assert answer.returncode == 0, answer.stderr
    assert [line.split()[:3] for line in answer.stdout.splitlines()] == [
        [version, engine, "ok"]
        for version in ("main.classes@1", "main.line@1", "main.line@2")
        for engine in ("python:cpu", "native:cpu")
    ]
    assert "no rows kept" in answer.stdout
    assert "6 of 6 checks passed." in answer.stderr

    with duckdb.connect(file) as plain:
        plain.execute(
            "UPDATE _duckml.artifact SET onnx = onnx || '\\x00'::BLOB WHERE octet_length(onnx) % "
            "2 >= 0"
        )
        plain.execute("UPDATE _duckml.background_row SET answer = '7.0' WHERE name_key = 'line'")
    answer = run_check(file)
    assert answer.returncode == 1
    assert answer.stdout.count("FAILED: The stored model") == 6
    assert "is damaged: its bytes have the SHA-256" in answer.stdout


def test_check_finds_answers_that_have_changed(file: str) -> None:
    with duckml.connect(file) as con:
        con.execute(
            "CREATE MODEL line OPTIONS (target = 'y', max_iter = 3) AS SELECT i AS x, i AS y "
            "FROM range(50) r(i)"
        )
        con.execute("UPDATE _duckml.background_row SET answer = '7.5' WHERE position = 1")
    answer = run_check(file)
    assert answer.returncode == 1
    assert "FAILED: its predictions differ by" in answer.stdout
    assert run_check("no_such_file.duckdb").returncode == 1
    assert not os.path.exists("no_such_file.duckdb")
