"""Versions with two sessions, renamed models, copies and retraining."""

from __future__ import annotations

import duckdb
import pandas as pd
import pytest

import duckml
from duckml import errors
from tests.conftest import LINE

pytestmark = pytest.mark.filterwarnings("ignore::duckml.ModelWarningMessage")


@pytest.fixture
def two(file: str) -> duckml.Connection:
    """Train a model `m` with two versions, y = x and y = 3x."""
    con = duckml.connect(file)
    con.execute("CREATE TABLE points AS SELECT i::DOUBLE AS x, i::DOUBLE AS y FROM range(100) t(i)")
    for factor in (1, 3):
        con.execute(f"CREATE OR REPLACE MODEL m {LINE} AS SELECT x, {factor} * x AS y FROM points")
    yield con
    con.close()


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("CREATE MODEL n FROM MODEL m@1", "DROP MODEL m@1"),
        ("ALTER MODEL m SET ALIAS champion = 1", "DROP MODEL m@1"),
        ("ALTER MODEL m SET DEFAULT VERSION 1", "DROP MODEL m@1"),
        ("ALTER MODEL m SET ALIAS champion = 1", "ALTER MODEL m RENAME TO other"),
        ("ALTER MODEL m SET OPTIONS (description = 'a')", "DROP MODEL m"),
        (
            f"CREATE OR REPLACE MODEL m {LINE} AS SELECT x, 5 * x AS y FROM points",
            "ALTER MODEL m SET DEFAULT VERSION 1",
        ),
    ],
)
def test_two_transactions_that_change_one_model_collide(
    two: duckml.Connection, first: str, second: str
) -> None:
    """No artifact is missing afterwards, and every version still predicts."""
    with two.cursor() as one, two.cursor() as other:
        one.execute("BEGIN")
        other.execute("BEGIN")
        one.execute(first).fetchall()
        with pytest.raises(errors.ConflictError):
            other.execute(second).fetchall()
        other.execute("ROLLBACK")
        one.execute("COMMIT")
    versions = two.execute("SELECT name, version FROM _duckml.versions").fetchall()
    assert len(versions) >= 2
    for name, version in versions:
        assert two.execute(f"SELECT PREDICT({name}@{version}, x := 1) IS NOT NULL").fetchone() == (
            True,
        )
    missing = (
        "SELECT count(*) FROM _duckml.model_version "
        "WHERE artifact_key NOT IN (SELECT key FROM _duckml.artifact)"
    )
    assert two.execute(missing).fetchone() == (0,)


def test_a_copy_keeps_the_bytes_of_a_dropped_original(two: duckml.Connection, file: str) -> None:
    two.execute("CREATE MODEL n FROM MODEL m@1; DROP MODEL m")
    two.close()
    with duckml.connect(file) as con:
        assert con.execute("SELECT round(PREDICT(n, x := 5))").fetchone() == (5.0,)


def test_a_version_number_never_refers_to_another_model_after_renaming(
    two: duckml.Connection,
) -> None:
    two.execute(f"CREATE MODEL n {LINE} AS SELECT x, 9 * x AS y FROM points")
    two.execute("ALTER MODEL m RENAME TO elsewhere")
    with pytest.raises(errors.StatementError, match="A model named 'm' existed before"):
        two.execute("ALTER MODEL n RENAME TO m")
    two.execute("ALTER MODEL elsewhere RENAME TO m")  # the same model as before
    assert two.execute(
        "SELECT round(PREDICT(m@1, x := 5)), round(PREDICT(m@2, x := 5))"
    ).fetchone() == (5, 15)


def test_user_macros_are_never_overwritten(two: duckml.Connection) -> None:
    two.execute('CREATE MACRO "predict_m@mine"(a) AS 77')
    with pytest.raises(
        errors.ModelExistsError,
        match="another function of that name already exists",
    ):
        two.execute("ALTER MODEL m SET ALIAS mine = 1")
    assert two.execute('SELECT "predict_m@mine"(1)').fetchone() == (77,)


