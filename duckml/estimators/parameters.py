"""Parameters of estimators that SQL may set: their names, their values and BigQuery ML's names."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from duckml.estimators.domains import BOOLEAN, Domain, number, one_of, whole_number

# An upper bound that includes 1 itself.
_JUST_ABOVE_ONE = 1.0000001


@dataclass(frozen=True)
class Parameter:
    """A parameter of an estimator under scikit-learn's name, and other names for it."""

    name: str
    domain: Domain
    also: tuple[str, ...] = ()


def _layer_widths(value: Any) -> tuple[int, ...]:
    widths = value if isinstance(value, list | tuple) else [value]
    if not widths:
        raise ValueError
    return tuple(whole_number(width) for width in widths)


def _or_names(read: Callable[[Any], Any], *names: str) -> Callable[[Any], Any]:
    """Return a reader of names for strings and of `read` for everything else."""
    named = one_of(*names).read

    def either(value: Any) -> Any:
        return named(value) if isinstance(value, str) else read(value)

    return either


def _activation(value: Any) -> str:
    """Return scikit-learn's name of an activation; BigQuery ML calls 'logistic' SIGMOID."""
    is_sigmoid = isinstance(value, str) and value.lower() == "sigmoid"
    name: str = _ACTIVATION.read("logistic" if is_sigmoid else value)
    return name


_ACTIVATION = one_of("relu", "tanh", "logistic", "identity")
_POSITIVE = Domain(partial(number, above=0), "a number above 0")
_NOT_NEGATIVE = Domain(partial(number, least=0), "a number, 0 or more")
_BELOW_ONE = Domain(partial(number, least=0, below=1), "a number from 0 to below 1")
_SHARE = Domain(partial(number, least=0, below=_JUST_ABOVE_ONE), "a number from 0 to 1")
_WHOLE = Domain(whole_number, "a whole number above 0")
_ABOVE_ONE = Domain(partial(whole_number, least=2), "a whole number above 1")
_LAYERS = Domain(_layer_widths, "a list of layer widths, such as [32, 16]")
_BATCH = Domain(_or_names(whole_number, "auto"), "a whole number above 0, or 'auto'")
_FEATURES_OF_TREE = Domain(
    _or_names(partial(number, above=0, below=_JUST_ABOVE_ONE), "sqrt", "log2"),
    "a share of the features up to 1, 'sqrt' or 'log2'",
)

FIT_INTERCEPT = Parameter("fit_intercept", BOOLEAN)
POSITIVE = Parameter("positive", BOOLEAN)
MAX_ITER = Parameter("max_iter", _WHOLE, ("max_iterations",))
TOL = Parameter("tol", _POSITIVE, ("min_rel_progress",))
L1_RATIO = Parameter("l1_ratio", _SHARE)
ALPHA = Parameter("alpha", _NOT_NEGATIVE)
_MAX_DEPTH = Parameter("max_depth", _WHOLE, ("max_tree_depth",))
_MIN_SAMPLES_LEAF = Parameter("min_samples_leaf", _WHOLE)

NET_PARAMETERS = (
    Parameter("hidden_layer_sizes", _LAYERS, ("hidden_units",)),
    Parameter("activation", Domain(_activation, _ACTIVATION.wanted), ("activation_fn",)),
    Parameter("solver", one_of("adam", "sgd", "lbfgs"), ("optimizer",)),
    Parameter("learning_rate_init", _POSITIVE, ("learn_rate",)),
    ALPHA,
    Parameter("batch_size", _BATCH),
    MAX_ITER,
    Parameter("tol", _NOT_NEGATIVE, ("min_rel_progress",)),
    Parameter("n_iter_no_change", _WHOLE),
    Parameter("learning_rate", one_of("constant", "invscaling")),
    Parameter("momentum", _BELOW_ONE),
    Parameter("beta_1", _BELOW_ONE),
    Parameter("beta_2", _BELOW_ONE),
    Parameter("epsilon", _POSITIVE),
)
LOGISTIC_PARAMETERS = (
    Parameter("C", _POSITIVE, ("c",)),
    L1_RATIO,
    MAX_ITER,
    TOL,
    FIT_INTERCEPT,
)
FOREST_PARAMETERS = (
    Parameter("n_estimators", _WHOLE, ("num_parallel_tree",)),
    _MAX_DEPTH,
    _MIN_SAMPLES_LEAF,
    Parameter("max_features", _FEATURES_OF_TREE, ("colsample_bytree",)),
)
BOOSTING_PARAMETERS = (
    MAX_ITER,
    Parameter("learning_rate", _POSITIVE, ("learn_rate",)),
    _MAX_DEPTH,
    Parameter("max_leaf_nodes", _ABOVE_ONE),
    _MIN_SAMPLES_LEAF,
    Parameter("l2_regularization", _NOT_NEGATIVE),
)
