"""Errors of training: rows that a model can't learn from, and exports that differ."""

from __future__ import annotations

from collections.abc import Sequence

import duckdb

from duckml.errors.base import DuckmlError


class TrainingDataError(DuckmlError, duckdb.InvalidInputException):
    """Rows of a training query that a model can't learn from."""

    sqlstate = "22000"

    @classmethod
    def too_few(cls, read: int, reasons: Sequence[tuple[int, str]]) -> TrainingDataError:
        """Return the error for fewer than two usable rows.

        `reasons` holds a number of unusable rows and why they are unusable.
        """
        found = {0: "no rows", 1: "1 row"}.get(read, f"{read} rows")
        lost = "".join(f"\n  in {count} of them {reason}" for count, reason in reasons if count)
        return cls(f"The training query returned {found}. At least 2 usable rows are needed.{lost}")

    @classmethod
    def target_type(cls, target: str, sql_type: str, hint: str) -> TrainingDataError:
        """Return the error for a target that isn't a number."""
        return cls(
            f'The target "{target}" is {sql_type}, but this estimator predicts a number. {hint}'
        )

    @classmethod
    def column_type(cls, column: str, sql_type: str, hint: str) -> TrainingDataError:
        """Return the error for a column whose type can't be a feature."""
        return cls(f'Column "{column}" is {sql_type}, which can\'t be a feature. {hint}')

    @classmethod
    def constant_target(cls, target: str, value: str) -> TrainingDataError:
        """Return the error for a target with one value."""
        return cls(
            f'The target "{target}" is {value} in every training row, so there is nothing to '
            "learn. Check the query's WHERE clause."
        )

    @classmethod
    def no_features(cls, target: str, reasons: Sequence[str]) -> TrainingDataError:
        """Return the error for a query without a usable feature."""
        why = "".join(f"\n  {reason}" for reason in reasons)
        return cls(f'No column is left to predict "{target}" from.{why}')

    @classmethod
    def refused(cls, estimator: str, detail: str) -> TrainingDataError:
        """Return the error for a scikit-learn estimator that raised one."""
        return cls(f"{estimator} could not be trained: {detail.strip().splitlines()[0]}")

    @classmethod
    def diverged(cls, detail: str) -> TrainingDataError:
        """Return the error for parameters that became infinite or NaN."""
        return cls(
            f"Training diverged ({detail}). Try a smaller learning_rate_init, or look for extreme "
            "values in the data."
        )


class ParityError(DuckmlError, duckdb.InvalidInputException):
    """Predictions of onnxruntime that differ from scikit-learn's."""

    sqlstate = "XX000"

    @classmethod
    def above(
        cls, parity: float, tolerance: float, precision: str, registered: bool = False
    ) -> ParityError:
        """Return the error for a difference above the tolerance.

        A `registered` estimator can't be trained again, so no option is suggested for it.
        """
        if registered:
            return cls(
                f"The ONNX form of the estimator differs from the estimator by {parity:.2e}, more "
                f"than the {tolerance:.0e} allowed. Nothing was stored."
            )
        hint = " Try OPTIONS (precision = 'float64')." if precision == "float32" else ""
        return cls(
            f"The exported model differs from scikit-learn by {parity:.2e} (relative), more than "
            f"the {tolerance:.0e} allowed with precision '{precision}'. Nothing was stored.{hint}"
        )

    @classmethod
    def not_exportable(cls, estimator: str, detail: str) -> ParityError:
        """Return the error for an estimator that skl2onnx or onnxruntime doesn't support."""
        return cls(f"{estimator} can't be exported to ONNX: {detail} Nothing was stored.")
