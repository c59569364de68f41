"""Errors in the text of a statement: its grammar, its options and the place of PREDICT."""

from __future__ import annotations

from collections.abc import Sequence

import duckdb

from duckml.errors.base import DuckmlError
from duckml.errors.wording import did_you_mean, line_with_caret
from duckml.names import listed


class StatementError(DuckmlError, duckdb.ParserException):
    """A statement that doesn't follow the grammar."""

    sqlstate = "42601"

    @classmethod
    def at(cls, sql: str, start: int, message: str) -> StatementError:
        """Return the error with the line of `sql` that contains byte `start`, and a caret."""
        return cls(f"{message}\n\n{line_with_caret(sql, start)}")


class NotYetError(DuckmlError, duckdb.NotImplementedException):
    """A statement that this release doesn't support yet."""

    sqlstate = "0A000"

    @classmethod
    def of(cls, what: str, instead: str = "") -> NotYetError:
        """Return the error for a feature; `instead` is a sentence on the alternative."""
        alternative = f" {instead}" if instead else ""
        return cls(f"{what} is not in this release of duckml yet.{alternative}")


class PlacementError(DuckmlError, duckdb.BinderException):
    """PREDICT in a place where it would bind a table to a model."""

    sqlstate = "0A000"

    @classmethod
    def inside(cls, where: str) -> PlacementError:
        """Return the error for PREDICT inside `where`, such as a CHECK constraint."""
        return cls(
            f"PREDICT is not supported in {where}: it would bind the table to the model, which "
            "could then be neither replaced nor dropped. Use a view, or store the prediction: "
            "INSERT INTO … SELECT …, PREDICT(model) FROM …."
        )


class OptionError(DuckmlError, duckdb.BinderException):
    """An unknown option of CREATE MODEL, or a bad value of one."""

    sqlstate = "22023"

    @classmethod
    def unknown(cls, name: str, known: Sequence[str]) -> OptionError:
        """Return the error for an option that isn't among the `known` ones."""
        return cls(
            f'Unknown option "{name}".{did_you_mean(name, known)}\n'
            f"Known options: {', '.join(known)}."
        )

    @classmethod
    def bad_value(cls, name: str, value: object, wanted: str) -> OptionError:
        """Return the error for a value that the option doesn't accept."""
        return cls(f'Option "{name}" is {value!r}, but it must be {wanted}.')

    @classmethod
    def unsuitable(cls, estimator: object, why: str) -> OptionError:
        """Return the error for a Python object that can't be used as an estimator."""
        return cls(
            f"estimator is {estimator!r}, {why}. It must be a name such as 'mlp_regressor', or an "
            "unfitted scikit-learn regressor such as Ridge(alpha=1.0)."
        )

    @classmethod
    def not_constant(cls, name: str, text: str) -> OptionError:
        """Return the error for a value that can't be evaluated on its own."""
        # An = after the last string is usually the next option, whose comma is missing.
        if "=" in text.rsplit("'", maxsplit=1)[-1]:
            return cls(
                f'Option "{name}" is {text}. Separate options with commas: {name} = …, other = ….'
            )
        return cls(
            f'Option "{name}" is {text}, which is not a constant. '
            f"Quote strings with '…': {name} = '…'."
        )

    @classmethod
    def missing_target(cls, columns: Sequence[str]) -> OptionError:
        """Return the error for a missing target; `columns` are the candidates."""
        return cls(
            "CREATE MODEL needs to know which column to learn: OPTIONS (target = '…').\n"
            f"The query returns {listed(columns)}."
        )

    @classmethod
    def no_column(cls, option: str, name: str, columns: Sequence[str]) -> OptionError:
        """Return the error for an option with a column that the training query doesn't return."""
        return cls(
            f'Option "{option}" names the column "{name}", which the query doesn\'t return.'
            f"{did_you_mean(name, columns)}\nIt returns {listed(columns)}."
        )
