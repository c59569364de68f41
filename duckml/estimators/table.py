"""The table of estimators: from the name in OPTIONS (estimator = …) to a scikit-learn estimator, explicitly.

A new estimator is one more row. Each row lists the parameters that SQL may set, under scikit-learn's names, with the
BigQuery ML names that mean the same.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

from duckml.errors import OptionError
from duckml.names import nearest


@dataclass(frozen=True)
class Parameter:
    """A parameter of an estimator: how its value is checked, what it must be, and other names for it.

    `read` turns what SQL gave into what scikit-learn takes and raises ValueError or TypeError for anything else.
    """

    name: str
    read: Callable[[Any], Any]
    wanted: str
    also: tuple[str, ...] = ()


@dataclass(frozen=True)
class Estimator:
    """One row of the table.

    `build` takes the parameters and the seed. `classes` says that it predicts a class and not a number.
    """

    name: str
    also: tuple[str, ...]
    classes: bool
    build: Callable[[Mapping[str, Any], int], Any]
    parameters: tuple[Parameter, ...]
    defaults: Mapping[str, Any] = field(default_factory=dict)

    def read(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """The parameters among the options, checked, under scikit-learn's names, the defaults filled in.

        Raises OptionError for a value that doesn't fit.
        """
        values = dict(self.defaults)
        for option, value in options.items():
            parameter = self.find(option)
            assert parameter is not None
            try:
                values[parameter.name] = parameter.read(value)
            except (TypeError, ValueError, OverflowError) as error:
                raise OptionError.bad_value(option, value, parameter.wanted) from error
        return values

    def find(self, option: str) -> Parameter | None:
        """The parameter that an option of this name sets."""
        return next((p for p in self.parameters if option == p.name or option in p.also), None)


def _number(
    value: Any, *, above: float = -math.inf, least: float = -math.inf, below: float = math.inf
) -> float:
    if isinstance(value, bool | str):
        raise TypeError
    number = float(value)
    if not (above < number < below and least <= number):  # NaN fails too
        raise ValueError
    return number


def _integer(value: Any) -> int:
    if isinstance(value, bool | str) or int(value) != value or value < 1:
        raise ValueError
    return int(value)


def _more_than_one(value: Any) -> int:
    if _integer(value) < 2:
        raise ValueError
    return _integer(value)


def _layers(value: Any) -> tuple[int, ...]:
    sizes = tuple(
        _integer(size) for size in (value if isinstance(value, list | tuple) else [value])
    )
    if not sizes:
        raise ValueError
    return sizes


def _one_of(*names: str) -> Callable[[Any], str]:
    def read(value: Any) -> str:
        if not isinstance(value, str) or value.lower() not in names:
            raise ValueError
        return value.lower()

    return read


def _boolean(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError
    return value


def _batch(value: Any) -> int | str:
    return "auto" if isinstance(value, str) and value.lower() == "auto" else _integer(value)


def _activation(value: Any) -> str:
    """scikit-learn's name of an activation; BigQuery ML's are upper case and call 'logistic' SIGMOID."""
    name = value.lower() if isinstance(value, str) else value
    return _one_of("relu", "tanh", "logistic", "identity")(
        "logistic" if name == "sigmoid" else name
    )


def _share(value: Any) -> float | str:
    """How many features a tree of a forest looks at: a share of them, or 'sqrt' or 'log2' of their number."""
    return (
        _one_of("sqrt", "log2")(value)
        if isinstance(value, str)
        else _number(value, above=0, below=1.0000001)
    )


def _mlp(kind: str) -> Callable[[Mapping[str, Any], int], Any]:
    def build(parameters: Mapping[str, Any], seed: int) -> Any:
        import numpy as np
        from sklearn import neural_network

        # A RandomState, not a number: with a number every call of partial_fit would repeat the same shuffle.
        return getattr(neural_network, kind)(**parameters, random_state=np.random.RandomState(seed))

    return build


def _from(
    module: str, kind: str, *, seeded: bool = True
) -> Callable[[Mapping[str, Any], int], Any]:
    """A builder of a class of scikit-learn's."""

    def build(parameters: Mapping[str, Any], seed: int) -> Any:
        estimator = getattr(import_module(f"sklearn.{module}"), kind)
        return estimator(**parameters, **({"random_state": seed} if seeded else {}))

    return build


