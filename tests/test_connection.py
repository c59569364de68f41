"""A duckml connection in place of DuckDB's: frames, relations, cursors, and other Python tools."""

from __future__ import annotations

import gc
import pickle
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import duckml
from duckml import errors
from tests.conftest import LINE, interrupts, make_line, needs

pytestmark = pytest.mark.filterwarnings("ignore::duckml.ModelWarningMessage")


def test_is_a_duckdb_connection(con: duckml.Connection) -> None:
    assert isinstance(con, duckdb.DuckDBPyConnection)
    assert con.execute("SELECT 42 AS x").fetchall() == [(42,)]
    assert con.sql("SELECT 42 AS x").columns == ["x"]
    assert con.execute("SELECT ?", [1]).df().iloc[0, 0] == 1
    assert con.execute("SELECT 1 AS a").to_arrow_table().column_names == ["a"]
    with pytest.raises(TypeError):
        pickle.dumps(con)


def test_every_form_of_rows_is_found_in_the_callers_frame(line: duckml.Connection) -> None:
    frame = pd.DataFrame({"x": [1.0, 2.0], "query": ["a", "b"]})
    arrow = pa.table({"x": [1.0, 2.0]})
    polars = pl.DataFrame({"x": [1.0, 2.0]})
    for name in ("frame", "arrow", "polars"):
        expected = [(3.0,), (5.0,)]
        assert rounded(line.execute(f"SELECT PREDICT(line) FROM {name}").fetchall()) == expected
        assert rounded(line.sql(f"SELECT PREDICT(line) FROM {name}").fetchall()) == expected
        assert (
            rounded(
                line.sql(f"SELECT predicted_y FROM PREDICT(MODEL line, TABLE {name})").fetchall()
            )
            == expected
        )
        assert line.execute(f"SELECT count(*) FROM {name}").fetchall() == [(2,)]
    assert frame is not None
    assert arrow is not None
    assert polars is not None


def test_locals_of_duckml_do_not_shadow_the_users_frames(line: duckml.Connection) -> None:
    # duckml has locals and parameters of these names, which must not hide the user's frames.
    query = sql = frame = finish = statement = parameters = text = self = pd.DataFrame({"x": [4.0]})
    for name in ("query", "sql", "frame", "finish", "statement", "parameters", "text", "self"):
        assert rounded(line.sql(f"SELECT PREDICT(line) FROM {name}").fetchall()) == [(9.0,)]
        assert line.execute(f"SELECT x FROM {name}").fetchall() == [(4.0,)]
    assert all(value is query for value in (sql, frame, finish, statement, parameters, text, self))


def test_a_model_is_trained_on_a_dataframe_named_in_sql(con: duckml.Connection) -> None:
    rows = pd.DataFrame({"x": np.arange(50.0), "y": np.arange(50.0) * 3})
    con.execute(f"CREATE MODEL m {LINE} AS SELECT x, y FROM rows WHERE x >= ?", [0])
    assert rounded(con.sql("SELECT PREDICT(m, x := 2)").fetchall()) == [(6.0,)]
    assert rows is not None


GLOBAL_FRAME = pd.DataFrame({"x": [1.0]})


def test_globals_are_found_too(line: duckml.Connection) -> None:
    assert rounded(line.execute("SELECT PREDICT(line) FROM GLOBAL_FRAME").fetchall()) == [(3.0,)]


def test_create_model_takes_rows_of_every_kind(con: duckml.Connection) -> None:
    frame = pd.DataFrame({"x": np.arange(40.0), "y": np.arange(40.0) * 2})
    con.execute("CREATE TABLE t AS FROM frame")
    other = duckdb.connect()
    other.execute("CREATE TABLE t AS SELECT i::DOUBLE AS x, -i::DOUBLE AS y FROM range(40) r(i)")
    sources: dict[str, Any] = {
        "sql": "FROM t",
        "pandas": frame,
        "polars": pl.from_pandas(frame),
        "arrow": pa.Table.from_pandas(frame),
        "relation": con.table("t"),
        "filtered": con.sql("SELECT * FROM t WHERE x > $low", params={"low": 3}),
    }
    for name, source in sources.items():
        model = con.create_model(
            name, source, target="y", estimator="linear_regression", precision="float64"
        )
        assert rounded(con.execute(f"SELECT PREDICT({name}, x := 10)").fetchall()) == [(20.0,)]
        assert model.signature.names == ("x",)
    # A relation keeps the rows of its database, although this one has a table of the same name.
    con.create_model(
        "foreign_rows", other.table("t"), "y", "linear_regression", precision="float64"
    )
    assert rounded(con.execute("SELECT PREDICT(foreign_rows, x := 10)").fetchall()) == [(-10.0,)]
    other.close()


