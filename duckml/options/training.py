"""The options of CREATE MODEL: from names and values to a checked value of one type.

Everything that can be refused without the data is refused here, before a query runs.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from duckml.errors import NotYetError, OptionError
from duckml.estimators import model_warnings
from duckml.estimators.model_warnings import ModelWarning
from duckml.estimators.table import ESTIMATORS, Estimator, estimator_named
from duckml.features.column_types import is_class

_SPLITS = ("auto_split", "random", "seq", "custom", "no_split")
# BigQuery ML's names for options of ours.
_ALSO = {"model_type": "estimator", "input_label_cols": "target", "labels": "tags"}

# BigQuery ML options that mean something else in scikit-learn's words: the error says how to translate them.
_TRANSLATE = {
    "l2_reg": "scikit-learn's alpha is divided by the number of training rows: alpha = l2_reg * rows, of nets and of "
    "estimator = 'ridge' for linear models; of logistic_regression C = 1 / (l2_reg * rows).",
    "l1_reg": "estimator = 'elastic_net' and logistic_regression take l1_ratio, the share of the penalty that is L1.",
    "dropout": "scikit-learn's nets have no dropout: use a larger alpha or fewer hidden_layer_sizes.",
    "warm_start": "Every version is trained from scratch, so that the same rows give the same model.",
    "early_stopping": "early_stop = false trains all max_iter passes; n_iter_no_change and tol tune when to stop.",
    "calculate_p_values": "Standard errors are not computed: see docs/bigquery.md.",
    "category_encoding_method": "Every category has a column of its own, as with 'ONE_HOT_ENCODING'.",
}
# BigQuery ML options that change nothing of the model here: taken, with a warning that says why. Those of the second
# table are without effect for estimators that are solved without steps.
_WITHOUT_EFFECT = {
    "enable_global_explain": "attributions will be there for every model, unasked, in a later release",
    "optimize_strategy": "linear models are solved exactly",
    "learn_rate_strategy": "nets adapt their steps, linear models are solved without",
    "ls_init_learn_rate": "linear models are solved exactly, without steps",
}
_STEPS = ("max_iterations", "learn_rate", "min_rel_progress", "early_stop")
_TUNING = (
    "num_trials",
    "max_parallel_trials",
    "hparam_tuning_algorithm",
    "hparam_tuning_objectives",
)
_ELSEWHERE = {
    "model_registry": "A model is registered in the database file that it lies in.",
    "vertex_ai_model_id": "A model is registered in the database file that it lies in.",
    "vertex_ai_model_version_aliases": "ALTER MODEL … SET ALIAS names a version.",
    "expiration_timestamp": "Models don't expire: keep_versions drops older ones, DROP MODEL all.",
    "kms_key_name": "Encryption is DuckDB's: ATTACH … (ENCRYPTION_KEY '…').",
    "model_path": "It goes with model_type = 'onnx', which takes no query.",
}


Reader = Callable[[str, Any], Any]


@dataclass(frozen=True)
class TrainingOptions:
    """What CREATE MODEL was asked to do.

    `estimator` is a row of the table of estimators; None when `own_estimator` is a scikit-learn estimator that the user
    built, or when the type of the target decides. `params` are the estimator's own parameters. `class_weight` is a
    weight per label, or 'balanced'.
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
    class_weight: str | Mapping[str, float] | None = None
    early_stop: bool = True
    make_default: bool | str = True
    keep_versions: int | None = None
    if_unchanged: str = "train"
    background_rows: int = 100
    on_null: str = "impute"
    precision: str = "float32"
    description: str | None = None
    tags: str | None = None
    without_effect: tuple[ModelWarning, ...] = ()

    @property
    def is_own(self) -> bool:
        """Whether the estimator is a Python object of the user's."""
        return self.own_estimator is not None

    def for_target(self, sql_type: str) -> TrainingOptions:
        """The same with an estimator: a net, for a class or a number as the type of the target says."""
        if self.estimator is not None or self.is_own:
            return self
        return replace(
            self,
            estimator=estimator_named("mlp_classifier" if is_class(sql_type) else "mlp_regressor"),
        )

    @property
    def split(self) -> str:
        """How the rows are split, in words."""
        if self.data_split_method == "no_split":
            return self.data_split_method
        column = "" if self.data_split_col is None else f" by {self.data_split_col}"
        shares = (
            f"{self.data_split_eval_fraction:g} validation, {self.data_split_test_fraction:g} test"
        )
        return f"{self.data_split_method}{column}: " + (
            "as the column says" if self.data_split_method == "custom" else shares
        )


