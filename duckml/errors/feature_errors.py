"""Errors in the columns and arguments that a query passes to a model."""

from __future__ import annotations

from collections.abc import Sequence

import duckdb

from duckml.errors.base import DuckmlError
from duckml.errors.wording import did_you_mean
from duckml.names import listed


class FeatureError(DuckmlError, duckdb.BinderException):
    """Columns that don't fit the signature of a model."""

    sqlstate = "42703"

    @classmethod
    def missing(
        cls, model: str, feature: str, columns: Sequence[str], signature: str, where: str
    ) -> FeatureError:
        """Return the error for a feature without a column; `columns` are those of the input."""
        return cls(
            f"Model '{model}' needs the column \"{feature}\", which the input doesn't have."
            f"{did_you_mean(feature, columns)}\n"
            f"To give another expression for it: {feature} := …\n"
            f"The model takes {signature}.\n\n{where}"
        )

    @classmethod
    def no_target(cls, model: str, target: str, columns: Sequence[str], where: str) -> FeatureError:
        """Return the error for rows without the target, which EVALUATE needs."""
        return cls(
            f"EVALUATE compares with the target \"{target}\" of model '{model}', which the input "
            f"doesn't have.{did_you_mean(target, columns)}\n\n{where}"
        )

    @classmethod
    def unknown(cls, model: str, name: str, features: Sequence[str]) -> FeatureError:
        """Return the error for a named argument that isn't a feature."""
        return cls(
            f"Model '{model}' has no feature \"{name}\".{did_you_mean(name, features)}\n"
            f"It takes {listed(features)}."
        )

    @classmethod
    def twice(cls, model: str, name: str) -> FeatureError:
        """Return the error for two arguments with the same feature."""
        return cls(f'PREDICT({model}, …) gives the feature "{name}" twice.')

    @classmethod
    def count(cls, model: str, given: int, signature: str, wanted: int) -> FeatureError:
        """Return the error for the wrong number of arguments by position."""
        return cls(
            f"PREDICT({model}, …) was given {given} values by position, but the model takes "
            f"{wanted}: {signature}.\n"
            f"PREDICT({model}) takes all of them from columns of the same names; "
            f"PREDICT({model}, h.*) from alias h."
        )

    @classmethod
    def swapped(cls, model: str, column: str, feature: str) -> FeatureError:
        """Return the error for a column of one feature in the position of another feature."""
        return cls(
            f'PREDICT({model}, …) has the column "{column}" in the position of the feature '
            f'"{feature}". Write PREDICT({model}) to bind by name, or {feature} := {column} if '
            "this is intended."
        )

    @classmethod
    def types(cls, model: str, wrong: Sequence[tuple[str, str]], where: str) -> FeatureError:
        """Return the error for arguments that DuckDB can't cast; `wrong` are names and types."""
        wanted = ", ".join(f'"{name}" to be {sql_type}' for name, sql_type in wrong)
        types = " or ".join(dict.fromkeys(sql_type for _, sql_type in wrong))
        return cls(
            f"Model '{model}' needs {wanted}, but DuckDB doesn't cast the given value to that "
            f"type implicitly.\nCast the value: CAST(… AS {types}).\n\n{where}"
        )

    @classmethod
    def wrong_type(cls, feature: str, wanted: str, found: str) -> FeatureError:
        """Return the error for a column with a type that the feature doesn't accept."""
        return cls(f'The feature "{feature}" is {wanted}, but its column has Arrow type {found}.')

    @classmethod
    def ambiguous(cls, model: str, feature: str, where: str) -> FeatureError:
        """Return the error for a feature whose column is in several relations of the query."""
        return cls(
            f"Model '{model}' needs the column \"{feature}\", and more than one table of the "
            f"query has it. Name the table: PREDICT({model}, h.*) takes the features from the "
            f"columns of alias h.\n\n{where}"
        )

    @classmethod
    def some_type(cls, model: str, signature: str, where: str) -> FeatureError:
        """Return the error for an argument that DuckDB can't cast and doesn't name."""
        return cls(
            f"An argument of model '{model}' has a type that the model doesn't accept. "
            f"It takes {signature}.\n\n{where}"
        )

    @classmethod
    def output_taken(cls, model: str, column: str) -> FeatureError:
        """Return the error for an input that already has the prediction column."""
        return cls(
            f'The input already has a column "{column}", the name of the prediction of model '
            f"'{model}'. Leave it out: "
            f'FROM PREDICT(MODEL {model}, (SELECT * EXCLUDE ("{column}") FROM …)).'
        )
