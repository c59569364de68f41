"""Warnings about a model: their codes, their meaning and their wording.

A constructor per kind of warning holds its wording, so that modules that warn only supply names
and numbers. A test compares the codes with `MEANINGS`, which docs/reference/errors.md prints.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from duckml.names import listed

MEANINGS: Mapping[str, str] = {
    "all_null": "a column was left out: it is NULL in every row",
    "constant_feature": "a column was left out: it has the same value in every row",
    "id_column": "a column was left out: it identifies rows and does not describe them",
    "nearly_unique_text": "a column was left out: nearly every row has a different string",
    "few_rows": "metrics of so few rows are uncertain",
    "no_test_rows": "no rows were held out: the metrics are those of the training rows",
    "two_valued_target": "a whole-number target has two values: a classifier may be intended",
    "rare_class": "a class has few rows and will rarely be recognised",
    "unlearned_class": "a class occurs only in held-out rows and is never predicted",
    "leakage_suspect": "one feature alone explains more than 99.9 % of the target",
    "not_converged": "the loss was still falling at the last pass",
    "stopped_early": "the loss did not fall after the first passes",
    "no_better_than_mean": "the mean of the target predicts the test rows equally well",
    "no_better_than_commonest": "always predicting the most common class is equally good",
    "in_memory": "the model is lost when the process ends",
    "already_there": "`IF NOT EXISTS` found the model and trained nothing",
    "unchanged": "`if_unchanged = 'skip'` found no change and trained nothing",
    "would_break_views": "the version has other columns and did not become the default",
    "better": "`make_default = 'if_better'`: the version became the default; states the difference",
    "not_better": "`make_default = 'if_better'`: the version did not become the default",
    "not_comparable": "`make_default = 'if_better'`: the default version has no metric on the new"
    " rows",
    "without_effect": "an option of BigQuery ML that has no effect in duckml",
}


@dataclass(frozen=True)
class ModelWarning:
    """Something that an analyst should know about a model: a code for programs and a sentence."""

    code: str
    message: str


@dataclass(frozen=True)
class ExcludedColumn:
    """A column that can't be a feature; `reason` continues a sentence after its name."""

    code: str
    column: str
    reason: str

    @property
    def warning(self) -> ModelWarning:
        """Return the warning that the column is left out."""
        return ModelWarning(self.code, f'Column "{self.column}" is left out: it {self.reason}.')


# Columns of the training query


def all_null(column: str) -> ExcludedColumn:
    """Exclude a column without values."""
    return ExcludedColumn("all_null", column, "is NULL in every row")


def constant_feature(column: str) -> ExcludedColumn:
    """Exclude a column with one value."""
    return ExcludedColumn("constant_feature", column, "has the same value in every row")


def nearly_unique_text(column: str, distinct: int, rows: int) -> ExcludedColumn:
    """Exclude a column of strings that hardly repeat."""
    different = f"is text that has {distinct:,} different values in {rows:,} rows"
    reason = f"{different}; name it in categorical to keep it"
    return ExcludedColumn("nearly_unique_text", column, reason)


def id_column(column: str, distinct: int, rows: int) -> ExcludedColumn:
    """Exclude a column of numbers that identify rows."""
    different = f"looks like an id and has {distinct:,} different values in {rows:,} rows"
    return ExcludedColumn("id_column", column, f"{different}; rename it to keep it")


# Rows and target


def few_rows(rows: int, test_rows: int, enough: int) -> ModelWarning:
    """Warn that metrics come from few rows."""
    held_out = "1 test row" if test_rows == 1 else f"{test_rows} test rows"
    return ModelWarning(
        "few_rows",
        f"The training query returned only {rows} rows. The metrics come from {held_out} and are "
        f"uncertain. Use at least {enough} rows for reliable metrics.",
    )


def no_test_rows() -> ModelWarning:
    """Warn that metrics are those of the training rows."""
    return ModelWarning(
        "no_test_rows",
        "No rows were held out. The metrics are those of the training rows and do not show how "
        "well the model predicts new rows.",
    )


def two_valued_target(target: str, low: int, high: int) -> ModelWarning:
    """Warn that a regressor learns a target that looks like a class."""
    return ModelWarning(
        "two_valued_target",
        f'The target "{target}" has only the values {low} and {high}. A classifier may be '
        "intended; this model predicts a number between them.",
    )


def rare_class(labels: Sequence[str], enough: int) -> ModelWarning:
    """Warn of classes with fewer than `enough` rows."""
    return ModelWarning(
        "rare_class",
        f"Fewer than {enough} rows have the class {listed(labels)}. The model will rarely "
        "recognise it.",
    )