@dataclass(frozen=True)
class ImportOptions:
    """What CREATE MODEL … OPTIONS (model_type = 'onnx') was asked to do.

    `features` are the names of the columns of inputs that are wider than one, by input ('' where there is one input).
    """

    model_path: str
    target: str | None = None
    features: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    output: str | None = None
    labels: tuple[str, ...] | None = None
    on_null: str = "null"
    make_default: bool | str = True
    keep_versions: int | None = None
    description: str | None = None
    tags: str | None = None


@dataclass(frozen=True)
class ExportOptions:
    """What EXPORT MODEL was asked to do: as which format, for which SQL dialect, over which table."""

    uri: str
    format: str = "onnx"
    dialect: str = "duckdb"
    table: str = "input"


def canonical(given: Mapping[str, Any]) -> dict[str, Any]:
    """Options by the names that they have here, whatever they were given under."""
    estimators = {
        p: parameter.name for e in ESTIMATORS for parameter in e.parameters for p in parameter.also
    }
    return {_ALSO.get(name, estimators.get(name, name)): value for name, value in given.items()}


def read_import_options(given: Mapping[str, Any]) -> ImportOptions:
    """The options of an import, checked; raises OptionError."""
    values = _read_only(given, {"model_type", "estimator"}, _IMPORT_READERS)
    if "model_path" not in values:
        raise OptionError(
            "Importing a model needs the path of its file: OPTIONS (model_type = 'onnx', model_path = '…')."
        )
    kind = given.get("model_type", given.get("estimator"))
    if not isinstance(kind, str) or kind.lower() != "onnx":
        raise OptionError("model_path goes with model_type = 'onnx': only ONNX files are read.")
    return ImportOptions(**values)


def read_export_options(given: Mapping[str, Any]) -> ExportOptions:
    """The options of EXPORT MODEL, checked; raises OptionError."""
    options = ExportOptions(**_read_only(given, set(), _EXPORT_READERS))
    if options.format != "sql" and {"dialect", "table"} & set(given):
        raise OptionError("dialect and table go with FORMAT sql.")
    return options