def test_a_version_that_a_view_uses_is_not_dropped(two: duckml.Connection) -> None:
    two.execute("CREATE VIEW pinned AS SELECT PREDICT(m@1) AS p FROM points")
    two.execute(
        'CREATE MODEL "q""x" FROM MODEL m; '
        'CREATE VIEW odd AS SELECT PREDICT("q""x") AS p FROM points'
    )
    with pytest.raises(
        errors.DependentsError,
        match=r'Model \'m@1\' can\'t be dropped: .*"pinned" would no longer work',
    ):
        two.execute("DROP MODEL m@1")
    with pytest.raises(errors.DependentsError, match='"odd" would no longer work'):
        two.execute('ALTER MODEL "q""x" RENAME TO r')
    # A view over another model of the same name does not prevent it.
    two.execute(
        "CREATE SCHEMA s; CREATE MODEL s.m FROM MODEL m; "
        "CREATE VIEW far AS SELECT PREDICT(s.m) AS p FROM points"
    )
    two.execute("DROP VIEW pinned; ALTER MODEL m RENAME TO moved")
    assert two.execute(
        "SELECT round(PREDICT(moved, x := 2)), (SELECT count(p) FROM far)"
    ).fetchone() == (6, 100)


def test_retraining_uses_the_schema_of_the_first_training(two: duckml.Connection) -> None:
    two.execute(
        "CREATE SCHEMA s; CREATE TABLE s.points AS SELECT x, 50 * x AS y FROM points; "
        "SET schema = 's'"
    )
    two.execute("RETRAIN MODEL main.m")
    assert two.execute("SELECT round(PREDICT(main.m, x := 1)), current_schema()").fetchone() == (
        3.0,
        "s",
    )


def test_the_options_of_a_retraining_replace_those_stored_under_any_name(
    con: duckml.Connection,
) -> None:
    con.execute("CREATE TABLE t AS SELECT i AS x, i AS y FROM range(600) r(i)")
    con.execute(
        "CREATE MODEL m OPTIONS (target = 'y', hidden_layer_sizes = [4], max_iter = 2) AS FROM t"
    )
    con.execute("RETRAIN MODEL m OPTIONS (hidden_units = [5], max_iterations = 3)")
    assert (con.model("m").params["hidden_layer_sizes"], con.model("m").params["max_iter"]) == (
        [5],
        3,
    )
    con.execute("RETRAIN MODEL m OPTIONS (hidden_layer_sizes = [6])")
    assert (con.model("m").params["hidden_layer_sizes"], con.model("m").params["max_iter"]) == (
        [6],
        3,
    )
    con.execute("RETRAIN MODEL m OPTIONS (model_type = 'linear_reg')")
    assert con.model("m").info["estimator"] == "linear_regression"
    with pytest.raises(
        errors.OptionError, match="hidden_layer_sizes and hidden_units are the same option"
    ):
        con.execute(
            "RETRAIN MODEL m OPTIONS (estimator = 'mlp_regressor', hidden_layer_sizes = [4], "
            "hidden_units = [5])"
        )


def test_a_retraining_keeps_the_description_and_tags(two: duckml.Connection) -> None:
    two.execute("ALTER MODEL m SET OPTIONS (description = 'new', tags = ['a'])")
    two.execute("RETRAIN MODEL m")
    assert two.model("m").info["description"] == "new"
    two.execute("ALTER MODEL m SET OPTIONS (description = NULL)")
    assert (two.model("m").info["description"], two.model("m").info["tags"]) == (None, '["a"]')


def test_a_query_that_cannot_run_again_is_not_retrained(con: duckml.Connection) -> None:
    frame = pd.DataFrame({"x": range(600), "y": range(600)})
    con.execute("CREATE MODEL a OPTIONS (target = 'y', max_iter = 1) AS FROM frame")
    con.create_model("b", frame, "y", max_iter=1)
    con.execute(
        "CREATE MODEL c OPTIONS (target = 'y', max_iter = 1) AS SELECT i AS x, i AS y "
        "FROM range(?) t(i)",
        [600],
    )
    for name, lineage in (
        ("a", "trained on rows"),
        ("b", "trained on rows"),
        ("c", "trained with parameters"),
    ):
        with pytest.raises(errors.StatementError, match=f"can't be retrained: it was {lineage}"):
            con.execute(f"RETRAIN MODEL {name}")