def unlearned_class(labels: Sequence[str]) -> ModelWarning:
    """Warn of classes that no training row has."""
    return ModelWarning(
        "unlearned_class",
        f"No training row has the class {listed(labels)}. The model never predicts it, and the "
        "metrics leave out its rows.",
    )


def leakage_suspect(features: Sequence[str], share: float) -> ModelWarning:
    """Warn of features that explain more than a share of the target."""
    verb = "explains" if len(features) == 1 else "each explain"
    return ModelWarning(
        "leakage_suspect",
        f"{listed(features)} {verb} more than {share:.1%} of the target alone. Check that the "
        "value is known before the target is.",
    )


# Training


def not_converged(passes: int) -> ModelWarning:
    """Warn that training ended at max_iter."""
    if passes == 1:
        message = "Training reached max_iter before it converged. Increase max_iter."
    else:
        message = f"The loss was still falling after {passes} passes. Increase max_iter."
    return ModelWarning("not_converged", message)


def stopped_early(best_pass: int, passes: int) -> ModelWarning:
    """Warn that one of the first passes was the best; passes are counted from 1."""
    return ModelWarning(
        "stopped_early",
        f"The loss did not fall after pass {best_pass} of {passes}. The features may hold little "
        "information, or learning_rate_init is too large.",
    )


def no_better_than_commonest(accuracy: float) -> ModelWarning:
    """Warn that a classifier is no better than a constant."""
    return ModelWarning(
        "no_better_than_commonest",
        f"Always predicting the most common class would be equally good (accuracy {accuracy:.3f} "
        "on the test rows). The features hold little information, or the classes need "
        "class_weight = 'balanced'.",
    )


def no_better_than_mean(r2: float) -> ModelWarning:
    """Warn that a regressor is no better than a constant."""
    return ModelWarning(
        "no_better_than_mean",
        f"Predicting the mean would be equally good (R² {r2:.3f} on the test rows). The features "
        "hold little information.",
    )


def without_effect(option: str, reason: str) -> ModelWarning:
    """Warn that an option changes nothing."""
    return ModelWarning("without_effect", f"{option} has no effect: {reason}.")


# Storing


def in_memory() -> ModelWarning:
    """Warn that the database is not a file."""
    return ModelWarning(
        "in_memory",
        "The database is in memory, so the model is lost when it closes. To keep models, use "
        "duckml.connect('file.duckdb').",
    )


def already_there(model: str) -> ModelWarning:
    """Warn that IF NOT EXISTS left a model as it is."""
    return ModelWarning("already_there", f"Model '{model}' already exists. Nothing was trained.")


def unchanged(version: int) -> ModelWarning:
    """Warn that the default version is already trained as requested."""
    return ModelWarning(
        "unchanged",
        f"The query, rows and options are those of version {version}. Nothing was trained.",
    )


def would_break_views(views: Sequence[str]) -> ModelWarning:
    """Warn that views prevent a new default version."""
    return ModelWarning(
        "would_break_views",
        f"The new version takes other columns and would break {', '.join(views)}. It is stored, "
        "but the old version stays the default. Change or drop these views, then use "
        "ALTER MODEL … SET DEFAULT VERSION.",
    )


def identical_version(version: int) -> ModelWarning:
    """Warn that the new model is the default version."""
    return ModelWarning(
        "not_better",
        f"It is, byte for byte, version {version}, which stays the default.",
    )


def not_comparable(version: int) -> ModelWarning:
    """Warn that the default version can't predict the new test rows."""
    return ModelWarning(
        "not_comparable",
        f"Version {version} can't be measured on the new test rows, because they lack one of its "
        "columns or its target. It stays the default. Compare the two versions, then use "
        "ALTER MODEL … SET DEFAULT VERSION.",
    )


def better(metric: str, after: float, before: float, version: int) -> ModelWarning:
    """Warn that the new version became the default."""
    compared = _compared(metric, after, before, version)
    return ModelWarning("better", f"It is the new default: {compared}.")


def not_better(metric: str, after: float, before: float, version: int) -> ModelWarning:
    """Warn that the new version did not become the default."""
    compared = _compared(metric, after, before, version)
    return ModelWarning("not_better", f"It does not become the default: {compared}.")


def _compared(metric: str, after: float, before: float, version: int) -> str:
    old = f"{before:.4g} of version {version}"
    return f"{metric} {after:.4g} against {old} on the same test rows"
