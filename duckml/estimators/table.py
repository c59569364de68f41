"""The table of estimators: from the name in OPTIONS (estimator = …) to a scikit-learn estimator, explicitly.

A new estimator is one more row. Each row lists the parameters that SQL may set, under scikit-learn's names, with the
BigQuery ML names that mean the same.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from duckml.errors import NotYetError, OptionError
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

    `build` takes the parameters and the seed.
    """

    name: str
    also: tuple[str, ...]
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


def _number(value: Any, *, above: float = -math.inf, least: float = -math.inf, below: float = math.inf) -> float:
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


def _layers(value: Any) -> tuple[int, ...]:
    sizes = tuple(_integer(size) for size in (value if isinstance(value, list | tuple) else [value]))
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
    return _one_of("relu", "tanh", "logistic", "identity")("logistic" if name == "sigmoid" else name)


def _mlp_regressor(parameters: Mapping[str, Any], seed: int) -> Any:
    import numpy as np
    from sklearn.neural_network import MLPRegressor

    # A RandomState, not a number: with a number every call of partial_fit would repeat the same shuffle.
    return MLPRegressor(**parameters, random_state=np.random.RandomState(seed))


def _linear_regression(parameters: Mapping[str, Any], seed: int) -> Any:
    from sklearn.linear_model import LinearRegression

    return LinearRegression(**parameters)


_MLP_PARAMETERS = (
    Parameter("hidden_layer_sizes", _layers, "a list of layer widths, such as [32, 16]", ("hidden_units",)),
    Parameter("activation", _activation, "'relu', 'tanh', 'logistic' or 'identity'", ("activation_fn",)),
    Parameter("solver", _one_of("adam", "sgd", "lbfgs"), "'adam', 'sgd' or 'lbfgs'", ("optimizer",)),
    Parameter("learning_rate_init", lambda v: _number(v, above=0), "a number above 0", ("learn_rate",)),
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

ESTIMATORS = (
    Estimator(
        "mlp_regressor",
        ("dnn_regressor",),
        _mlp_regressor,
        _MLP_PARAMETERS,
        {"hidden_layer_sizes": (32, 16)},
    ),
    Estimator(
        "linear_regression",
        ("linear_reg",),
        _linear_regression,
        (
            Parameter("fit_intercept", _boolean, "true or false"),
            Parameter("positive", _boolean, "true or false"),
        ),
    ),
)

_LATER = (
    "mlp_classifier",
    "dnn_classifier",
    "logistic_regression",
    "logistic_reg",
    "boosted_tree_regressor",
    "boosted_tree_classifier",
    "random_forest_regressor",
    "random_forest_classifier",
    "onnx",
)


def estimator_named(name: str) -> Estimator:
    """The row of the table that a name means.

    Raises NotYetError for an estimator of a later release, OptionError for an unknown one.
    """
    folded = name.lower()
    for estimator in ESTIMATORS:
        if folded == estimator.name or folded in estimator.also:
            return estimator
    known = [estimator.name for estimator in ESTIMATORS]
    if folded in _LATER:
        raise NotYetError.of(f"The estimator '{folded}'", f"Here today: {', '.join(known)}.")
    close = nearest(name, [*known, *(also for estimator in ESTIMATORS for also in estimator.also)])
    hint = f" Did you mean '{close}'?" if close else ""
    raise OptionError(f"Unknown estimator '{name}'.{hint} Known: {', '.join(known)}.")
