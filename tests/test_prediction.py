"""PREDICT compared with scikit-learn, on generated frames and in every batch size."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.impute import SimpleImputer
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import duckml
from tests.conftest import ENGINES, engine_marks, on_both_engines

pytestmark = pytest.mark.filterwarnings("ignore::duckml.ModelWarningMessage")
NUMBERS, CATEGORIES, CODES = ["n1", "n2", "flag"], ["k1", "k2"], ["zip"]
FEATURES = [*NUMBERS, *CATEGORIES, *CODES]
ROWS = 1_500
FLOAT32_MAX = float(np.finfo(np.float32).max)


class Fitted:
    """A trained model `m`, and a scikit-learn pipeline with the same net.

    The pipeline shares none of duckml's preprocessing.
    """

    def __init__(self, precision: str, engine: str) -> None:
        self.con = duckml.connect(engine=engine)
        rng = np.random.default_rng(7)
        frame = pd.DataFrame(
            {
                "n1": np.where(rng.random(ROWS) < 0.1, np.nan, rng.normal(1e6, 10, ROWS)),
                "n2": rng.exponential(3, ROWS),
                "flag": rng.random(ROWS) < 0.3,
                "k1": rng.choice(["a", "b", "ü", "😀", " ", "A"], ROWS),
                "k2": np.where(rng.random(ROWS) < 0.2, None, rng.choice(["x", "y"], ROWS)),
                "zip": rng.integers(98000, 98005, ROWS),
            }
        )
        frame["y"] = (
            frame["n2"] * 3 + frame["flag"] + (frame["k1"] == "a") * 5 + frame["zip"] % 7 + 100
        )
        self.con.register("frame", frame)
        options = {
            "categorical": ["zip"],
            "max_iter": 4,
            "data_split_method": "no_split",
            "precision": precision,
        }
        self.model = self.con.create_model(
            "m", f"SELECT {', '.join(FEATURES)}, y FROM frame", "y", **options
        )
        self.pipeline = self._pipeline(frame, precision)

    def _pipeline(self, frame: pd.DataFrame, precision: str) -> TransformedTargetRegressor:
        """Return scikit-learn's transformers, fitted on the same rows, with duckml's weights."""
        import onnx
        from onnx import numpy_helper

        preprocessing = ColumnTransformer(
            [
                (
                    "numbers",
                    make_pipeline(SimpleImputer(strategy="median"), StandardScaler()),
                    NUMBERS,
                ),
                (
                    "categories",
                    OneHotEncoder(
                        handle_unknown="ignore",
                        sparse_output=False,
                        categories=self.categories(frame),
                    ),
                    [*CATEGORIES, *CODES],
                ),
            ]
        )
        matrix = preprocessing.fit_transform(as_scikit_learn(frame))
        net = MLPRegressor(hidden_layer_sizes=(32, 16), max_iter=1)
        net.fit(matrix, np.asarray(frame["y"]))
        weights = {
            i.name: numpy_helper.to_array(i)
            for i in onnx.load_from_string(self.model.onnx).graph.initializer
        }
        named = {name.rsplit("/", 1)[-1]: value for name, value in weights.items()}
        net.coefs_ = [named["coefficient"], named["coefficient1"], named["coefficient2"]]
        net.intercepts_ = [
            named["intercepts"].ravel(),
            named["intercepts1"].ravel(),
            named["intercepts2"].ravel(),
        ]
        if precision == "float64":
            assert all(c.dtype == np.float64 for c in net.coefs_)
        target = StandardScaler().fit(frame[["y"]].to_numpy())
        fitted = TransformedTargetRegressor(
            regressor=Pipeline([("p", preprocessing), ("net", net)])
        )
        fitted.regressor_, fitted.transformer_, fitted._training_dim = fitted.regressor, target, 1
        return fitted

    def categories(self, frame: pd.DataFrame) -> list[list[Any]]:
        """Return the categories by frequency, as duckml orders them."""
        found = []
        for name in [*CATEGORIES, *CODES]:
            counts = as_scikit_learn(frame)[name].value_counts()
            found.append(
                sorted(counts.index, key=lambda value, counts=counts: (-counts[value], value))
            )
        return found

    def predict(self, rows: pd.DataFrame) -> np.ndarray:
        matrix = self.pipeline.regressor_.named_steps["p"].transform(as_scikit_learn(rows))
        predicted = self.pipeline.regressor_.named_steps["net"].predict(matrix)
        return self.pipeline.transformer_.inverse_transform(predicted.reshape(-1, 1)).ravel()


def as_scikit_learn(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the frame with NULL as scikit-learn expects it: NaN for numbers, '' for strings."""
    converted = frame.copy()
    for name in NUMBERS:
        converted[name] = pd.to_numeric(converted[name], errors="coerce").astype(float)
    for name in CATEGORIES:
        converted[name] = [value if isinstance(value, str) else "" for value in converted[name]]
    converted["zip"] = [
        "" if value is None or value is pd.NA else str(int(value)) for value in converted["zip"]
    ]
    return converted