def _logistic_regression(parameters: Mapping[str, Any], seed: int) -> Any:
    from sklearn.linear_model import LogisticRegression

    # Only saga can penalise by L1.
    solver = "saga" if parameters.get("l1_ratio", 0) > 0 else "lbfgs"
    return LogisticRegression(**parameters, solver=solver, random_state=seed)


_MLP_PARAMETERS = (
    Parameter(
        "hidden_layer_sizes", _layers, "a list of layer widths, such as [32, 16]", ("hidden_units",)
    ),
    Parameter(
        "activation", _activation, "'relu', 'tanh', 'logistic' or 'identity'", ("activation_fn",)
    ),
    Parameter(
        "solver", _one_of("adam", "sgd", "lbfgs"), "'adam', 'sgd' or 'lbfgs'", ("optimizer",)
    ),
    Parameter(
        "learning_rate_init", lambda v: _number(v, above=0), "a number above 0", ("learn_rate",)
    ),
    Parameter("alpha", lambda v: _number(v, least=0), "a number, 0 or more"),
    Parameter("batch_size", _batch, "a whole number above 0, or 'auto'"),
    Parameter("max_iter", _integer, "a whole number above 0", ("max_iterations",)),
    Parameter("tol", lambda v: _number(v, least=0), "a number, 0 or more", ("min_rel_progress",)),
    Parameter("n_iter_no_change", _integer, "a whole number above 0"),
    Parameter("learning_rate", _one_of("constant", "invscaling"), "'constant' or 'invscaling'"),
    Parameter("momentum", lambda v: _number(v, least=0, below=1), "a number from 0 to below 1"),
    Parameter("beta_1", lambda v: _number(v, least=0, below=1), "a number from 0 to below 1"),
    Parameter("beta_2", lambda v: _number(v, least=0, below=1), "a number from 0 to below 1"),
    Parameter("epsilon", lambda v: _number(v, above=0), "a number above 0"),
)

_FIT_INTERCEPT = Parameter("fit_intercept", _boolean, "true or false")
_MAX_ITER = Parameter("max_iter", _integer, "a whole number above 0", ("max_iterations",))
_TOL = Parameter("tol", lambda v: _number(v, above=0), "a number above 0", ("min_rel_progress",))
_L1_RATIO = Parameter(
    "l1_ratio", lambda v: _number(v, least=0, below=1.0000001), "a number from 0 to 1"
)
_ALPHA = Parameter("alpha", lambda v: _number(v, least=0), "a number, 0 or more")
_LOGISTIC_PARAMETERS = (
    Parameter("C", lambda v: _number(v, above=0), "a number above 0", ("c",)),
    _L1_RATIO,
    _MAX_ITER,
    _TOL,
    _FIT_INTERCEPT,
)
_FOREST_PARAMETERS = (
    Parameter("n_estimators", _integer, "a whole number above 0", ("num_parallel_tree",)),
    Parameter("max_depth", _integer, "a whole number above 0", ("max_tree_depth",)),
    Parameter("min_samples_leaf", _integer, "a whole number above 0"),
    Parameter(
        "max_features",
        _share,
        "a share of the features up to 1, 'sqrt' or 'log2'",
        ("colsample_bytree",),
    ),
)
_BOOSTING_PARAMETERS = (
    _MAX_ITER,
    Parameter("learning_rate", lambda v: _number(v, above=0), "a number above 0", ("learn_rate",)),
    Parameter("max_depth", _integer, "a whole number above 0", ("max_tree_depth",)),
    Parameter("max_leaf_nodes", _more_than_one, "a whole number above 1"),
    Parameter("min_samples_leaf", _integer, "a whole number above 0"),
    Parameter("l2_regularization", lambda v: _number(v, least=0), "a number, 0 or more"),
)
# Differing from scikit-learn: the penalty of elastic_net, as the target is standardised; the layers of nets; and
# forests whose leaves hold more than one row, which are a tenth of the size for the same accuracy (the depth is that
# of BigQuery ML).
_NET = {"hidden_layer_sizes": (32, 16)}
_FOREST = {"max_depth": 15, "min_samples_leaf": 5}
_BOOSTING = {"early_stopping": False}