def test_skipping_compares_names_types_and_transform(con: duckml.Connection) -> None:
    con.execute(
        "CREATE TABLE t AS SELECT i::DOUBLE AS a, (i * i % 37)::DOUBLE AS b, "
        "10 * i + (i * i % 37) AS y FROM range(300) r(i)"
    )
    create = (
        "CREATE OR REPLACE MODEL m {} OPTIONS (target = 'y', estimator = 'linear_regression', "
        "if_unchanged = 'skip') AS FROM t"
    )
    con.execute(create.format(""))
    con.execute(create.format(""))
    assert con.model("m").version == 1
    con.execute(
        "ALTER TABLE t RENAME a TO c; ALTER TABLE t RENAME b TO a; ALTER TABLE t RENAME c TO b"
    )
    con.execute(create.format(""))
    assert con.model("m").version == 2
    for version, transform in (
        (3, "TRANSFORM (a * 2 AS a, b, y)"),
        (4, "TRANSFORM (a * 3 AS a, b, y)"),
        (4, "TRANSFORM (a * 3 AS a, b, y)"),
    ):
        con.execute(create.format(transform))
        assert con.model("m").version == version


def test_a_registry_of_a_newer_format_affects_no_other_database(con: duckml.Connection) -> None:
    con.execute(
        "CREATE MODEL m OPTIONS (target = 'y', max_iter = 1) AS SELECT i AS x, i AS y "
        "FROM range(50) t(i)"
    )
    con.execute(
        "ATTACH ':memory:' AS other; CREATE MODEL other.q FROM MODEL m; "
        "UPDATE other._duckml.format SET version = 99"
    )
    assert con.execute("SELECT PREDICT(m, x := 1) IS NOT NULL").fetchone() == (True,)
    with pytest.raises(
        errors.RegistryFormatError, match='database "other" are stored in format 99'
    ):
        con.execute("SELECT PREDICT(other.q, x := 1)")


def test_a_transaction_can_write_to_one_database(con: duckml.Connection) -> None:
    con.execute(
        "CREATE MODEL m OPTIONS (target = 'y', max_iter = 1) AS SELECT i AS x, i AS y "
        "FROM range(50) t(i)"
    )
    con.execute("ATTACH ':memory:' AS other; BEGIN; CREATE TABLE written AS SELECT 1 AS a")
    with pytest.raises(errors.StatementError, match="a transaction can write to one only"):
        con.execute("CREATE MODEL other.m FROM MODEL m")
    con.execute("ROLLBACK")


def test_models_survive_export_and_import_of_the_database(
    con: duckml.Connection, tmp_path: object
) -> None:
    con.execute("CREATE TABLE points AS SELECT i::DOUBLE AS x, i > 50 AS late FROM range(100) t(i)")
    con.execute(
        "CREATE MODEL m OPTIONS (target = 'late', max_iter = 5) AS FROM points; "
        "ALTER MODEL m SET ALIAS a = 1"
    )
    before = con.execute("SELECT PREDICT_PROBA(m) FROM points").fetchall()
    con.execute(f"EXPORT DATABASE '{tmp_path}/e'")
    with duckml.connect() as other:
        other.execute(f"IMPORT DATABASE '{tmp_path}/e'")
        assert other.execute("SELECT PREDICT_PROBA(m@a) FROM points").fetchall() == before
        other.execute("RETRAIN MODEL m")
        assert other.model("m").version == 2


def test_a_table_of_another_database_that_holds_a_function_is_named(con: duckml.Connection) -> None:
    con.execute(
        "ATTACH ':memory:' AS other; CREATE MODEL other.m OPTIONS (target = 'y', max_iter = 1) "
        "AS SELECT i AS x, i AS y FROM range(50) t(i)"
    )
    con.execute(
        "USE other; CREATE TABLE held (x DOUBLE, CHECK (predict_m(x := x) > 0)); USE memory"
    )
    with pytest.raises(errors.DependentsError, match="held"):
        con.execute("RETRAIN MODEL other.m")