def for_retraining(stored: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """The stored options of a version with those of RETRAIN in their place.

    With another estimator the parameters of the old one are left behind.
    """
    options, new = canonical(stored), canonical(given)
    if new.get("target", options.get("target")) != options.get("target"):
        raise OptionError(
            "RETRAIN learns the same target again. CREATE MODEL learns another one, under another name."
        )
    if len(new) < len(given):
        known = [next(iter(canonical({name: None}))) for name in given]
        twice = [name for name, meant in zip(given, known, strict=True) if known.count(meant) > 1]
        raise OptionError(f"{' and '.join(twice)} are the same option: give one of them.")
    if new.get("estimator", options.get("estimator")) != options.get("estimator"):
        options = {
            name: value for name, value in options.items() if name in _READERS or name in new
        }
    return {**options, **new}


def read_notes(given: Mapping[str, Any]) -> dict[str, Any]:
    """The options of ALTER MODEL … SET OPTIONS, checked; NULL takes one away. Raises OptionError."""
    for name in given:
        known = _ALSO.get(name, name)
        of_training = known in {*_READERS, "estimator"} or any(
            e.find(name) is not None for e in ESTIMATORS
        )
        if of_training and known not in _NOTES:
            raise OptionError(
                f'The option "{name}" can\'t be changed: a version is what it was trained as. RETRAIN MODEL … OPTIONS '
                f"({name} = …) makes a new version."
            )
    kept = {name: value for name, value in given.items() if value is not None}
    cleared = {_ALSO.get(name, name): None for name, value in given.items() if value is None}
    readers = {name: _READERS[name] for name in _NOTES}
    _read_only(dict.fromkeys(set(cleared) - set(_NOTES)), set(), readers)
    return {**_read_only(kept, set(), readers), **cleared}


def _read_only(
    given: Mapping[str, Any], ignored: set[str], readers: Mapping[str, Reader]
) -> dict[str, Any]:
    values = {}
    for option, value in given.items():
        name = option if option in readers else _ALSO.get(option, option)
        if name in readers:
            values[name] = readers[name](option, value)
        elif option not in ignored:
            raise OptionError.unknown(option, sorted({*readers, *ignored}))
    return values


def read_options(given: Mapping[str, Any], own_estimator: Any = None) -> TrainingOptions:
    """The options by name, checked.

    `own_estimator` is an unfitted scikit-learn estimator to train instead of one of the table's. Raises OptionError
    for an unknown name or a bad value and NotYetError for what a later release brings.
    """
    plain = {_ALSO.get(name, name): value for name, value in given.items()}
    if len(plain) < len(given):
        raise OptionError("The same option is given under two names: " + ", ".join(given) + ".")
    _understand_class_weights(plain)
    if own_estimator is not None:
        _check_own_estimator(own_estimator, plain)
    estimator = None if own_estimator is not None else _estimator(plain)
    own_parameters = (
        estimator
        if estimator is not None or own_estimator is not None
        else estimator_named("mlp_regressor")
    )
    known = {*_READERS, "estimator", *_ALSO}
    values: dict[str, Any] = {"without_effect": _without_effect(plain, estimator)}
    params: dict[str, Any] = {}
    seen: dict[str, str] = {}
    for name, value in plain.items():
        if name in _READERS:
            values[name] = _READERS[name](name, value)
        elif name == "estimator":
            continue
        elif own_parameters is not None and (parameter := own_parameters.find(name)) is not None:
            if parameter.name in seen:
                raise OptionError(
                    f"{seen[parameter.name]} and {name} are the same option: give one of them."
                )
            seen[parameter.name] = name
            params[name] = value
        else:
            _refuse(
                name,
                sorted(
                    known | {p.name for p in (own_parameters.parameters if own_parameters else ())}
                ),
            )
    options = TrainingOptions(
        estimator=estimator,
        own_estimator=own_estimator,
        params=own_parameters.read(params) if own_parameters is not None else {},
        **values,
    )
    _check_together(options)
    return options


def _estimator(given: Mapping[str, Any]) -> Estimator | None:
    name = given.get("estimator")
    if name is None:
        return None
    if not isinstance(name, str):
        raise OptionError.bad_value("estimator", name, "a name in quotes, such as 'mlp_regressor'")
    if name.lower() == "onnx":
        raise OptionError(
            "model_type = 'onnx' imports a file: OPTIONS (model_type = 'onnx', model_path = '…'), without AS."
        )
    return estimator_named(name)


def _understand_class_weights(plain: dict[str, Any]) -> None:
    """Put BigQuery ML's two options for the weights of classes in the place of ours."""
    if "auto_class_weights" in plain and _boolean(
        "auto_class_weights", plain.pop("auto_class_weights")
    ):
        if plain.get("class_weight", plain.get("class_weights")) is not None:
            raise OptionError(
                "auto_class_weights and class_weight contradict each other: choose one."
            )
        plain["class_weight"] = "balanced"
    if "class_weights" in plain:
        if "class_weight" in plain:
            raise OptionError(
                "class_weights and class_weight are the same option: give one of them."
            )
        plain["class_weight"] = plain.pop("class_weights")


def _without_effect(plain: dict[str, Any], estimator: Estimator | None) -> tuple[ModelWarning, ...]:
    """Take out what changes nothing of the model; a sentence for each."""
    reasons = {name: reason for name, reason in _WITHOUT_EFFECT.items() if name in plain}
    for name, value in (
        ("calculate_p_values", False),
        ("category_encoding_method", "one_hot_encoding"),
    ):
        given = plain.get(name)
        if given == value or (isinstance(given, str) and given.lower() == value):
            reasons[name] = "this is how it is here"
    if estimator is not None and estimator.find("max_iter") is None:
        reasons |= {
            name: "this estimator is solved without steps" for name in _STEPS if name in plain
        }
    for name in reasons:
        del plain[name]
    return tuple(model_warnings.without_effect(name, reason) for name, reason in reasons.items())


def _check_own_estimator(estimator: Any, given: Mapping[str, Any]) -> None:
    """Raise OptionError unless a Python object is an estimator that can be trained as asked."""
    from sklearn.base import is_classifier, is_regressor
    from sklearn.utils.validation import has_fit_parameter

    if isinstance(estimator, type):
        raise OptionError.unsuitable(estimator, "a class and not an instance")
    fits = hasattr(estimator, "fit") and (is_regressor(estimator) or is_classifier(estimator))
    if not fits or not hasattr(estimator, "predict"):
        raise OptionError.unsuitable(estimator, "no scikit-learn regressor or classifier")
    if is_classifier(estimator) and not hasattr(estimator, "predict_proba"):
        raise OptionError.unsuitable(
            estimator, "a classifier without predict_proba, which PREDICT_PROBA needs"
        )
    if "estimator" in given:
        raise OptionError("estimator and model_type are the same option: give one of them.")
    weighted = given.get("sample_weight_col", given.get("class_weight"))
    if weighted is not None and not has_fit_parameter(estimator, "sample_weight"):
        raise OptionError(
            f"Weights can't be used with {estimator!r}, which takes no sample weights."
        )


def _refuse(name: str, known: list[str]) -> None:
    if name in _TUNING:
        raise NotYetError.of(
            f'Hyperparameter tuning ("{name}")',
            "Train versions with different options and compare.",
        )
    if name in _TRANSLATE or name in _ELSEWHERE:
        raise OptionError(
            f'There is no option "{name}" here. {_TRANSLATE.get(name) or _ELSEWHERE[name]}'
        )
    for other in ESTIMATORS:
        if other.find(name) is not None:
            raise OptionError(
                f"The option \"{name}\" belongs to estimator '{other.name}', which is not the one here."
            )
    raise OptionError.unknown(name, known)


def _check_together(options: TrainingOptions) -> None:
    method, column = options.data_split_method, options.data_split_col
    if method in {"seq", "custom"} and column is None:
        raise OptionError(
            f"data_split_method = '{method}' needs data_split_col: the column to split by."
        )
    if method not in {"seq", "custom"} and column is not None:
        raise OptionError("data_split_col goes with data_split_method = 'seq' or 'custom'.")
    if options.data_split_eval_fraction + options.data_split_test_fraction >= 1:
        raise OptionError(
            "data_split_eval_fraction and data_split_test_fraction leave no rows to train on."
        )


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
            raise OptionError.bad_value(
                name, value, "one of " + ", ".join(repr(known) for known in names)
            )
        return value.lower()

    return read


def _json(name: str, value: Any) -> str:
    try:
        return json.dumps(value, ensure_ascii=False)
    except TypeError as error:
        raise OptionError.bad_value(
            name, value, "texts and numbers, lists or structs of them"
        ) from error


def _boolean(name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise OptionError.bad_value(name, value, "true or false")
    return value


def _make_default(name: str, value: Any) -> bool | str:
    if isinstance(value, bool):
        return value
    if not isinstance(value, str) or value.lower() != "if_better":
        raise OptionError.bad_value(name, value, "true, false or 'if_better'")
    return "if_better"


_CLASS_WEIGHTS = "'balanced' or a weight per class, such as {'yes': 2.0, 'no': 1.0}"


def _class_weight(name: str, value: Any) -> str | dict[str, float]:
    """'balanced', a struct or map from label to weight, or BigQuery ML's list of (label, weight)."""
    if isinstance(value, str) and value.lower() == "balanced":
        return "balanced"
    if isinstance(value, list):
        pairs = [list(e.values()) if isinstance(e, dict) else e for e in value]
        if not all(isinstance(pair, list | tuple) and len(pair) == 2 for pair in pairs):
            raise OptionError.bad_value(name, value, _CLASS_WEIGHTS)
        value = {_text_of(label): weight for label, weight in pairs}
    if not isinstance(value, dict) or not all(
        isinstance(w, int | float) and not isinstance(w, bool) and 0 <= w < math.inf
        for w in value.values()
    ):
        raise OptionError.bad_value(name, value, _CLASS_WEIGHTS)
    return {_text_of(label): float(weight) for label, weight in value.items()}


def _text_of(label: Any) -> str:
    return str(label).lower() if isinstance(label, bool) else str(label)


def _feature_lists(name: str, value: Any) -> dict[str, tuple[str, ...]]:
    if isinstance(value, dict):
        return {str(key): _texts(name, columns) for key, columns in value.items()}
    return {"": _texts(name, value)}


@dataclass(frozen=True)
class Option:
    """An option of CREATE MODEL that every estimator has; its default is that of the field of `TrainingOptions`."""

    name: str
    read: Reader
    meaning: str


OPTIONS = (
    Option("target", _target, "the column to learn"),
    Option(
        "random_state",
        _whole(0),
        "the seed: the same rows, options and library versions give the same model",
    ),
    Option(
        "categorical",
        _texts,
        "columns to treat as categories although they are no text: `['zipcode']`",
    ),
    Option(
        "max_categories",
        _whole(2),
        "of a category with more values the rarer ones share one column",
    ),
    Option("sample_weight_col", _text, "a column of weights; it is not a feature"),
    Option(
        "data_split_method",
        _one_of(*_SPLITS),
        "`'auto_split'` and `'random'`: by the hash of the row, so that equal rows stay together; `'seq'`: the largest "
        "`data_split_col` tests; `'custom'`: rows where `data_split_col` is true or NULL are held out, half for "
        "validation, half for the test; `'no_split'`",
    ),
    Option("data_split_col", _text, "see above; it is not a feature"),
    Option(
        "data_split_eval_fraction",
        _fraction,
        "the share of the rows that decides when training stops",
    ),
    Option(
        "data_split_test_fraction", _fraction, "the share of the rows that measures the model, once"
    ),
    Option(
        "class_weight",
        _class_weight,
        "of classifiers: `'balanced'`, or a weight per class, `{'yes': 2.0}` (BigQuery ML's `auto_class_weights` and "
        "`class_weights` too)",
    ),
    Option(
        "early_stop",
        _boolean,
        "of nets: `false` trains all `max_iter` passes; the best weights are kept either way",
    ),
    Option(
        "make_default",
        _make_default,
        "`false` only adds the version; `'if_better'` makes it the default if it beats today's on the new test rows",
    ),
    Option(
        "keep_versions",
        _whole(1),
        "older versions go, but for the default, those with an alias, and those that a view, a macro or a table uses",
    ),
    Option(
        "if_unchanged",
        _one_of("train", "skip"),
        "`'skip'` does nothing when query, rows, options and TRANSFORM are those of the default version",
    ),
    Option(
        "background_rows",
        _whole(0),
        "rows kept with their predictions, for `duckml check`; 0 keeps none",
    ),
    Option(
        "on_null", _one_of("impute", "null"), "`'null'` answers NULL for a row with any NULL in it"
    ),
    Option(
        "precision",
        _one_of("float32", "float64"),
        "of the net; numbers are scaled in double precision in both",
    ),
    Option("description", _text, "stored with the version"),
    Option("tags", _json, "stored with the version, as JSON"),
)
_READERS: dict[str, Reader] = {option.name: option.read for option in OPTIONS}

_NOTES = ("description", "tags")
_IMPORT_READERS: dict[str, Reader] = {
    "model_path": _text,
    "target": _target,
    "features": _feature_lists,
    "output": _text,
    "labels": _texts,
    **{name: _READERS[name] for name in ("on_null", "make_default", "keep_versions", *_NOTES)},
}
_EXPORT_READERS: dict[str, Reader] = {
    "uri": _text,
    "format": _one_of("onnx", "sql", "macro"),
    "dialect": _text,
    "table": _text,
}
