"""The table of duckml's SQL functions, from which the parser, the rewriter and the docs read."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class Rows(enum.Enum):
    """Whether a table function takes rows in addition to the model."""

    NONE = enum.auto()
    OPTIONAL = enum.auto()
    REQUIRED = enum.auto()


@dataclass(frozen=True)
class SqlFunction:
    """A function of duckml in SQL.

    `name` is in lower case. `value` describes the result in an expression, `table` the result in
    FROM; each is '' where the function can't be called. `settings` are the names in the STRUCT
    after the rows. A planned function is parsed, and refused with NotYetError.
    """

    name: str
    value: str = ""
    table: str = ""
    rows: Rows = Rows.NONE
    settings: tuple[str, ...] = ()
    is_for_classifiers: bool = False
    is_planned: bool = False

    @property
    def is_scalar(self) -> bool:
        """Return whether the function can be called in an expression."""
        return bool(self.value)

    @property
    def is_table(self) -> bool:
        """Return whether the function can be called in FROM."""
        return bool(self.table)

    @property
    def measures(self) -> bool:
        """Return whether the function compares predictions with the target of given rows."""
        return self.rows is Rows.OPTIONAL


_TABLE = (
    SqlFunction(
        "evaluate",
        table="how good a model is: on its test rows, or on given rows",
        rows=Rows.OPTIONAL,
        settings=("threshold",),
    ),
    SqlFunction("training_info", table="loss and time of every pass"),
    SqlFunction("feature_info", table="statistics of the features over the training rows"),
    SqlFunction(
        "weights",
        table="the weights of linear models; no rows for others",
        settings=("standardize",),
    ),
    SqlFunction(
        "confusion_matrix",
        table="how often each class was taken for each other",
        rows=Rows.OPTIONAL,
        settings=("threshold",),
        is_for_classifiers=True,
    ),
    SqlFunction(
        "roc_curve",
        table="what thresholds mean, for two classes",
        rows=Rows.OPTIONAL,
        settings=("thresholds",),
        is_for_classifiers=True,
    ),
    SqlFunction(
        "predict",
        value="DOUBLE, or the class in the type of the target",
        table="the input and its predictions",
        rows=Rows.REQUIRED,
        settings=("threshold",),
    ),
    SqlFunction(
        "predict_proba",
        value="MAP from class to DOUBLE",
        is_for_classifiers=True,
    ),
    SqlFunction("model_version", value="VARCHAR, 'schema.name@3'"),
    SqlFunction(
        "trial_info",
        table="the trials of hyperparameter tuning",
        is_planned=True,
    ),
    SqlFunction(
        "explain_predict",
        table="predictions and what each feature contributes to them",
        is_planned=True,
    ),
    SqlFunction(
        "global_explain",
        table="what each feature contributes on average",
        is_planned=True,
    ),
    SqlFunction(
        "validate_data_skew",
        table="how far given rows differ from the training rows",
        is_planned=True,
    ),
)
SQL_FUNCTIONS = {function.name: function for function in _TABLE}

# ML functions in the TRANSFORM clause of CREATE MODEL.
TRANSFORM_FUNCTIONS = frozenset(
    {
        "bucketize",
        "feature_cross",
        "imputer",
        "label_encoder",
        "max_abs_scaler",
        "min_max_scaler",
        "one_hot_encoder",
        "polynomial_expand",
        "quantile_bucketize",
        "robust_scaler",
        "standard_scaler",
    }
)
