"""The table of estimators: from the name in OPTIONS (estimator = …) to a scikit-learn estimator.

A new estimator is one more row. Each row lists the parameters that SQL may set.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

from duckml.errors import OptionError
from duckml.estimators.parameters import (
    ALPHA,
    BOOSTING_PARAMETERS,
    FIT_INTERCEPT,
    FOREST_PARAMETERS,
    L1_RATIO,
    LOGISTIC_PARAMETERS,
    MAX_ITER,
    NET_PARAMETERS,
    POSITIVE,
    TOL,
    Parameter,
)
from duckml.names import nearest

# From the parameters and the seed to an unfitted scikit-learn estimator.
Build = Callable[[Mapping[str, Any], int], Any]


@dataclass(frozen=True)
class Estimator:
    """A row of the table; `classes` is whether it predicts a class and not a number."""

    name: str
    also: tuple[str, ...]
    classes: bool
    build: Build
    parameters: tuple[Parameter, ...]
    defaults: Mapping[str, Any] = field(default_factory=dict)

    def read(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """Return the checked parameters under scikit-learn's names, defaults included.

        Raises OptionError for a bad value.
        """
        values = dict(self.defaults)
        for option, value in options.items():
            parameter = self.find(option)
            assert parameter is not None
            values[parameter.name] = parameter.domain.check(option, value)
        return values

    def find(self, option: str) -> Parameter | None:
        """Return the parameter that an option of this name sets."""
        return next((p for p in self.parameters if option == p.name or option in p.also), None)


def _net(kind: str) -> Build:
    def build(parameters: Mapping[str, Any], seed: int) -> Any:
        import numpy as np
        from sklearn import neural_network

        # With a number, every call of partial_fit would repeat the same shuffle.
        state = np.random.RandomState(seed)
        return getattr(neural_network, kind)(**parameters, random_state=state)

    return build


def _seeded(module: str, kind: str) -> Build:
    def build(parameters: Mapping[str, Any], seed: int) -> Any:
        estimator = getattr(import_module(f"sklearn.{module}"), kind)
        return estimator(**parameters, random_state=seed)

    return build


def _linear_regression(parameters: Mapping[str, Any], seed: int) -> Any:
    from sklearn.linear_model import LinearRegression

    return LinearRegression(**parameters)


def _logistic_regression(parameters: Mapping[str, Any], seed: int) -> Any:
    from sklearn.linear_model import LogisticRegression

    # Only saga can penalise by L1.
    solver = "saga" if parameters.get("l1_ratio", 0) > 0 else "lbfgs"
    return LogisticRegression(**parameters, solver=solver, random_state=seed)


_NET_DEFAULTS = {"hidden_layer_sizes": (32, 16)}
# Forests whose leaves hold more than one row are a tenth of the size for the same accuracy.
# The depth is that of BigQuery ML.
_FOREST_DEFAULTS = {"max_depth": 15, "min_samples_leaf": 5}
_BOOSTING_DEFAULTS = {"early_stopping": False}

ESTIMATORS = (
    Estimator(
        "mlp_regressor",
        ("dnn_regressor",),
        False,
        _net("MLPRegressor"),
        NET_PARAMETERS,
        _NET_DEFAULTS,
    ),
    Estimator(
        "mlp_classifier",
        ("dnn_classifier",),
        True,
        _net("MLPClassifier"),
        NET_PARAMETERS,
        _NET_DEFAULTS,
    ),
    Estimator(
        "linear_regression",
        ("linear_reg",),
        False,
        _linear_regression,
        (FIT_INTERCEPT, POSITIVE),
    ),
    Estimator(
        "logistic_regression",
        ("logistic_reg",),
        True,
        _logistic_regression,
        LOGISTIC_PARAMETERS,
        {"max_iter": 1000},
    ),
    Estimator("ridge", (), False, _seeded("linear_model", "Ridge"), (ALPHA, FIT_INTERCEPT)),
    Estimator(
        "elastic_net",
        (),
        False,
        _seeded("linear_model", "ElasticNet"),
        (ALPHA, L1_RATIO, MAX_ITER, TOL, FIT_INTERCEPT),
        # scikit-learn's 1.0 is too large for a standardised target.
        {"alpha": 0.01},
    ),
    Estimator(
        "random_forest_regressor",
        (),
        False,
        _seeded("ensemble", "RandomForestRegressor"),
        FOREST_PARAMETERS,
        _FOREST_DEFAULTS,
    ),
    Estimator(
        "random_forest_classifier",
        (),
        True,
        _seeded("ensemble", "RandomForestClassifier"),
        FOREST_PARAMETERS,
        _FOREST_DEFAULTS,
    ),
    Estimator(
        "hist_gradient_boosting_regressor",
        ("boosted_tree_regressor",),
        False,
        _seeded("ensemble", "HistGradientBoostingRegressor"),
        BOOSTING_PARAMETERS,
        _BOOSTING_DEFAULTS,
    ),
    Estimator(
        "hist_gradient_boosting_classifier",
        ("boosted_tree_classifier",),
        True,
        _seeded("ensemble", "HistGradientBoostingClassifier"),
        BOOSTING_PARAMETERS,
        _BOOSTING_DEFAULTS,
    ),
)

# Estimators of BigQuery ML and scikit-learn that docs/not-here.md explains.
_UNSUPPORTED = frozenset(
    {
        "arima",
        "arima_plus",
        "arima_plus_xreg",
        "autoencoder",
        "automl_classifier",
        "automl_regressor",
        "contribution_analysis",
        "dnn_linear_combined_classifier",
        "dnn_linear_combined_regressor",
        "k_neighbors_classifier",
        "k_neighbors_regressor",
        "kmeans",
        "matrix_factorization",
        "pca",
        "tensorflow",
        "tensorflow_lite",
        "transform_only",
        "xgboost",
    }
)

_INSTEAD = {
    "lasso": "Use estimator = 'elastic_net', l1_ratio = 1.",
    "svr": "In Python, use con.create_model(…, estimator=SVR()).",
    "svc": "In Python, use con.create_model(…, estimator=SVC(probability=True)).",
}


def estimator_named(name: str) -> Estimator:
    """Return the row of the table with this name.

    Raises OptionError for an unknown name, with the nearest known one, and for an unsupported one.
    """
    folded = name.lower()
    for estimator in ESTIMATORS:
        if folded == estimator.name or folded in estimator.also:
            return estimator
    raise _unknown_estimator(name)


def _unknown_estimator(name: str) -> OptionError:
    folded = name.lower()
    known = [estimator.name for estimator in ESTIMATORS]
    known_names = f"Known estimators: {', '.join(known)}."
    if folded in _UNSUPPORTED:
        where = "docs/not-here.md states why and what to use instead."
        return OptionError(f"Estimator '{name}' is not supported: {where} {known_names}")
    if folded in _INSTEAD:
        return OptionError(f"Estimator '{name}' is not supported in SQL. {_INSTEAD[folded]}")
    also = [other for estimator in ESTIMATORS for other in estimator.also]
    close = nearest(name, [*known, *also])
    hint = f" Did you mean '{close}'?" if close else ""
    return OptionError(f"Unknown estimator '{name}'.{hint} {known_names}")


def is_made_of_trees(estimator: Any) -> bool:
    """Return whether an estimator compares single numbers of the matrix with thresholds."""
    name = type(estimator).__name__
    return any(word in name for word in ("Tree", "Forest", "Boosting"))