ESTIMATORS = (
    Estimator(
        "mlp_regressor", ("dnn_regressor",), False, _mlp("MLPRegressor"), _MLP_PARAMETERS, _NET
    ),
    Estimator(
        "mlp_classifier", ("dnn_classifier",), True, _mlp("MLPClassifier"), _MLP_PARAMETERS, _NET
    ),
    Estimator(
        "linear_regression",
        ("linear_reg",),
        False,
        _from("linear_model", "LinearRegression", seeded=False),
        (_FIT_INTERCEPT, Parameter("positive", _boolean, "true or false")),
    ),
    Estimator(
        "logistic_regression",
        ("logistic_reg",),
        True,
        _logistic_regression,
        _LOGISTIC_PARAMETERS,
        {"max_iter": 1000},
    ),
    Estimator("ridge", (), False, _from("linear_model", "Ridge"), (_ALPHA, _FIT_INTERCEPT)),
    Estimator(
        "elastic_net",
        (),
        False,
        _from("linear_model", "ElasticNet"),
        (_ALPHA, _L1_RATIO, _MAX_ITER, _TOL, _FIT_INTERCEPT),
        {"alpha": 0.01},
    ),
    Estimator(
        "random_forest_regressor",
        (),
        False,
        _from("ensemble", "RandomForestRegressor"),
        _FOREST_PARAMETERS,
        _FOREST,
    ),
    Estimator(
        "random_forest_classifier",
        (),
        True,
        _from("ensemble", "RandomForestClassifier"),
        _FOREST_PARAMETERS,
        _FOREST,
    ),
    Estimator(
        "hist_gradient_boosting_regressor",
        ("boosted_tree_regressor",),
        False,
        _from("ensemble", "HistGradientBoostingRegressor"),
        _BOOSTING_PARAMETERS,
        _BOOSTING,
    ),
    Estimator(
        "hist_gradient_boosting_classifier",
        ("boosted_tree_classifier",),
        True,
        _from("ensemble", "HistGradientBoostingClassifier"),
        _BOOSTING_PARAMETERS,
        _BOOSTING,
    ),
)

# What BigQuery ML has and this has not: the error says where to look.
_NOT_HERE = frozenset(
    {
        "arima_plus",
        "arima_plus_xreg",
        "arima",
        "kmeans",
        "pca",
        "autoencoder",
        "matrix_factorization",
    }
    | {
        "automl_regressor",
        "automl_classifier",
        "dnn_linear_combined_regressor",
        "dnn_linear_combined_classifier",
    }
    | {
        "k_neighbors_regressor",
        "k_neighbors_classifier",
        "tensorflow",
        "tensorflow_lite",
        "xgboost",
        "contribution_analysis",
        "transform_only",
    }
)


_INSTEAD = {
    "lasso": "estimator = 'elastic_net', l1_ratio = 1 is the same.",
    "svr": "con.create_model(…, estimator=SVR()) takes scikit-learn's own from Python.",
    "svc": "con.create_model(…, estimator=SVC(probability=True)) takes scikit-learn's own from Python.",
}


def estimator_named(name: str) -> Estimator:
    """The row of the table that a name means.

    Raises OptionError for an unknown one, with the nearest name, or where to look for what is not here on purpose.
    """
    folded = name.lower()
    for estimator in ESTIMATORS:
        if folded == estimator.name or folded in estimator.also:
            return estimator
    known = [estimator.name for estimator in ESTIMATORS]
    if folded in _NOT_HERE:
        raise OptionError(
            f"'{name}' is not here, on purpose: docs/not-here.md says why and what to use. Here: {', '.join(known)}."
        )
    if folded in _INSTEAD:
        raise OptionError(f"There is no estimator '{name}' in SQL: {_INSTEAD[folded]}")
    close = nearest(name, [*known, *(also for estimator in ESTIMATORS for also in estimator.also)])
    hint = f" Did you mean '{close}'?" if close else ""
    raise OptionError(f"Unknown estimator '{name}'.{hint} Known: {', '.join(known)}.")


def is_made_of_trees(estimator: Any) -> bool:
    """Whether an estimator compares single numbers of the matrix with thresholds."""
    return any(word in type(estimator).__name__ for word in ("Tree", "Forest", "Boosting"))