def test_a_user_macro_named_like_a_duckdb_function_changes_no_prediction(
    con: duckml.Connection,
) -> None:
    con.execute(
        "CREATE TABLE t AS SELECT i::DOUBLE AS a, i % 2 = 0 AS c, 2 * i AS y FROM range(200) r(i)"
    )
    con.execute("CREATE MODEL k OPTIONS (target = 'c', max_iter = 2) AS SELECT a, c FROM t")
    con.execute(
        "CREATE MODEL tr TRANSFORM (round(a) AS a2, ML.MIN_MAX_SCALER(a) OVER () AS a3, y) "
        "OPTIONS (target = 'y', max_iter = 2) AS SELECT a, y FROM t"
    )
    queries = (
        "SELECT PREDICT(k), PREDICT_PROBA(k)::VARCHAR, PREDICT(tr) FROM t",
        "SELECT predicted_c, predicted_c_probs::VARCHAR "
        "FROM PREDICT(MODEL k, TABLE t, STRUCT(0.4 AS threshold))",
    )
    before = [con.execute(query).fetchall() for query in queries]
    for name in (
        "list_extract(l, i)",
        "list_transform(l, f)",
        "map(k, v)",
        "map_entries(m)",
        "list_reverse_sort(l)",
        "round(x)",
        "greatest(a, b)",
        "typeof(a)",
    ):
        con.execute(f"CREATE MACRO {name} AS 'taken'")
    assert [con.execute(query).fetchall() for query in queries] == before


def test_columns_named_like_duckmls_parameters_change_nothing(con: duckml.Connection) -> None:
    con.execute(
        "CREATE MODEL k OPTIONS (target = 'c', max_iter = 2) AS SELECT i AS a, i % 2 = 0 AS c "
        "FROM range(200) t(i)"
    )
    plain = con.execute(
        "SELECT predicted_c_probs FROM PREDICT(MODEL k, (SELECT 3 AS a))"
    ).fetchall()
    for name in ("r", "e", "v", "p", "item"):
        query = (
            "SELECT predicted_c_probs FROM PREDICT(MODEL k, "
            f"(SELECT 3 AS a, {{'label': 'no', 'prob': 9.0}} AS {name}))"
        )
        assert con.execute(query).fetchall() == plain


def test_version_numbers_of_a_name_are_never_reused(two: duckml.Connection) -> None:
    """Keep the numbers of a version that was dropped before the model was renamed."""
    two.execute(
        "ALTER MODEL m SET DEFAULT VERSION 1; DROP MODEL m@2; ALTER MODEL m RENAME TO other"
    )
    two.execute(f"CREATE OR REPLACE MODEL other {LINE} AS SELECT x, 7 * x AS y FROM points")
    assert two.execute("SELECT MODEL_VERSION(other)").fetchone() == ("main.other@3",)


def test_renaming_overwrites_no_macro(two: duckml.Connection) -> None:
    two.execute('CREATE MACRO "predict_b@2"(x) AS 77')
    with pytest.raises(errors.ModelExistsError, match="predict_b@2"):
        two.execute("ALTER MODEL m RENAME TO b")
    assert two.execute('SELECT "predict_b@2"(1), MODEL_VERSION(m)').fetchone() == (77, "main.m@2")


def test_the_schema_of_the_session_is_as_before_after_a_retraining_that_failed(
    two: duckml.Connection,
) -> None:
    two.execute("CREATE SCHEMA u; USE u")
    two.execute(
        "UPDATE _duckml.model_version SET training_query = 'SELECT x, error(''boom'') AS y "
        "FROM points'"
    )
    with pytest.raises(duckdb.Error, match="boom"):
        two.execute("RETRAIN MODEL main.m")
    assert two.execute("SELECT current_schema()").fetchone() == ("u",)
    two.execute("BEGIN")
    with pytest.raises(errors.StatementError, match="Inside a transaction USE that schema first"):
        two.execute("RETRAIN MODEL main.m")
    two.execute("ROLLBACK")
    assert two.execute("SELECT current_schema()").fetchone() == ("u",)