def test_model_predicts_on_rows_of_every_kind(line: duckml.Connection) -> None:
    model = line.model("line")
    frame = pd.DataFrame({"name": ["a", "b"], "x": [1.0, 2.0]})
    predicted = model.predict(frame)
    assert isinstance(predicted, pd.DataFrame)
    assert list(predicted.columns) == ["name", "x", "predicted_y"]
    assert np.allclose(predicted["predicted_y"], [3, 5])
    assert isinstance(model.predict(pl.from_pandas(frame)), pl.DataFrame)
    assert isinstance(model.predict(pl.from_pandas(frame).lazy()), pl.LazyFrame)
    assert isinstance(model.predict(pa.Table.from_pandas(frame)), pa.Table)
    assert rounded(model.predict(line.sql("SELECT 5 AS x")).fetchall()) == [(5, 11.0)]
    assert model.predict("points").limit(1).columns == ["x", "y", "predicted_y"]
    assert model.evaluate(line.table("points"))["row_count"] == 100
    with pytest.raises(errors.FeatureError, match='needs the column "x"'):
        model.predict(pd.DataFrame({"xx": [1.0]}))


def test_a_table_is_never_used_instead_of_the_given_rows(line: duckml.Connection) -> None:
    model = line.model("line")
    line.execute(
        'CREATE TABLE duckml_rows AS SELECT 100.0 AS x; CREATE TABLE "my table" AS SELECT 2.0 AS x'
    )
    assert list(model.predict(pd.DataFrame({"x": [1.0]}))["predicted_y"].round(6)) == [3.0]
    assert rounded(model.predict("my table").project("predicted_y").fetchall()) == [(5.0,)]
    with pytest.raises(errors.StatementError, match="is not a model's name"):
        model.predict('t"); DROP TABLE duckml_rows; --')
    assert line.execute("SELECT count(*) FROM duckml_rows").fetchall() == [(1,)]


def test_interrupt_from_another_thread_is_no_keyboard_interrupt(con: duckml.Connection) -> None:
    slow = (
        "SELECT i AS x, (SELECT sum(a.i * b.i) FROM range(100000) a(i), range(100000) b(i)) AS y "
        "FROM range(9) t(i)"
    )
    with interrupts(con, 1.5), pytest.raises(duckdb.InterruptException):
        con.execute(f"CREATE MODEL m OPTIONS (target = 'y') AS {slow}")


def test_the_bytes_of_an_uncommitted_model(con: duckml.Connection) -> None:
    con.execute("BEGIN")
    model = con.create_model(
        "m", "SELECT i AS x, i AS y FROM range(50) t(i)", "y", "linear_regression"
    )
    assert len(model.onnx) == model.info["size_bytes"]
    con.execute("ROLLBACK")


def test_options_are_recorded_as_json(con: duckml.Connection) -> None:
    con.execute(
        "CREATE MODEL m OPTIONS (target = 'y', max_iter = 1, learning_rate_init = 0.01, "
        "tags = {'cost': 1.5}) AS "
        "SELECT i AS x, i AS y FROM range(50) t(i)"
    )
    info = con.model("m").info
    assert (info["tags"], '"learning_rate_init": 0.01' in info["options"]) == (
        '{"cost": 1.5}',
        True,
    )


def test_a_model_describes_itself(line: duckml.Connection) -> None:
    model = line.model("line")
    assert (model.name, model.version) == ("line", 1)
    assert model.metrics["r2_score"] == pytest.approx(1)
    assert model.signature.target.name == "y"
    assert "line@1 (linear_regression)" in repr(model)
    assert "<table>" in model._repr_html_()
    assert model.training_info.num_rows == 1
    assert model.feature_info["input"].to_pylist() == ["x"]
    assert model.params["fit_intercept"] is True
    assert {warning.code for warning in model.warnings} >= {"few_rows", "in_memory"}
    assert model.info["library_versions"]["duckdb"] == duckdb.__version__
    assert len(model.onnx) == model.info["size_bytes"]


