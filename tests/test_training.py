"""Training: reproducible models and the effect of every option, compared with scikit-learn."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import pandas as pd
import pyarrow as pa
import pytest
from sklearn.ensemble import GradientBoostingRegressor, RandomForestRegressor
from sklearn.linear_model import Ridge, RidgeClassifier
from sklearn.neighbors import KNeighborsRegressor
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import duckml
from duckml import errors
from duckml.language.functions import TRANSFORM_FUNCTIONS
from duckml.options.training_options import TrainingOptions
from duckml.training.split import split_rows
from duckml.training.transform.fitted_functions import FITTED_FUNCTIONS
from duckml.training.transform.ml_calls import EXPANSIONS
from tests.conftest import DATA

pytestmark = pytest.mark.filterwarnings("ignore::duckml.ModelWarningMessage")
HOUSES = str(DATA / "house_prices.parquet")


@pytest.fixture
def houses(con: duckml.Connection) -> duckml.Connection:
    con.execute(f"CREATE TABLE houses AS SELECT * EXCLUDE (id) FROM '{HOUSES}' LIMIT 3000")
    return con


def test_rows_in_another_order_give_the_same_artifact(houses: duckml.Connection) -> None:
    options = "OPTIONS (target = 'price', categorical = ['zipcode'], max_iter = 5)"
    keys = set()
    for order in ("price", "hash(lat, price)", "sqft_living DESC", "random()"):
        houses.execute(f"CREATE OR REPLACE MODEL m {options} AS FROM houses ORDER BY {order}")
        keys.add(houses.model("m").key)
    assert len(keys) == 1
    hashes = houses.execute("SELECT DISTINCT data_hash FROM _duckml.model_version").fetchall()
    assert len(hashes) == 1


def test_the_seed_and_the_data_change_the_artifact(houses: duckml.Connection) -> None:
    keys = set()
    for seed, rows in ((0, 2000), (1, 2000), (0, 1999)):
        houses.execute(
            "CREATE OR REPLACE MODEL m "
            f"OPTIONS (target = 'price', max_iter = 2, random_state = {seed}) AS "
            f"FROM (FROM houses ORDER BY ALL LIMIT {rows})"
        )
        keys.add(houses.model("m").key)
    assert len(keys) == 3


def test_house_prices_reach_the_reference(con: duckml.Connection) -> None:
    con.execute(f"CREATE TABLE houses AS SELECT * EXCLUDE (id) FROM '{HOUSES}'")
    options = "target = 'price', categorical = ['zipcode']"
    net = con.create_model("net", "FROM houses", "price", categorical=["zipcode"])
    line = con.create_model(
        "line", "FROM houses", "price", "linear_regression", categorical=["zipcode"]
    )
    assert net.metrics["r2_score"] > 0.87
    assert net.metrics["mean_absolute_error"] < 80_000
    assert net.metrics["r2_score"] > line.metrics["r2_score"] > 0.75
    assert net.info["parity"] <= 1e-4
    assert net.warnings == [] or {w.code for w in net.warnings} == {"in_memory"}
    assert options


def test_flights_reach_the_reference(con: duckml.Connection) -> None:
    con.execute(
        "CREATE TABLE flights AS SELECT * EXCLUDE (arr_time, tailnum) "
        f"FROM '{DATA / 'flights.parquet'}'"
    )
    model = con.create_model("arrival", "FROM flights", "arr_delay", max_iter=15)
    assert model.metrics["r2_score"] > 0.93
    assert model.info["rows_read"] - model.info["rows_used"] == 4013  # cancelled or diverted
    assert "constant_feature" in {warning.code for warning in model.warnings}


def test_loss_and_validation_loss_per_iteration(houses: duckml.Connection) -> None:
    seen: list[duckml.Progress] = []
    model = houses.create_model("m", "FROM houses", "price", max_iter=7, progress=seen.append)
    info = model.training_info.to_pydict()
    assert info["iteration"] == list(range(7))
    assert [progress.iteration for progress in seen] == list(range(1, 8))
    assert info["loss"] == [progress.loss for progress in seen]
    assert info["eval_loss"] == [progress.eval_loss for progress in seen]
    assert info["loss"][-1] < info["loss"][0]
    assert info["learning_rate"] == [0.001] * 7
    assert model.info["stop_reason"] == "max_iter"
    assert "not_converged" in {warning.code for warning in model.warnings}


def test_early_stopping_keeps_the_best_weights(houses: duckml.Connection) -> None:
    model = houses.create_model(
        "m", "FROM houses", "price", n_iter_no_change=3, learning_rate_init=0.02
    )
    losses = model.training_info["eval_loss"].to_pylist()
    assert model.info["stop_reason"] == "early_stopping"
    assert losses.index(min(losses)) < len(losses) - 1
    again = houses.create_model(
        "again",
        "FROM houses",
        "price",
        max_iter=losses.index(min(losses)) + 1,
        learning_rate_init=0.02,
    )
    assert again.key == model.key


def test_precision_decides_the_parity(houses: duckml.Connection) -> None:
    single = houses.create_model("single", "FROM houses", "price", max_iter=3)
    double = houses.create_model("double", "FROM houses", "price", max_iter=3, precision="float64")
    assert 0 < single.info["parity"] <= 1e-4
    assert double.info["parity"] <= 1e-9


def test_the_exported_file_is_complete_for_bare_onnxruntime(con: duckml.Connection) -> None:
    rows = pd.DataFrame(
        {
            "n": [1.5, None, 3.0, 4.0] * 30,
            "k": ["a", None, "b", "é😀"] * 30,
            "z": pd.array([98001, 98002, None, 98003] * 30, dtype="Int64"),
            "d": pd.to_datetime(["2019-02-28", "1969-12-31", None, "2400-02-29"] * 30).date,
            "t": pd.to_datetime(
                ["2019-02-28 23:59:59", "1969-12-31 01:00:00", None, "2020-02-29 12:00:00"] * 30
            ),
            "b": pd.array([True, False, None, True] * 30, dtype="boolean"),
            "y": np.arange(120.0),
        }
    )
    con.register("rows", rows)
    con.execute("CREATE TABLE t AS SELECT n, k, z, d::DATE AS d, t::TIMESTAMP AS t, b, y FROM rows")
    model = con.create_model("m", "FROM t", "y", categorical=["z"], max_iter=3)
    session = ort.InferenceSession(model.onnx, providers=["CPUExecutionProvider"])
    assert {i.name for i in session.get_inputs()} == {"n", "k", "z", "d", "t", "b"}
    assert all(i.shape == ["N", 1] for i in session.get_inputs())
    nan = float("nan")
    feed: dict[str, Any] = {
        "n": [1.5, nan, 3.0, 4.0],
        "k": np.array(["a", "", "b", "é😀"], dtype=object),
        "z": [98001, 98002, -(2**63), 98003],
        "d": [17955.0, -1.0, nan, 157113.0],
        "t": [1551398399.0, -82800.0, nan, 1582977600.0],
        "b": [1.0, 0.0, nan, 1.0],
    }
    feed = {name: np.asarray(values).reshape(-1, 1) for name, values in feed.items()}
    [answer] = session.run(None, feed)
    expected = con.sql("SELECT PREDICT(m) FROM (FROM t LIMIT 4)").fetchnumpy()
    assert session.get_outputs()[0].name == "predicted_y"
    assert answer.ravel().tolist() == next(iter(expected.values())).tolist()
    manifest = json.loads(session.get_modelmeta().custom_metadata_map["duckml"])
    assert manifest["signature"]["target"]["name"] == "y"


@pytest.mark.parametrize(
    "estimator",
    [
        Ridge(alpha=1.0),
        RandomForestRegressor(10, max_depth=6),
        GradientBoostingRegressor(n_estimators=20),
        make_pipeline(StandardScaler(), Ridge()),
        MLPRegressor(hidden_layer_sizes=(8,), max_iter=5, early_stopping=True),
    ],
    ids=lambda estimator: type(estimator).__name__,
)
def test_a_scikit_learn_estimator_of_the_users_own(
    houses: duckml.Connection, estimator: Any
) -> None:
    first = houses.create_model("m", "FROM houses", "price", estimator, categorical=["zipcode"])
    second = houses.create_model(
        "m", "FROM houses", "price", estimator, categorical=["zipcode"], or_replace=True
    )
    assert first.key == second.key  # an unset random_state is set
    assert first.info["parity"] <= 1e-4
    assert first.metrics["row_count"] == 300
    assert not hasattr(estimator, "n_features_in_")  # it was cloned
    assert type(estimator).__name__ in repr(first)


@pytest.mark.parametrize(
    ("estimator", "error", "text"),
    [
        (Ridge, errors.OptionError, "a class and not an instance"),
        (5, errors.OptionError, "no scikit-learn regressor"),
        (StandardScaler(), errors.OptionError, "no scikit-learn regressor"),
        (RidgeClassifier(), errors.OptionError, "a classifier without predict_proba"),
        (
            Ridge(alpha=-1),
            errors.TrainingDataError,
            "Ridge could not be trained: InvalidParameterError",
        ),
        (KNeighborsRegressor(), errors.ParityError, "differs from scikit-learn by"),
    ],
    ids=["class", "number", "transformer", "classifier", "bad parameter", "not the same in ONNX"],
)
def test_an_unsuitable_estimator_is_refused(
    houses: duckml.Connection, estimator: Any, error: type[Exception], text: str
) -> None:
    with pytest.raises(error, match=text):
        houses.create_model("m", "SELECT price, lat, long, grade FROM houses", "price", estimator)
    assert houses.execute("SHOW MODELS").fetchall() == []


def test_an_estimator_without_a_converter_is_refused(houses: duckml.Connection) -> None:
    from sklearn.kernel_ridge import KernelRidge

    with pytest.raises(
        errors.ParityError, match=r"KernelRidge can't be exported to ONNX: .* Nothing was stored\."
    ):
        houses.create_model("m", "SELECT price, lat FROM houses LIMIT 100", "price", KernelRidge())


def test_options_that_contradict_are_refused(houses: duckml.Connection) -> None:
    with pytest.raises(errors.OptionError, match="same option"):
        houses.create_model("m", "FROM houses", "price", Ridge(), model_type="mlp_regressor")
    with pytest.raises(errors.OptionError, match="takes no sample weights"):
        houses.create_model(
            "m", "FROM houses", "price", KNeighborsRegressor(), sample_weight_col="grade"
        )
    with pytest.raises(errors.OptionError, match="is not supported"):
        houses.create_model("m", "FROM houses", "price", early_stopping=True)


@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])
def test_every_solver_trains(houses: duckml.Connection, solver: str) -> None:
    model = houses.create_model(
        "m", "FROM houses", "price", solver=solver, max_iter=20, hidden_layer_sizes=8
    )
    assert model.metrics["r2_score"] > 0.3
    assert model.params["solver"] == solver
    assert model.params["hidden_layer_sizes"] == [8]


def test_bigquery_names_mean_the_same(houses: duckml.Connection) -> None:
    ours = houses.create_model(
        "a", "FROM houses", "price", max_iter=2, hidden_layer_sizes=[4], activation="tanh"
    )
    houses.execute(
        "CREATE MODEL b OPTIONS "
        "(model_type = 'DNN_REGRESSOR', input_label_cols = ['price'], max_iterations = 2, "
        "hidden_units = [4], activation_fn = 'TANH') AS FROM houses"
    )
    assert houses.model("b").key == ours.key


def test_rare_categories_share_one_column(con: duckml.Connection) -> None:
    con.execute(
        "CREATE TABLE t AS "
        "SELECT 'k' || (i % 50) AS k, i // 50 AS x, i % 50 AS y FROM range(1000) r(i)"
    )
    model = con.create_model(
        "m", "FROM t", "y", "linear_regression", max_categories=10, precision="float64"
    )
    assert model.feature_info["dimension"].to_pylist() == [10, 1]
    assert model.feature_info["category_count"].to_pylist() == [50, None]
    answers = con.execute("SELECT DISTINCT k, PREDICT(m, x := 0) FROM t ORDER BY k").fetchall()
    assert len({round(answer, 6) for _, answer in answers}) == 10
    wide = con.create_model("wide", "FROM t", "y", "linear_regression", precision="float64")
    assert wide.feature_info["dimension"].to_pylist() == [50, 1]


def test_sample_weights_count(con: duckml.Connection) -> None:
    con.execute(
        "CREATE TABLE t AS SELECT i % 2 AS x, (i % 4 < 2)::INT * 10 AS y, "
        "1.0 + (i % 4 < 2)::INT * 2 + i / 1e6 AS w "
        "FROM range(800) r(i)"
    )
    weighted = con.create_model("m", "FROM t", "y", "linear_regression", sample_weight_col="w")
    assert weighted.signature.names == ("x",)
    [(answer,)] = con.execute("SELECT PREDICT(m, x := 0)").fetchall()
    assert answer == pytest.approx(7.5, abs=0.5)
    con.create_model("net", "FROM t", "y", sample_weight_col="w", max_iter=3)
    with pytest.raises(errors.TrainingDataError, match="negative values"):
        con.create_model("n", "SELECT x, y, -w AS w FROM t", "y", sample_weight_col="w")
    with pytest.raises(
        errors.TrainingDataError, match='in 800 of them the weight "w" is 0 or NULL'
    ):
        con.create_model("n", "SELECT x, y, 0.0 AS w FROM t", "y", sample_weight_col="w")
    # Rows of weight 0 are left out rather than making a batch of nothing.
    query = (
        "SELECT x, w AS z, y, (y = 10)::INT * (z > 1)::INT * x AS w FROM t WHERE x = 1 OR y = 10"
    )
    few = con.create_model(
        "few", f"SELECT z, y + z AS y, w FROM ({query})", "y", sample_weight_col="w", max_iter=2
    )
    assert few.info["rows_used"] < few.info["rows_read"]


def test_sequential_split_tests_on_the_latest(con: duckml.Connection) -> None:
    con.execute(
        "CREATE TABLE t AS SELECT DATE '2020-01-01' + i::INT AS d, i::DOUBLE AS x, "
        "CASE WHEN i < 900 THEN i ELSE 2 * i END AS y FROM range(1000) r(i)"
    )
    options = {"data_split_method": "seq", "data_split_col": "d", "estimator": "linear_regression"}
    model = con.create_model("m", "FROM t", "y", **options)
    assert model.metrics["r2_score"] < 0  # the last tenth follows another law
    assert model.signature.names == ("x",)
    with pytest.raises(errors.TrainingDataError, match='"d" is NULL in 1 rows'):
        con.create_model(
            "n", "SELECT nullif(d, DATE '2020-01-01') AS d, x, y FROM t", "y", **options
        )


def test_custom_split_holds_out_what_it_is_told(con: duckml.Connection) -> None:
    con.execute(
        "CREATE TABLE t AS SELECT i::DOUBLE AS x, i % 10 = 0 AS held, "
        "CASE WHEN held THEN -i ELSE i END AS y "
        "FROM range(1000) r(i)"
    )
    model = con.create_model(
        "m", "FROM t", "y", "linear_regression", data_split_method="custom", data_split_col="held"
    )
    assert (model.info["rows_validation"], model.info["rows_test"]) == (50, 50)
    assert model.metrics["r2_score"] < 0
    with pytest.raises(errors.OptionError, match="needs a BOOLEAN"):
        con.create_model("n", "FROM t", "y", data_split_method="custom", data_split_col="x")
    with pytest.raises(errors.TrainingDataError, match="true in every row"):
        con.create_model(
            "n",
            "SELECT x, y, true AS held FROM t",
            "y",
            data_split_method="custom",
            data_split_col="held",
        )


def test_equal_rows_never_straddle_the_split() -> None:
    keys = np.sort(np.random.default_rng(0).integers(0, 40, 1000)).astype(np.uint64)
    split = split_rows(pa.table({"x": np.arange(1000)}), keys, None, TrainingOptions())
    parts = [set(keys[part]) for part in (split.train, split.validation, split.test)]
    assert len(set.union(*parts)) == sum(map(len, parts))
    assert sum(map(len, (split.train, split.validation, split.test))) == 1000


@pytest.mark.parametrize("rows", [2, 3, 5, 10, 19])
def test_a_handful_of_rows_trains_and_says_so(con: duckml.Connection, rows: int) -> None:
    query = f"SELECT i::DOUBLE AS x, 2.0 * i AS y FROM range({rows}) r(i)"
    codes = {warning.code for warning in con.create_model("m", query, "y", max_iter=3).warnings}
    assert codes & {"few_rows", "no_test_rows"}
    assert con.execute("SELECT PREDICT(m, x := 1) IS NOT NULL").fetchall() == [(True,)]


def test_tiny_and_large_magnitudes_are_learned(con: duckml.Connection) -> None:
    for scale in (1e-30, 1e-13, 1e13, 1e30):
        query = (
            f"SELECT {scale} * i AS x, (i * 7 % 13)::DOUBLE AS z, i::DOUBLE AS y "
            "FROM range(600) r(i)"
        )
        model = con.create_model("m", query, "y", "linear_regression", or_replace=True)
        assert model.metrics["r2_score"] > 0.999, scale


def test_rows_that_predict_would_not_answer_are_left_out(con: duckml.Connection) -> None:
    query = (
        "SELECT CASE WHEN i % 10 = 0 THEN 1e39 ELSE i END AS x, i::DOUBLE AS y FROM range(600) r(i)"
    )
    model = con.create_model("m", query, "y", "linear_regression", precision="float64")
    assert (model.info["rows_read"], model.info["rows_used"]) == (600, 540)


def test_lineage_is_recorded(houses: duckml.Connection) -> None:
    houses.execute(
        "CREATE MODEL m OPTIONS "
        "(target = 'price', max_iter = 2, description = 'a test', tags = {'team': 'x'}) AS\n"
        "SELECT price, grade -- comment\nFROM houses WHERE grade > 3"
    )
    info = houses.model("m").info
    assert info["training_query"] == "SELECT price, grade -- comment\nFROM houses WHERE grade > 3"
    assert info["source_tables"] == ["houses"]
    assert info["description"] == "a test"
    assert json.loads(info["tags"]) == {"team": "x"}
    assert json.loads(info["options"])["max_iter"] == 2
    assert set(info["library_versions"]) >= {"duckdb", "scikit-learn", "skl2onnx", "onnxruntime"}
    assert len(info["data_hash"]) == 64


def test_what_is_stored_is_onnx_and_json(tmp_path: Path) -> None:
    with duckml.connect(str(tmp_path / "m.duckdb")) as con:
        con.create_model("m", "SELECT i AS x, i AS y FROM range(100) r(i)", "y", max_iter=2)
        [(value,)] = con.execute("SELECT onnx FROM _duckml.artifact").fetchall()
        onnx.checker.check_model(onnx.load_from_string(value))
        uncommented = con.execute(
            "SELECT table_name, column_name FROM duckdb_columns() "
            "WHERE schema_name = '_duckml' AND comment IS NULL "
            "AND table_name IN "
            "(SELECT table_name FROM duckdb_tables() WHERE schema_name = '_duckml')"
        ).fetchall()
        assert uncommented == []


def test_every_function_of_transform_is_implemented() -> None:
    assert {*FITTED_FUNCTIONS, *EXPANSIONS, "bucketize"} == TRANSFORM_FUNCTIONS
