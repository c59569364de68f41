"""SQL that is not typed for DuckDB: BigQuery's, and what tools built on sqlglot make of ours."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import sqlglot

import duckml
from duckml import errors

DATA = Path(__file__).parent / "data"

pytestmark = pytest.mark.filterwarnings("ignore::duckml.ModelWarningMessage")


def statements() -> list[str]:
    text = (DATA / "bigquery_statements.sql").read_text(encoding="utf-8")
    parts = [part.strip() for part in re.split(r"\n\s*\n", text)]
    return [part for part in parts if not all(line.startswith("--") for line in part.splitlines())]


@pytest.fixture
def bigquery(con: duckml.Connection) -> duckml.Connection:
    con.execute((DATA / "bigquery_tables.sql").read_text(encoding="utf-8"))
    return con


def test_statements_of_bigquery_ml_run_unchanged(
    bigquery: duckml.Connection, tmp_path: Path
) -> None:
    found = statements()
    assert len(found) >= 60
    kinds = (
        "LINEAR_REG",
        "LOGISTIC_REG",
        "DNN_REGRESSOR",
        "DNN_CLASSIFIER",
        "TRANSFORM",
        "ML.PREDICT",
        "ML.EVALUATE",
        "ML.TRAINING_INFO",
        "ML.FEATURE_INFO",
        "ML.WEIGHTS",
        "ML.CONFUSION_MATRIX",
        "ML.ROC_CURVE",
        "EXPORT MODEL",
        "ALTER MODEL",
        "DROP MODEL",
    )
    for kind in kinds:
        assert any(kind in statement.upper() for statement in found), kind
    for statement in found:
        try:
            bigquery.execute(
                statement.replace("{tmp}", str(tmp_path)), dialect="bigquery"
            ).fetchall()
        except BaseException as error:
            error.add_note(statement)
            raise


def answers(con: duckml.Connection, sql: str) -> object:
    return con.execute(sql, dialect="bigquery").fetchall()


@pytest.fixture
def line(con: duckml.Connection) -> duckml.Connection:
    con.execute(
        "CREATE SCHEMA ds; CREATE TABLE ds.t "
        "AS SELECT i::DOUBLE AS x, 2 * i + 1.0 AS label FROM range(600) r(i)"
    )
    con.execute(
        "CREATE MODEL `ds.m` "
        "OPTIONS (model_type = 'linear_reg', data_split_method = 'NO_SPLIT') AS "
        "SELECT x, label FROM `ds.t`",
        dialect="bigquery",
    )
    con.execute(
        "CREATE MODEL ds.c OPTIONS (target = 'late') AS SELECT x, x > 300 AS late FROM ds.t"
    )
    return con


@pytest.mark.parametrize(
    "name",
    ["ds.m", "`ds.m`", "`ds`.`m`", "`my-project.ds.m`", "my-project.ds.m", "my-project-12.ds.m"],
)
def test_a_model_is_named_as_in_bigquery(line: duckml.Connection, name: str) -> None:
    [(found,)] = answers(
        line, f"SELECT ROUND(predicted_label) FROM ML.PREDICT(MODEL {name}, (SELECT 10 AS x))"
    )
    assert found == 21


def test_what_bigquery_counts_otherwise_is_translated(line: duckml.Connection) -> None:
    assert answers(
        line,
        "SELECT TIMESTAMP_DIFF(TIMESTAMP '2024-01-01 10:01:00', "
        "TIMESTAMP '2024-01-01 10:00:59', MINUTE)",
    )[0] == (0,)
    assert answers(line, "SELECT EXTRACT(DAYOFWEEK FROM DATE '2024-01-07')") == [(1,)]
    assert answers(
        line, "SELECT FARM_FINGERPRINT(NULL), MOD(ABS(FARM_FINGERPRINT('a')), 10) < 10"
    ) == [(None, True)]
    assert answers(line, "SELECT SUM(v) FROM UNNEST([1, 2, 3]) AS v WHERE v > 1") == [(5,)]
    assert answers(line, "SELECT o FROM UNNEST(['a', 'b']) AS v WITH OFFSET AS o ORDER BY o") == [
        (0,),
        (1,),
    ]
    assert answers(line, "SELECT ';', 'ML.PREDICT(MODEL m, ('") == [(";", "ML.PREDICT(MODEL m, (")]
    sql = (
        "SELECT (SELECT prob > 0.5 FROM UNNEST(predicted_late_probs) WHERE label = true) "
        "FROM ML.PREDICT(MODEL ds.c, (SELECT 599 AS x))"
    )
    assert answers(line, sql) == [(True,)]
    many = " UNION ALL ".join(["SELECT r2_score FROM ML.EVALUATE(MODEL ds.m)"] * 12)
    assert len(answers(line, many)) == 12


@pytest.mark.parametrize(
    ("sql", "kind", "text"),
    [
        (
            "SELECT * FROM ML.FORECAST(MODEL ds.m, STRUCT(3 AS horizon))",
            errors.StatementError,
            "ML.FORECAST is not supported",
        ),
        (
            "SELECT ML.BUCKETIZE(1, [0.0])",
            errors.StatementError,
            "ML.BUCKETIZE is supported in TRANSFORM",
        ),
        ("CREATE MODEL", errors.StatementError, "The statement ends too early: CREATE MODEL"),
        ("SELECT * FROM ML.PREDICT()", errors.StatementError, "ML.PREDICT needs a model"),
        (
            "SELECT * FROM ML.PREDICT(MODEL ds.m, TABLE ds.t WHERE x < 5)",
            errors.StatementError,
            "Expected nothing after",
        ),
        ("SELECT FROM WHERE", errors.StatementError, "This can't be read as BigQuery SQL"),
        (
            "CREATE MODEL ds.h OPTIONS "
            "(model_type = 'dnn_regressor', learn_rate = HPARAM_RANGE(0.1, 1)) "
            "AS SELECT 1 AS label",
            errors.NotYetError,
            "Hyperparameter tuning (HPARAM_RANGE, HPARAM_CANDIDATES) is not in this release",
        ),
        (
            "CREATE MODEL ds.h OPTIONS (model_type = 'linear_reg') OPTIONS (l2_reg = 1) "
            "AS SELECT 1 AS label",
            errors.StatementError,
            "OPTIONS is given twice",
        ),
        (
            "CREATE MODEL ds.h OPTIONS (model_type = 'linear_reg', l2_reg = 1) "
            "AS SELECT x, label FROM ds.t",
            errors.OptionError,
            "alpha = l2_reg * rows",
        ),
        (
            "CREATE MODEL ds.h OPTIONS (model_type = 'kmeans') AS SELECT x, label FROM ds.t",
            errors.OptionError,
            "'kmeans' is not supported: docs/not-here.md",
        ),
    ],
)
def test_what_is_not_here_says_so(
    line: duckml.Connection, sql: str, kind: type[Exception], text: str
) -> None:
    with pytest.raises(kind) as raised:
        answers(line, sql)
    assert text in str(raised.value)


def test_an_unknown_dialect_is_refused(con: duckml.Connection) -> None:
    with pytest.raises(errors.StatementError, match="Unknown dialect 'oracle'"):
        con.execute("SELECT 1", dialect="oracle")


# Mangled SQL


QUERIES = [
    "SELECT predict('m', x, k) FROM t",
    "SELECT predict('m', x + 1, k) FROM t",
    "SELECT predict('m', x := x + 1) FROM t",
    "SELECT predict('m', t.*) FROM t",
    "SELECT predict('m@1', t.*) FROM t",
    "SELECT predict_m(x := x, k := k) FROM t",
    "SELECT predict_m(t) FROM t",
    "SELECT predict_proba('c', x) FROM t",
    "SELECT model_version('m')",
    "SELECT * FROM predict('m', (SELECT * FROM t))",
    "SELECT * FROM predict_m('t')",
    "SELECT * FROM evaluate('m')",
    "SELECT row_count FROM evaluate('m', (SELECT * FROM t))",
    "SELECT row_count FROM evaluate('m', TABLE t)",
    "SELECT * FROM training_info('m')",
    "SELECT * FROM weights('m')",
    "SELECT avg(p) FROM (SELECT predict('m', x, k) AS p FROM t) AS virtual_table LIMIT 1001",
]
# The text of other releases of sqlglot: 28 puts TABLE before the first column, others drop
# brackets or write structs as literals.
MANGLED = {
    "SELECT PREDICT(MODEL 'm', TABLE x, k) FROM t": "SELECT PREDICT(m) FROM t",
    "SELECT PREDICT(MODEL 'm', TABLE x + 1, k) FROM t": "SELECT PREDICT(m, x := x + 1) FROM t",
    "SELECT PREDICT(MODEL 'm', TABLE x := x + 1) FROM t": "SELECT PREDICT(m, x := x + 1) FROM t",
    "SELECT PREDICT(MODEL 'm', TABLE t.*) FROM t": "SELECT PREDICT(m) FROM t",
    "SELECT * FROM PREDICT(MODEL 'm', TABLE 't')": "FROM PREDICT(MODEL m, TABLE t)",
    "SELECT * FROM EVALUATE('m', SELECT * FROM t)": "FROM EVALUATE(MODEL m, TABLE t)",
    "SELECT * FROM PREDICT(MODEL c, TABLE t, {'threshold': 0.9})": (
        "FROM PREDICT(MODEL c, TABLE t, STRUCT(0.9 AS threshold))"
    ),
    'SELECT PREDICT("v"."MAIN"."M", "v".*) FROM t AS v': "SELECT PREDICT(m) FROM t",
}


@pytest.fixture
def models(con: duckml.Connection) -> duckml.Connection:
    con.execute(
        "CREATE TABLE t AS SELECT i::DOUBLE AS x, i % 3 AS k, 2 * i + i % 3 AS y, i > 300 AS late "
        "FROM range(600) r(i)"
    )
    con.execute(
        "CREATE MODEL m OPTIONS (target = 'y', estimator = 'linear_regression') "
        "AS SELECT x, k, y FROM t"
    )
    con.execute("CREATE MODEL c OPTIONS (target = 'late') AS SELECT x, late FROM t")
    return con


@pytest.mark.parametrize("dialect", ["duckdb", "postgres", ""])
@pytest.mark.parametrize("query", QUERIES)
def test_what_sqlglot_makes_of_a_query_answers_the_same(
    models: duckml.Connection, query: str, dialect: str
) -> None:
    mangled = sqlglot.transpile(query, read=dialect, write=dialect)[0]
    assert models.execute(mangled).fetchall() == models.execute(query).fetchall()


@pytest.mark.parametrize("mangled", MANGLED)
def test_what_other_tools_make_of_a_query_answers_the_same(
    models: duckml.Connection, mangled: str
) -> None:
    assert models.execute(mangled).fetchall() == models.execute(MANGLED[mangled]).fetchall()
