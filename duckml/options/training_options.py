"""The options of CREATE MODEL that every estimator has: their table and their checked values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from duckml.estimators.domains import BOOLEAN, Domain, one_of
from duckml.estimators.model_warnings import ModelWarning
from duckml.estimators.table import Estimator, estimator_named
from duckml.features.column_types import is_class
from duckml.options.values import (
    CLASS_WEIGHT,
    COLUMN,
    FRACTION,
    JSON,
    MAKE_DEFAULT,
    TEXT,
    TEXTS,
    integer,
)


@dataclass(frozen=True)
class TrainingOptions:
    """The checked options of a training.

    `estimator` is a row of the table of estimators. It is None if `own_estimator` is a scikit-learn
    estimator from Python, or if the type of the target determines the estimator. `params` are the
    estimator's own parameters. `class_weight` is a weight per label, or 'balanced'.
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
        """Return whether the estimator is the user's Python object."""
        return self.own_estimator is not None

    def for_target(self, sql_type: str) -> TrainingOptions:
        """Return the options with an estimator: by default a net, chosen by the target's type."""
        if self.estimator is not None or self.is_own:
            return self
        name = "mlp_classifier" if is_class(sql_type) else "mlp_regressor"
        return replace(self, estimator=estimator_named(name))

    @property
    def split(self) -> str:
        """Return a description of the split."""
        if self.data_split_method == "no_split":
            return self.data_split_method
        column = "" if self.data_split_col is None else f" by {self.data_split_col}"
        if self.data_split_method == "custom":
            parts = "as the column says"
        else:
            validation, test = self.data_split_eval_fraction, self.data_split_test_fraction
            parts = f"{validation:g} validation, {test:g} test"
        return f"{self.data_split_method}{column}: {parts}"


@dataclass(frozen=True)
class Option:
    """An option that every estimator has; its default is that of the field of TrainingOptions."""

    name: str
    domain: Domain
    meaning: str


OPTIONS = (
    Option("target", COLUMN, "the column to predict"),
    Option(
        "random_state",
        integer(0),
        "the seed: the same rows, options and library versions give the same model",
    ),
    Option(
        "categorical",
        TEXTS,
        "columns to treat as categories although they are not strings: `['zipcode']`",
    ),
    Option(
        "max_categories",
        integer(2),
        "if a category has more values, the rarer ones share one column",
    ),
    Option("sample_weight_col", TEXT, "a column of weights; it is not a feature"),
    Option(
        "data_split_method",
        one_of("auto_split", "random", "seq", "custom", "no_split"),
        "`'auto_split'` and `'random'`: by the hash of the row, so that equal rows are in the same "
        "part; `'seq'`: the rows with the largest `data_split_col` are test rows; `'custom'`: rows "
        "where `data_split_col` is true or NULL are held out, half for validation and half for the "
        "test; `'no_split'`",
    ),
    Option("data_split_col", TEXT, "see above; it is not a feature"),
    Option(
        "data_split_eval_fraction",
        FRACTION,
        "the share of the rows that determines when training stops",
    ),
    Option(
        "data_split_test_fraction",
        FRACTION,
        "the share of the rows that measures the model, once",
    ),
    Option(
        "class_weight",
        CLASS_WEIGHT,
        "for classifiers: `'balanced'`, or a weight per class, `{'yes': 2.0}` (also BigQuery ML's "
        "`auto_class_weights` and `class_weights`)",
    ),
    Option(
        "early_stop",
        BOOLEAN,
        "for nets: `false` trains all `max_iter` passes; the best weights are kept in both cases",
    ),
    Option(
        "make_default",
        MAKE_DEFAULT,
        "`false` only adds the version; `'if_better'` makes it the default if it is better than "
        "the current default on the new test rows",
    ),
    Option(
        "keep_versions",
        integer(1),
        "older versions are dropped, except the default, versions with an alias, and versions that "
        "a view, a macro or a table uses",
    ),
    Option(
        "if_unchanged",
        one_of("train", "skip"),
        "`'skip'` does nothing if query, rows, options and TRANSFORM are those of the default "
        "version",
    ),
    Option(
        "background_rows",
        integer(0),
        "rows stored with their predictions, for `duckml check`; 0 stores none",
    ),
    Option(
        "on_null",
        one_of("impute", "null"),
        "`'null'` predicts NULL for a row with a NULL in any feature",
    ),
    Option(
        "precision",
        one_of("float32", "float64"),
        "of the net; numbers are scaled in double precision in both cases",
    ),
    Option("description", TEXT, "stored with the version"),
    Option("tags", JSON, "stored with the version, as JSON"),
)
DOMAINS: Mapping[str, Domain] = {option.name: option.domain for option in OPTIONS}
