"""From the options of CREATE MODEL, names and values, to checked TrainingOptions.

Everything that can be refused without the data is refused here, before a query runs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from duckml.errors import NotYetError, OptionError
from duckml.estimators.table import ESTIMATORS, Estimator, estimator_named
from duckml.options.bigquery_names import (
    ALSO,
    ELSEWHERE,
    TRANSLATE,
    TUNING,
    known_name,
    options_without_effect,
    with_class_weight,
)
from duckml.options.training_options import DOMAINS, TrainingOptions


def read_options(given: Mapping[str, Any], own_estimator: Any = None) -> TrainingOptions:
    """Return the checked options of a training.

    `own_estimator` is an unfitted scikit-learn estimator to train instead of one from the table.
    Raises OptionError for an unknown name or a bad value, and NotYetError for hyperparameter
    tuning.
    """
    plain = {known_name(name): value for name, value in given.items()}
    if len(plain) < len(given):
        raise OptionError("The same option is given under two names: " + ", ".join(given) + ".")
    plain = with_class_weight(plain)
    if own_estimator is not None:
        _check_own_estimator(own_estimator, plain)
        estimator = with_parameters = None
    else:
        estimator = _named_estimator(plain)
        # Without a name the target's type decides. Both nets have the same parameters.
        with_parameters = estimator or estimator_named("mlp_regressor")
    warnings = options_without_effect(plain, estimator)
    remaining = {name: value for name, value in plain.items() if name not in warnings}
    values, parameters = _read_values(remaining, with_parameters)
    options = TrainingOptions(
        estimator=estimator,
        own_estimator=own_estimator,
        params={} if with_parameters is None else with_parameters.read(parameters),
        without_effect=tuple(warnings.values()),
        **values,
    )
    _check_together(options)
    return options


def _named_estimator(given: Mapping[str, Any]) -> Estimator | None:
    name = given.get("estimator")
    if name is None:
        return None
    if not isinstance(name, str):
        raise OptionError.bad_value("estimator", name, "a name in quotes, such as 'mlp_regressor'")
    if name.lower() == "onnx":
        raise OptionError(
            "model_type = 'onnx' imports a file. Use OPTIONS (model_type = 'onnx', "
            "model_path = '…') without AS."
        )
    return estimator_named(name)


def _read_values(
    given: Mapping[str, Any], estimator: Estimator | None
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the checked options that every estimator has, and the unchecked parameters.

    Raises OptionError for the first name, in the user's order, that can't be used.
    """
    values: dict[str, Any] = {}
    parameters: dict[str, Any] = {}
    seen: dict[str, str] = {}
    for name, value in given.items():
        if name in DOMAINS:
            values[name] = DOMAINS[name].check(name, value)
        elif name != "estimator":
            parameter = None if estimator is None else estimator.find(name)
            if parameter is None:
                raise _unsupported(name, estimator)
            if parameter.name in seen:
                raise OptionError(
                    f"{seen[parameter.name]} and {name} are the same option: give one of them."
                )
            seen[parameter.name] = name
            parameters[name] = value
    return values, parameters


def _check_own_estimator(estimator: Any, given: Mapping[str, Any]) -> None:
    """Raise OptionError unless a Python object is an estimator that these options can train."""
    from sklearn.base import is_classifier, is_regressor
    from sklearn.utils.validation import has_fit_parameter

    if isinstance(estimator, type):
        raise OptionError.unsuitable(estimator, "a class and not an instance")
    fits = hasattr(estimator, "fit") and (is_regressor(estimator) or is_classifier(estimator))
    if not fits or not hasattr(estimator, "predict"):
        raise OptionError.unsuitable(estimator, "no scikit-learn regressor or classifier")
    if is_classifier(estimator) and not hasattr(estimator, "predict_proba"):
        why = "a classifier without predict_proba, which PREDICT_PROBA needs"
        raise OptionError.unsuitable(estimator, why)
    if "estimator" in given:
        raise OptionError("estimator and model_type are the same option: give one of them.")
    weighted = given.get("sample_weight_col", given.get("class_weight"))
    if weighted is not None and not has_fit_parameter(estimator, "sample_weight"):
        raise OptionError(
            f"Weights can't be used with {estimator!r}, which takes no sample weights."
        )


def _unsupported(name: str, estimator: Estimator | None) -> NotYetError | OptionError:
    """Return the error for an option that neither duckml nor the estimator has."""
    if name in TUNING:
        return NotYetError.of(
            f'Hyperparameter tuning ("{name}")',
            "Train versions with different options and compare.",
        )
    reason = TRANSLATE.get(name) or ELSEWHERE.get(name)
    if reason is not None:
        return OptionError(f'Option "{name}" is not supported. {reason}')
    for other in ESTIMATORS:
        if other.find(name) is not None:
            return OptionError(
                f"Option \"{name}\" belongs to estimator '{other.name}', which this model does not "
                "use."
            )
    parameters = () if estimator is None else estimator.parameters
    known = {*DOMAINS, *ALSO, "estimator", *(parameter.name for parameter in parameters)}
    return OptionError.unknown(name, sorted(known))


def _check_together(options: TrainingOptions) -> None:
    method, column = options.data_split_method, options.data_split_col
    by_column = method in {"seq", "custom"}
    if by_column and column is None:
        raise OptionError(
            f"data_split_method = '{method}' needs data_split_col: the column to split by."
        )
    if not by_column and column is not None:
        raise OptionError("data_split_col requires data_split_method = 'seq' or 'custom'.")
    if options.data_split_eval_fraction + options.data_split_test_fraction >= 1:
        raise OptionError(
            "data_split_eval_fraction and data_split_test_fraction leave no rows to train on."
        )
