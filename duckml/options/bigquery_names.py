"""BigQuery ML's names of options: accepted, without effect, or refused with a translation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from duckml.errors import OptionError
from duckml.estimators import model_warnings
from duckml.estimators.domains import BOOLEAN
from duckml.estimators.model_warnings import ModelWarning
from duckml.estimators.table import ESTIMATORS, Estimator

ALSO = {"model_type": "estimator", "input_label_cols": "target", "labels": "tags"}

# Options with another meaning in scikit-learn's words: the error states how to translate them.
TRANSLATE = {
    "l2_reg": "scikit-learn's alpha is divided by the number of training rows: alpha = l2_reg * "
    "rows for nets and for estimator = 'ridge'; C = 1 / (l2_reg * rows) for logistic_regression.",
    "l1_reg": "estimator = 'elastic_net' and logistic_regression accept l1_ratio, the share of the "
    "penalty that is L1.",
    "dropout": "scikit-learn's nets have no dropout. Use a larger alpha or fewer "
    "hidden_layer_sizes.",
    "warm_start": "Every version is trained from scratch, so that the same rows give the same "
    "model.",
    "early_stopping": "early_stop = false trains all max_iter passes; n_iter_no_change and tol "
    "determine when to stop.",
    "calculate_p_values": "Standard errors are not computed: see docs/bigquery.md.",
    "category_encoding_method": "Every category has its own column, as with 'ONE_HOT_ENCODING'.",
}
WITHOUT_EFFECT = {
    "enable_global_explain": "attributions will be available for every model in a later release",
    "optimize_strategy": "linear models are solved exactly",
    "learn_rate_strategy": "nets adapt their steps, and linear models are solved without steps",
    "ls_init_learn_rate": "linear models are solved exactly, without steps",
}
# Options that have no effect if they have the value that is always used.
_ALWAYS = {"calculate_p_values": False, "category_encoding_method": "one_hot_encoding"}
# Options that have no effect on estimators that are solved without steps.
_OF_STEPS = ("max_iterations", "learn_rate", "min_rel_progress", "early_stop")
TUNING = frozenset(
    {
        "num_trials",
        "max_parallel_trials",
        "hparam_tuning_algorithm",
        "hparam_tuning_objectives",
    }
)
ELSEWHERE = {
    "model_registry": "A model is registered in the database file that stores it.",
    "vertex_ai_model_id": "A model is registered in the database file that stores it.",
    "vertex_ai_model_version_aliases": "ALTER MODEL … SET ALIAS names a version.",
    "expiration_timestamp": "Models don't expire: keep_versions drops older versions, DROP MODEL "
    "all of them.",
    "kms_key_name": "DuckDB encrypts the file: ATTACH … (ENCRYPTION_KEY '…').",
    "model_path": "It requires model_type = 'onnx', which accepts no query.",
}


def known_name(option: str) -> str:
    """Return duckml's name of an option that every estimator has."""
    return ALSO.get(option, option)


def canonical(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return options under duckml's and scikit-learn's names."""
    parameters = {
        other: parameter.name
        for estimator in ESTIMATORS
        for parameter in estimator.parameters
        for other in parameter.also
    }
    return {ALSO.get(name, parameters.get(name, name)): value for name, value in given.items()}


def with_class_weight(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options with class_weight instead of BigQuery ML's two options for it.

    Raises OptionError if more than one of them is given.
    """
    options = dict(given)
    is_automatic = "auto_class_weights" in options and BOOLEAN.check(
        "auto_class_weights", options.pop("auto_class_weights")
    )
    if is_automatic:
        if options.get("class_weight", options.get("class_weights")) is not None:
            raise OptionError(
                "auto_class_weights and class_weight contradict each other: choose one."
            )
        options["class_weight"] = "balanced"
    if "class_weights" in options:
        if "class_weight" in options:
            raise OptionError(
                "class_weights and class_weight are the same option: give one of them."
            )
        options["class_weight"] = options.pop("class_weights")
    return options


def options_without_effect(
    given: Mapping[str, Any], estimator: Estimator | None
) -> dict[str, ModelWarning]:
    """Return a warning for each option that has no effect."""
    reasons = {name: reason for name, reason in WITHOUT_EFFECT.items() if name in given}
    for name, always in _ALWAYS.items():
        value = given.get(name)
        if value == always or (isinstance(value, str) and value.lower() == always):
            reasons[name] = "duckml always does this"
    if estimator is not None and estimator.find("max_iter") is None:
        for name in _OF_STEPS:
            if name in given:
                reasons[name] = "this estimator is solved without steps"
    return {name: model_warnings.without_effect(name, why) for name, why in reasons.items()}
