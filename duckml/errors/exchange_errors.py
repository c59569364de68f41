"""Errors of import and export: models that can't be exchanged with other programs."""

from __future__ import annotations

import duckdb

from duckml.errors.base import DuckmlError


class PlainSqlError(DuckmlError, duckdb.NotImplementedException):
    """A model that can't be written as plain SQL."""

    sqlstate = "0A000"

    @classmethod
    def operator(cls, operator: str) -> PlainSqlError:
        """Return the error for an operator of the graph that has no SQL form."""
        return cls(
            f"The model can't be written as SQL: it contains {operator}. Linear models and nets "
            "can; EXPORT MODEL … TO 'file.onnx' writes any model."
        )

    @classmethod
    def too_large(cls, most: int) -> PlainSqlError:
        """Return the error for a graph with too many weights."""
        return cls(
            f"The model can't be written as SQL: it has more than {most:,} weights, and databases "
            "refuse such statements or run them slowly. EXPORT MODEL … TO 'file.onnx' writes any "
            "model; smaller hidden_layer_sizes or fewer categories make smaller ones."
        )


class ForeignModelError(DuckmlError, duckdb.InvalidInputException):
    """An ONNX file or a fitted estimator that can't be imported."""

    sqlstate = "22023"

    @classmethod
    def refused(cls, path: str, why: str) -> ForeignModelError:
        """Return the error for a file that isn't a model, or could do harm."""
        return cls(f"'{path}' is not imported: {why}.")

    @classmethod
    def unfit(cls, path: str, detail: str) -> ForeignModelError:
        """Return the error for a model that can't predict rows."""
        return cls(f"'{path}' is not imported: onnxruntime can't predict rows with it: {detail}")