def test_an_old_model_object_keeps_its_version(line: duckml.Connection) -> None:
    model = line.model("line")
    make_line(line, factor=7)
    assert rounded(model.predict(line.sql("SELECT 1 AS x")).fetchall()) == [(1, 3.0)]
    assert line.model("line").version == 2
    assert line.model("line@1").key == model.key


def test_relation_verbs_understand_predict(line: duckml.Connection) -> None:
    points = line.table("points")
    assert points.filter("PREDICT(line) > 190").aggregate("count(*)").fetchall() == [(5,)]
    projected = points.project("x, PREDICT(line)")
    assert projected.columns == ["x", "predict(line)"]
    assert points.order("PREDICT(line) DESC").limit(1).fetchall() == [(99.0, 199.0)]
    assert points.aggregate("max(PREDICT(line, x := x + 1))").fetchall()[0][0] == pytest.approx(201)
    assert points.query("p", "SELECT count(*) FROM PREDICT(MODEL line, TABLE p)").fetchall() == [
        (100,)
    ]
    points.filter("PREDICT(line) > 0").create_view("positive")
    assert line.sql("SELECT count(*) FROM positive").fetchall() == [(100,)]
    frame = pd.DataFrame({"x": [1.0]})
    assert line.sql("FROM frame").filter("PREDICT(line) > 1").fetchall() == [(1.0,)]
    assert frame is not None


def test_a_relation_is_lazy_and_the_view_follows_the_default_version(
    line: duckml.Connection,
) -> None:
    relation = line.sql("SELECT PREDICT(line, x := 1) AS p")
    assert rounded(relation.fetchall()) == [(3.0,)]
    make_line(line, factor=9)
    assert rounded(line.sql("SELECT PREDICT(line, x := 1) AS p").fetchall()) == [(10.0,)]


def test_parameters_keep_their_places(con: duckml.Connection) -> None:
    con.execute(
        "CREATE TABLE t AS SELECT i % 7 AS a, i % 11 AS b, (i % 7) + 100 * (i % 11) AS y "
        "FROM range(200) r(i)"
    )
    con.execute(f"CREATE MODEL m {LINE} AS FROM t")
    assert rounded(con.execute("SELECT PREDICT(m, b := ?, a := ? * 10)", [3, 1]).fetchall()) == [
        (310.0,)
    ]
    assert rounded(con.execute("SELECT PREDICT(m, b := $2, a := $1)", [3, 1]).fetchall()) == [
        (103.0,)
    ]
    named = {"first": 3, "second": 1}
    assert rounded(
        con.execute("SELECT PREDICT(m, b := $second, a := $first)", named).fetchall()
    ) == [(103.0,)]
    nested = "SELECT PREDICT(m, b := ?, a := PREDICT(m, b := ?, a := ?))"
    assert rounded(con.execute(nested, [1, 0, 5]).fetchall()) == [(105.0,)]
    script = "SELECT PREDICT(m, 1, 1); SELECT ? AS first, PREDICT(m, b := ?, a := ?), ? AS last"
    assert rounded(con.execute(script, [7, 2, 4, 8]).fetchall()) == [(7, 204.0, 8)]
    assert rounded(con.sql("SELECT PREDICT(m, b := ?, a := ?)", params=[3, 1]).fetchall()) == [
        (301.0,)
    ]
    con.executemany("INSERT INTO t SELECT ?, ?, PREDICT(m, b := ?, a := 0)", [[1, 1, 2], [1, 1, 3]])
    assert con.execute("SELECT sum(y) FROM (FROM t ORDER BY rowid DESC LIMIT 2)").fetchall() == [
        (500,)
    ]


def test_a_model_statement_leaves_no_open_result(con: duckml.Connection) -> None:
    con.execute("CREATE TABLE t AS SELECT i::DOUBLE AS x, i * 2.0 AS y FROM range(100) r(i)")
    con.execute(f"CREATE MODEL m {LINE} AS FROM t")  # its row is not fetched
    assert con.sql("SELECT count(*) FROM t").fetchall() == [(100,)]
    con.execute("SHOW MODELS")
    assert con.model("m").version == 1
    con.execute("DESCRIBE MODEL m")
    con.create_model("other", "FROM t", "y", "linear_regression")
    assert con.execute(f"CREATE OR REPLACE MODEL m {LINE} AS FROM t").fetchone()[:3] == (
        "m",
        2,
        True,
    )