@pytest.fixture(
    scope="module",
    params=[
        pytest.param((precision, engine), marks=engine_marks(engine), id=f"{precision}-{engine}")
        for precision in ("float32", "float64")
        for engine in ENGINES
    ],
)
def fitted(request: pytest.FixtureRequest) -> Iterator[Fitted]:
    fitted = Fitted(*request.param)
    yield fitted
    fitted.con.close()


def arrow(rows: pd.DataFrame) -> pa.Table:
    types = {
        "n1": pa.float64(),
        "n2": pa.float64(),
        "flag": pa.bool_(),
        "k1": pa.string(),
        "k2": pa.string(),
        "zip": pa.int64(),
    }
    columns = {
        name: pa.array(
            [None if value is pd.NA or value is None else value for value in rows[name]], kind
        )
        for name, kind in types.items()
    }
    return pa.table(columns)


def check(fitted: Fitted, rows: pd.DataFrame) -> None:
    table = arrow(rows)
    fitted.con.register("rows_in", table)
    answers = fitted.con.execute("SELECT PREDICT(m) AS p FROM rows_in").to_arrow_table()["p"]
    refused = [
        not all(beyond is None or abs(beyond) <= FLOAT32_MAX for beyond in (row.n1, row.n2))
        for row in rows.itertuples()
    ]
    expected = fitted.predict(rows.assign(n1=rows["n1"].mask(refused), n2=rows["n2"].mask(refused)))
    tolerance = 1e-4 if fitted.model.info["precision"] == "float32" else 1e-9
    for index, answer in enumerate(answers.to_pylist()):
        row = table.slice(index, 1).to_pylist()[0]
        if refused[index] or all(value is None for value in row.values()):
            assert answer is None, row
        else:
            # Far from the training rows the net adds large numbers, and the error grows with them.
            scale = max(20.0, abs((row["n1"] or 1e6) - 1e6), abs(row["n2"] or 0.0))
            assert answer is not None, row
            assert math.isclose(
                answer, expected[index], rel_tol=tolerance, abs_tol=tolerance * scale
            ), row


finite = st.floats(-1e7, 1e7, allow_nan=False)
number = st.one_of(
    st.none(),
    finite,
    finite,
    st.sampled_from([math.nan, math.inf, -math.inf, 1e39, -1e300, 0.0, -0.0]),
)
text = st.one_of(
    st.none(),
    st.sampled_from(["a", "b", "ü", "😀", " ", "A", "x", "y", "", "None", "nan", "\0", "a\0"]),
    st.text(max_size=5),
)
row = st.fixed_dictionaries(
    {
        "n1": number,
        "n2": number,
        "flag": st.sampled_from([None, True, False]),
        "k1": text.filter(lambda value: value is None or value.isprintable() or "\0" in value),
        "k2": text.filter(lambda value: value is None or value.isprintable() or "\0" in value),
        "zip": st.one_of(st.none(), st.integers(97999, 98006), st.sampled_from([0, -1, 2**62])),
    }
)


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(rows=st.lists(row, min_size=1, max_size=30))
def test_predict_equals_the_fitted_scikit_learn_pipeline(
    fitted: Fitted, rows: list[dict[str, Any]]
) -> None:
    check(fitted, pd.DataFrame(rows, columns=FEATURES, dtype=object))


@pytest.mark.parametrize("count", [0, 1, 2_047, 2_048, 2_049, 122_880])
def test_every_number_of_rows(fitted: Fitted, count: int) -> None:
    con = fitted.con
    con.execute(
        "CREATE OR REPLACE TABLE many AS SELECT i AS id, 1e6 + i % 50 AS n1, "
        "CASE WHEN i % 7 = 0 THEN NULL ELSE i % 20 END AS n2, i % 2 = 0 AS flag, "
        "['a', 'b', 'zzz', NULL][i % 4 + 1] AS k1, 'x' AS k2, 98000 + i % 7 AS zip "
        f"FROM range({count}) r(i)"
    )
    rows = con.sql("SELECT id, PREDICT(m) AS p FROM many ORDER BY id").fetchnumpy()
    assert len(rows["p"]) == count
    frame = con.sql("SELECT * EXCLUDE (id) FROM many ORDER BY id").df().astype(object)
    frame = frame.where(frame.notna(), None)
    if count:
        expected = fitted.predict(frame[FEATURES])
        tolerance = 1e-4 if fitted.model.info["precision"] == "float32" else 1e-9
        assert np.allclose(rows["p"], expected, rtol=tolerance, atol=0)
    table_form = con.sql(
        "SELECT predicted_y FROM PREDICT(MODEL m, TABLE many) ORDER BY id"
    ).fetchnumpy()["predicted_y"]
    assert np.array_equal(np.asarray(table_form), np.asarray(rows["p"]))


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(order=st.permutations(FEATURES), rows=st.lists(row, min_size=1, max_size=5))
def test_permuted_columns_predict_bit_for_bit_the_same(
    fitted: Fitted, order: list[str], rows: list[dict[str, Any]]
) -> None:
    table = arrow(pd.DataFrame(rows, columns=FEATURES, dtype=object))
    fitted.con.register("straight", table)
    fitted.con.register(
        "permuted", table.select(order).append_column("extra", pa.array(range(len(table))))
    )
    query = "SELECT PREDICT(m) AS p FROM {}"
    straight = fitted.con.execute(query.format("straight")).to_arrow_table()
    permuted = fitted.con.execute(query.format("permuted")).to_arrow_table()
    by_row = fitted.con.execute("SELECT predict_m(p) AS p FROM permuted p").to_arrow_table()
    assert straight.equals(permuted)
    assert straight.equals(by_row)


