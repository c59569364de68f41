"""The options of CREATE MODEL: from names and values to a checked value of one type.

Everything that can be refused without the data is refused here, before a query runs.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from duckml.errors import NotYetError, OptionError
from duckml.estimators.table import ESTIMATORS, Estimator, estimator_named

_SPLITS = ("auto_split", "random", "seq", "custom", "no_split")
_ALSO = {"model_type": "estimator", "input_label_cols": "target", "labels": "tags"}
_LATER = ("background_rows", "if_unchanged", "keep_versions", "make_default", "model_path")

# BigQuery ML options that mean something else in scikit-learn's words: the error says how to translate them.
_ALWAYS_STOPS = "Training always stops when the validation loss no longer falls: n_iter_no_change and tol tune it."
_TRANSLATE = {
    "l2_reg": "scikit-learn's alpha is divided by the number of training rows: alpha = l2_reg * rows.",
    "l1_reg": "There is no L1 penalty here yet.",
    "dropout": "scikit-learn's nets have no dropout: use a larger alpha or fewer hidden_layer_sizes.",
    "early_stop": _ALWAYS_STOPS,
    "early_stopping": _ALWAYS_STOPS,
    "num_trials": "There is no hyperparameter tuning here yet.",
    "warm_start": "Every version is trained from scratch, so that the same rows give the same model.",
}


@dataclass(frozen=True)
class TrainingOptions:
    """What CREATE MODEL was asked to do.

    `estimator` is a row of the table of estimators, or None when `own_estimator` is a scikit-learn estimator that the
    user built; `params` are the estimator's own parameters.
    """

    target: str | None = None
    estimator: Estimator | None = None
    own_estimator: Any = None
    params: Mapping[str, Any] = field(default_factory=dict)
    random_state: int = 0
    categorical: tuple[str, ...] = ()
    max_categories: int = 100
    sample_weight_col: str | None = None
    data_split_method: str = "auto_split"
    data_split_col: str | None = None
    data_split_eval_fraction: float = 0.1
    data_split_test_fraction: float = 0.1
    on_null: str = "impute"
    precision: str = "float32"
    description: str | None = None
    tags: str | None = None


def read_options(given: Mapping[str, Any], own_estimator: Any = None) -> TrainingOptions:
    """The options by name, checked.

    `own_estimator` is an unfitted scikit-learn estimator to train instead of one of the table's. Raises OptionError
    for an unknown name or a bad value and NotYetError for what a later release brings.
    """
    plain = {_ALSO.get(name, name): value for name, value in given.items()}
    if len(plain) < len(given):
        raise OptionError("The same option is given under two names: " + ", ".join(given) + ".")
    if own_estimator is not None:
        _check_own_estimator(own_estimator, plain)
    estimator = None if own_estimator is not None else _estimator(plain)
    known = {*_READERS, "estimator", *_ALSO}
    values: dict[str, Any] = {}
    params: dict[str, Any] = {}
    for name, value in plain.items():
        if name in _READERS:
            values[name] = _READERS[name](name, value)
        elif name == "estimator":
            continue
        elif estimator is not None and estimator.find(name) is not None:
            params[name] = value
        else:
            _refuse(name, sorted(known | {p.name for p in (estimator.parameters if estimator else ())}))
    options = TrainingOptions(
        estimator=estimator,
        own_estimator=own_estimator,
        params=estimator.read(params) if estimator is not None else {},
        **values,
    )
    _check_together(options)
    return options


def _estimator(given: Mapping[str, Any]) -> Estimator:
    name = given.get("estimator", "mlp_regressor")
    if not isinstance(name, str):
        raise OptionError.bad_value("estimator", name, "a name in quotes, such as 'mlp_regressor'")
    return estimator_named(name)


def _check_own_estimator(estimator: Any, given: Mapping[str, Any]) -> None:
    """Raise OptionError unless a Python object is a regressor that can be trained as asked."""
    from sklearn.base import is_regressor
    from sklearn.utils.validation import has_fit_parameter

    if isinstance(estimator, type):
        raise OptionError.unsuitable(estimator, "a class and not an instance")
    if not (hasattr(estimator, "fit") and hasattr(estimator, "predict") and is_regressor(estimator)):
        raise OptionError.unsuitable(estimator, "no scikit-learn regressor")
    if "estimator" in given:
        raise OptionError("estimator and model_type are the same option: give one of them.")
    if given.get("sample_weight_col") is not None and not has_fit_parameter(estimator, "sample_weight"):
        raise OptionError(f"sample_weight_col can't be used with {estimator!r}, which takes no sample weights.")


def _refuse(name: str, known: list[str]) -> None:
    if name in _LATER:
        raise NotYetError.of(f'The option "{name}"')
    if name in _TRANSLATE:
        raise OptionError(f'There is no option "{name}". {_TRANSLATE[name]}')
    for other in ESTIMATORS:
        if other.find(name) is not None:
            raise OptionError(f"The option \"{name}\" belongs to estimator '{other.name}', which is not the one here.")
    raise OptionError.unknown(name, known)


def _check_together(options: TrainingOptions) -> None:
    method, column = options.data_split_method, options.data_split_col
    if method in {"seq", "custom"} and column is None:
        raise OptionError(f"data_split_method = '{method}' needs data_split_col: the column to split by.")
    if method not in {"seq", "custom"} and column is not None:
        raise OptionError("data_split_col goes with data_split_method = 'seq' or 'custom'.")
    if options.data_split_eval_fraction + options.data_split_test_fraction >= 1:
        raise OptionError("data_split_eval_fraction and data_split_test_fraction leave no rows to train on.")


Reader = Callable[[str, Any], Any]


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise OptionError.bad_value(name, value, "a text in quotes")
    return value


def _target(name: str, value: Any) -> str:
    if isinstance(value, list | tuple) and len(value) == 1:
        value = value[0]
    if not isinstance(value, str) or not value:
        raise OptionError.bad_value(name, value, "the name of one column in quotes")
    return value


def _texts(name: str, value: Any) -> tuple[str, ...]:
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, list | tuple) or not all(isinstance(text, str) for text in texts):
        raise OptionError.bad_value(name, value, "a list of column names, such as ['zipcode']")
    return tuple(texts)


def _whole(least: int) -> Reader:
    def read(name: str, value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value < 2**31:
            raise OptionError.bad_value(name, value, f"a whole number, {least} or more")
        return value

    return read


def _fraction(name: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1:
        raise OptionError.bad_value(name, value, "a number from 0 to below 1")
    return float(value)


def _one_of(*names: str) -> Reader:
    def read(name: str, value: Any) -> str:
        if not isinstance(value, str) or value.lower() not in names:
            raise OptionError.bad_value(name, value, "one of " + ", ".join(repr(known) for known in names))
        return value.lower()

    return read


def _json(name: str, value: Any) -> str:
    try:
        return json.dumps(value, ensure_ascii=False)
    except TypeError as error:
        raise OptionError.bad_value(name, value, "texts and numbers, lists or structs of them") from error


_READERS: dict[str, Reader] = {
    "target": _target,
    "random_state": _whole(0),
    "categorical": _texts,
    "max_categories": _whole(2),
    "sample_weight_col": _text,
    "data_split_method": _one_of(*_SPLITS),
    "data_split_col": _text,
    "data_split_eval_fraction": _fraction,
    "data_split_test_fraction": _fraction,
    "on_null": _one_of("impute", "null"),
    "precision": _one_of("float32", "float64"),
    "description": _text,
    "tags": _json,
}