def test_reading_does_not_discard_an_open_result(line: duckml.Connection) -> None:
    line.execute("SELECT i FROM range(5000000) t(i)")
    assert line.fetchone() == (0,)
    assert line.model("line").version == 1
    assert line.fetchone() == (1,)


def test_cursors_predict_in_threads(file: str) -> None:
    with duckml.connect(file) as con:
        make_line(con)
        results: list[float] = []

        def work() -> None:
            with con.cursor() as cursor:
                for _ in range(20):
                    results.append(
                        cursor.execute("SELECT sum(PREDICT(line)) FROM points").fetchone()[0]
                    )

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(results) == 80
        assert all(result == pytest.approx(10_000) for result in results)


def test_attach_gives_the_same_object_and_closes_as_before(file: str) -> None:
    plain = duckdb.connect(file)
    plain.execute(
        "CREATE TEMP TABLE mine AS SELECT i::DOUBLE AS x, i * 2.0 AS y FROM range(100) r(i)"
    )
    con = duckml.attach(plain)
    assert con is plain
    con.execute(f"CREATE MODEL m {LINE} AS FROM mine")
    assert duckml.attach(con) is con
    con.close()
    with pytest.raises(duckdb.ConnectionException):
        plain.execute("SELECT 1")
    with duckml.connect(file) as again:
        assert rounded(again.execute("SELECT PREDICT(m, x := 1)").fetchall()) == [(2.0,)]


def test_attach_inside_a_transaction_that_is_rolled_back() -> None:
    plain = duckdb.connect()
    plain.execute("BEGIN")
    con = duckml.attach(plain)
    con.execute("ROLLBACK")
    make_line(con)
    assert rounded(con.execute("SELECT PREDICT(line, x := 1)").fetchall()) == [(3.0,)]
    con.close()