@pytest.mark.parametrize("threads", [1, 2, 4])
def test_threads_do_not_change_the_predictions(fitted: Fitted, threads: int) -> None:
    con = fitted.con
    con.execute(
        "CREATE OR REPLACE TABLE big AS SELECT i AS id, 1e6 + i % 91 AS n1, i % 20 AS n2, "
        "i % 2 = 0 AS flag, "
        "'a' AS k1, 'x' AS k2, 98000 + i % 7 AS zip FROM range(300000) r(i)"
    )
    con.execute(f"SET threads = {threads}")
    try:
        answer = con.execute(
            "SELECT sum(PREDICT(m)::DECIMAL(30, 6)), count(PREDICT(m)) FROM big"
        ).fetchone()
    finally:
        con.execute("RESET threads")
    assert (
        answer
        == con.execute(
            "SELECT sum(PREDICT(m)::DECIMAL(30, 6)), count(PREDICT(m)) FROM big"
        ).fetchone()
    )
    assert answer[1] == 300_000


def test_the_whole_row_checks_types_too(fitted: Fitted) -> None:
    import duckdb

    for bad in ("'text' AS n1", "5 AS flag", "1.5 AS zip", "3 AS k1", "TIME '10:00' AS n2"):
        name = bad.split()[-1]
        columns = ", ".join(f"NULL::{kind} AS {n}" for n, kind in TYPES.items() if n != name)
        with pytest.raises(duckdb.Error, match=f'The feature "{name}" is'):
            fitted.con.execute(f"SELECT predict_m(r) FROM (SELECT {bad}, {columns}) r").fetchall()


TYPES = {
    "n1": "DOUBLE",
    "n2": "DOUBLE",
    "flag": "BOOLEAN",
    "k1": "VARCHAR",
    "k2": "VARCHAR",
    "zip": "BIGINT",
}


@on_both_engines
def test_infinite_dates_predict_null(engine: str) -> None:
    with duckml.connect(engine=engine) as con:
        con.execute(
            "CREATE TABLE d AS SELECT DATE '2020-01-01' + i::INT AS d, "
            "TIMESTAMP '2020-01-01' + to_hours(i::INT) AS t, "
            "i AS y FROM range(300) r(i)"
        )
        con.create_model("m", "FROM d", "y", "linear_regression")
        row = con.execute(
            "SELECT PREDICT(m, 'infinity'::DATE, TIMESTAMP '2020-01-01'), "
            "PREDICT(m, DATE '2020-01-01', '-infinity'::TIMESTAMP), "
            "PREDICT(m, NULL, TIMESTAMP '2020-01-02') IS NOT NULL"
        ).fetchone()
        assert row == (None, None, True)


@pytest.mark.parametrize(
    "setting",
    [
        "arrow_lossless_conversion",
        "produce_arrow_string_view",
        "arrow_large_buffer_size",
        "arrow_output_list_view",
    ],
)
def test_arrow_settings_of_the_session_do_not_matter(fitted: Fitted, setting: str) -> None:
    con = fitted.con
    con.execute(
        "CREATE OR REPLACE TABLE s AS SELECT i AS id, 1e6 + i AS n1, i % 20 AS n2, "
        "i % 2 = 0 AS flag, "
        "['a', NULL, 'b'][i % 3 + 1] AS k1, 'x' AS k2, 98000 + i % 7 AS zip FROM range(100) r(i)"
    )
    query = "SELECT PREDICT(m), predict_m(s) FROM s ORDER BY id"
    expected = con.execute(query).fetchall()
    con.execute(f"SET {setting} = true")
    try:
        assert con.execute(query).fetchall() == expected
    finally:
        con.execute(f"RESET {setting}")
