"""Classifiers, with scikit-learn as the oracle."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier

import duckml
from duckml.estimators.table import ESTIMATORS
from tests.conftest import on_both_engines

pytestmark = [pytest.mark.filterwarnings("ignore::duckml.ModelWarningMessage"), on_both_engines]


@pytest.fixture
def rows(con: duckml.Connection) -> duckml.Connection:
    """Two noisy numbers, a category, and targets of two and three classes that depend on them."""
    con.execute(
        """CREATE TABLE rows AS
        SELECT *, a + b > 0 AS two,
            CASE WHEN a > 0.5 THEN 'high' WHEN b > 0 THEN 'mid' ELSE 'low' END AS three
        FROM (
            SELECT sin(i * 12.9898) * 2 AS a, cos(i * 78.233) + sin(i * 3.7) AS b,
                'k' || (i % 4) AS k
            FROM range(1500) t(i)
        )"""
    )
    return con


@pytest.mark.parametrize("estimator", [e.name for e in ESTIMATORS if e.classes])
@pytest.mark.parametrize("target", ["two", "three"])
def test_metrics_over_rows_are_those_of_scikit_learn(
    rows: duckml.Connection, estimator: str, target: str
) -> None:
    small = (
        ", n_estimators = 10"
        if "forest" in estimator
        else ", max_iter = 20"
        if "logistic" not in estimator
        else ""
    )
    rows.execute(
        f"CREATE MODEL m OPTIONS (target = '{target}', estimator = '{estimator}'{small}) AS "
        f"SELECT a, b, k, {target} FROM rows"
    )
    assert rows.model("m").info["parity"] < 1e-4
    labels = list(rows.model("m").signature.target.labels or ())
    answers = rows.execute(
        f"SELECT {target}::VARCHAR, PREDICT(m)::VARCHAR, map_values(PREDICT_PROBA(m)) FROM rows"
    ).fetchall()
    actual, chosen = [row[0] for row in answers], [row[1] for row in answers]
    probabilities = np.array([row[2] for row in answers])
    assert probabilities.sum(axis=1) == pytest.approx(1, abs=1e-5)
    assert chosen == [labels[code] for code in probabilities.argmax(axis=1)]
    found = rows.execute("FROM EVALUATE(MODEL m, TABLE rows)").df().iloc[0]
    counted = (
        {"labels": labels[1:], "average": "macro"} if len(labels) == 2 else {"average": "macro"}
    )
    assert found["accuracy"] == pytest.approx(metrics.accuracy_score(actual, chosen))
    assert found["precision"] == pytest.approx(metrics.precision_score(actual, chosen, **counted))
    assert found["recall"] == pytest.approx(metrics.recall_score(actual, chosen, **counted))
    assert found["f1_score"] == pytest.approx(metrics.f1_score(actual, chosen, **counted))
    normalised = probabilities / probabilities.sum(axis=1, keepdims=True)
    assert found["log_loss"] == pytest.approx(
        metrics.log_loss(actual, normalised, labels=labels), rel=1e-4
    )
    score = normalised[:, 1] if len(labels) == 2 else normalised
    more = {} if len(labels) == 2 else {"multi_class": "ovr", "labels": labels}
    truth = [label == labels[1] for label in actual] if len(labels) == 2 else actual
    assert found["roc_auc"] == pytest.approx(metrics.roc_auc_score(truth, score, **more), rel=1e-6)
    matrix = rows.execute("FROM CONFUSION_MATRIX(MODEL m, TABLE rows)").fetchall()
    expected = metrics.confusion_matrix(actual, chosen, labels=labels)
    for label, other, count in matrix:
        assert expected[labels.index(label), labels.index(other)] == count
    assert sum(count for _, _, count in matrix) == 1500


def test_the_stored_metrics_are_those_of_the_test_rows(rows: duckml.Connection) -> None:
    """EVALUATE without rows, the confusion matrix and the curve agree with one another."""
    rows.execute(
        "CREATE MODEL m OPTIONS (target = 'two', estimator = 'logistic_regression') AS "
        "SELECT a, b, two FROM rows"
    )
    accuracy, count, recall = rows.execute(
        "SELECT accuracy, row_count, recall FROM EVALUATE(MODEL m)"
    ).fetchone()
    right = rows.execute(
        "SELECT sum(row_count) FROM CONFUSION_MATRIX(MODEL m) "
        "WHERE expected_label = predicted_label"
    ).fetchone()[0]
    assert right / count == pytest.approx(accuracy)
    curve = rows.execute("FROM ROC_CURVE(MODEL m)").df()
    assert ((curve.true_positives + curve.false_negatives).nunique(), curve.recall.max()) == (
        1,
        1.0,
    )
    at_half = rows.execute("SELECT recall FROM ROC_CURVE(MODEL m, TABLE rows, [0.5])").fetchone()[0]
    found = rows.execute("SELECT recall FROM EVALUATE(MODEL m, TABLE rows)").fetchone()[0]
    assert at_half == pytest.approx(found)
    assert 0 < recall <= 1


def test_weights_add_up_to_the_log_odds(rows: duckml.Connection) -> None:
    rows.execute(
        "CREATE MODEL m "
        "OPTIONS (target = 'two', estimator = 'logistic_regression', precision = 'float64') AS "
        "SELECT a, b, k, two FROM rows"
    )
    weights = {
        name: (weight, categories)
        for name, weight, categories, _ in rows.execute("FROM WEIGHTS(MODEL m)").fetchall()
    }
    of_k = {item["category"]: item["weight"] for item in weights["k"][1]}
    for a, b, k, p in rows.execute(
        "SELECT a, b, k, PREDICT_PROBA(m)[true] FROM rows LIMIT 20"
    ).fetchall():
        odds = weights["a"][0] * a + weights["b"][0] * b + of_k[k] + weights["__INTERCEPT__"][0]
        assert 1 / (1 + np.exp(-odds)) == pytest.approx(p, rel=1e-9)


@pytest.mark.parametrize(
    "estimator",
    [
        LogisticRegression(),
        MLPClassifier(hidden_layer_sizes=(8,), max_iter=80),
        RandomForestClassifier(n_estimators=5),
    ],
    ids=lambda e: type(e).__name__,
)
def test_a_classifier_of_the_users_own(con: duckml.Connection, estimator: object) -> None:
    frame = pd.DataFrame({"x": np.linspace(-1, 1, 600), "k": ["a", "b"] * 300})
    frame["y"] = np.where(frame.x > 0, "up", "down")
    model = con.create_model("m", frame, "y", estimator)
    assert model.metrics["accuracy"] > 0.8
    assert con.execute("SELECT PREDICT(m, x := 0.9, k := 'a')").fetchone() == ("up",)
    assert "accuracy" in repr(model)


def test_rare_and_unlearned_classes_are_told(con: duckml.Connection) -> None:
    con.execute(
        """CREATE MODEL m OPTIONS (target = 'y', estimator = 'logistic_regression',
            data_split_method = 'custom', data_split_col = 'held') AS
        SELECT i AS x,
            CASE WHEN i = 599 THEN 'never' WHEN i < 4 THEN 'few' ELSE 'many' END AS y,
        i = 599 AS held FROM range(600) t(i)"""
    )
    codes = {warning.code for warning in con.model("m").warnings}
    assert {"rare_class", "unlearned_class", "no_test_rows"} <= codes
    assert con.execute("SELECT PREDICT(m, x := 599)").fetchone() == ("many",)