def test_a_closed_file_can_be_opened_by_another_process(file: str) -> None:
    with duckml.connect(file) as con:
        make_line(con)
        cursor = con.cursor()
        assert cursor.execute("SELECT PREDICT(line, x := 1)").fetchall()
        cursor.close()
    gc.collect()
    code = (
        f"import duckml; con = duckml.connect({file!r}); "
        "print(con.execute('SELECT round(PREDICT(line, x := 1))').fetchall())"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert answer.stdout.strip() == "[(3.0,)]"
    assert answer.stderr == ""


def test_a_file_opens_without_duckml_and_the_error_names_what_is_missing(file: str) -> None:
    with duckml.connect(file) as con:
        make_line(con)
    with duckdb.connect(file) as plain:
        assert plain.execute("SELECT count(*) FROM points").fetchall() == [(100,)]
        assert plain.execute("SELECT name FROM _duckml.models").fetchall() == [("line",)]
        with pytest.raises(duckdb.CatalogException, match="duckml_predict_double"):
            plain.execute("SELECT predict_line(p) FROM points p")


def test_two_connections_to_one_file_share_the_function(file: str) -> None:
    first = duckml.connect(file)
    second = duckml.connect(file)
    make_line(first)
    first.close()
    assert rounded(second.execute("SELECT PREDICT(line, x := 1)").fetchall()) == [(3.0,)]
    second.close()


def test_changes_of_another_session_are_visible(file: str) -> None:
    with duckml.connect(file) as con, con.cursor() as other:
        make_line(con)
        assert rounded(other.execute("SELECT PREDICT(line, x := 1)").fetchall()) == [(3.0,)]
        con.execute(
            "CREATE OR REPLACE TABLE points2 AS SELECT i::DOUBLE AS z, i * 5.0 AS y "
            "FROM range(100) r(i)"
        )
        con.execute(f"CREATE OR REPLACE MODEL line {LINE} AS FROM points2")
        assert rounded(other.execute("SELECT PREDICT(line) FROM (SELECT 1 AS z)").fetchall()) == [
            (5.0,)
        ]
        con.execute("DROP MODEL line")
        with pytest.raises(errors.ModelNotFoundError, match="No model named 'line'"):
            other.execute("SELECT PREDICT(line) FROM (SELECT 1 AS z)")


def test_a_lateral_prediction_uses_the_current_version(file: str) -> None:
    with duckml.connect(file) as con, con.cursor() as other:
        make_line(con)
        for query in (
            "SELECT l.p FROM (SELECT 1.0::DOUBLE AS x) t, LATERAL (SELECT PREDICT(line) AS p) l "
            "WHERE l.p > 0",
            "SELECT l.p FROM (SELECT 1.0::DOUBLE AS x) t, (SELECT PREDICT(line) AS p) l "
            "WHERE l.p > 0",
        ):
            make_line(con, factor=2)
            assert rounded(other.execute(query).fetchall()) == [(3.0,)]
            make_line(con, factor=8)
            assert rounded(other.execute(query).fetchall()) == [(9.0,)]


def test_create_without_replace_never_replaces_a_concurrent_model(file: str) -> None:
    with duckml.connect(file) as con:
        outcomes: list[str] = []

        def create(factor: int) -> None:
            with con.cursor() as cursor:
                try:
                    cursor.execute(
                        f"CREATE MODEL race {LINE} AS SELECT i::DOUBLE AS x, {factor} * i AS y "
                        "FROM range(200000) r(i)"
                    )
                    outcomes.append("created")
                except errors.ModelExistsError:
                    outcomes.append("exists")

        threads = [threading.Thread(target=create, args=(factor,)) for factor in (2, -2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(outcomes) == ["created", "exists"]
        assert con.execute("SELECT count(*) FROM _duckml.model_version").fetchall() == [(1,)]


def test_a_name_that_another_session_holds_is_a_conflict(file: str) -> None:
    with duckml.connect(file) as con, con.cursor() as other:
        make_line(con)
        other.execute("BEGIN")
        other.execute(f"CREATE MODEL held {LINE} AS FROM points")
        with pytest.raises(
            errors.ConflictError,
            match="Another session is creating, replacing or dropping model 'held'",
        ):
            con.execute("BEGIN; CREATE MODEL held OPTIONS (target = 'y') AS FROM points")
        con.execute("ROLLBACK")
        other.execute("COMMIT")
        assert con.model("held").version == 1
        other.execute("BEGIN; DROP MODEL held")
        with pytest.raises(errors.ConflictError, match="or dropping model 'held'"):
            con.execute("DROP MODEL held")
        other.execute("ROLLBACK")


def test_polars_reads_a_query(line: duckml.Connection) -> None:
    frame = pl.read_database("SELECT x, PREDICT(line) AS p FROM points ORDER BY x LIMIT 2", line)
    assert [round(p) for p in frame["p"]] == [1, 3]


def test_pandas_reads_a_query(line: duckml.Connection) -> None:
    frame = line.execute("SELECT x, PREDICT(line) AS p FROM points ORDER BY x LIMIT 2").df()
    assert [round(p) for p in frame["p"]] == [1, 3]


def test_rewritten_shows_what_duckdb_runs(line: duckml.Connection) -> None:
    sql = line.rewritten("SELECT /* as it is */ PREDICT(line) FROM points")
    assert (
        sql
        == 'SELECT /* as it is */ "memory"."main"."predict_line"("x" := "x") AS "predict(line)" '
        "FROM points"
    )


@needs("root")
def test_a_user_without_a_name_is_recorded_by_number() -> None:
    code = """
import os, pwd
from duckml.registry import authors
for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
    os.environ.pop(name, None)
os.setuid(54321)
print(authors.user_name())
"""
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert answer.stdout.strip() == "54321"


def test_importing_loads_nothing_heavy() -> None:
    code = (
        "import sys, duckml; from duckml import connect; con = connect(); "
        "heavy = ('sklearn', 'skl2onnx', 'onnxruntime', 'pandas', 'sqlglot'); "
        "print([name for name in heavy if name in sys.modules])"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert answer.stdout.strip() == "[]"
    assert answer.stderr == ""


def test_no_pickle_anywhere() -> None:
    package = Path(duckml.__file__).parent
    for file in package.rglob("*.py"):
        assert "pickle" not in file.read_text(encoding="utf-8"), file


def rounded(rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    return [
        tuple(round(value, 6) if isinstance(value, float) else value for value in row)
        for row in rows
    ]
