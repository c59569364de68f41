"""From columns to the matrix of an estimator, with one encoder per feature.

Encoders are fitted on the training rows only. Numbers are imputed with their median and
standardised in double precision. Dates become day number, month, weekday and, for timestamps, hour,
each standardised. Categories become one column per value. onnx_graphs builds the same arithmetic
as an ONNX graph, and the parity check compares the two for every model.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from duckml.estimators.parts import PARTS, Doubles, parts_of
from duckml.features.columns import INTEGER_NULL
from duckml.features.signature import Feature, Signature

Floats = npt.NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Part:
    """A standardised column made of a number: (value - mean) / scale."""

    name: str
    mean: float
    scale: float


@dataclass(frozen=True)
class NumberEncoder:
    """The encoder of a number, boolean, date or timestamp; `fill` replaces NULL."""

    feature: Feature
    fill: float
    parts: tuple[Part, ...]

    @property
    def dimension(self) -> int:
        """Return the number of columns in the matrix."""
        return len(self.parts)

    def write(self, column: pa.ChunkedArray, out: Floats) -> None:
        """Fill `out`, of shape (rows, dimension), from the column."""
        values = numbers(column)
        values = np.where(np.isnan(values), self.fill, values)
        for index, part in enumerate(self.parts):
            out[:, index] = (PARTS[part.name](values) - part.mean) * (1.0 / part.scale)


@dataclass(frozen=True)
class CategoryEncoder:
    """The encoder of a category: one column per code, all 0 for a value unknown in training.

    `keys` are the values in the training rows, with '' (or the smallest BIGINT) for NULL. `codes`
    are the columns of the keys. Rare values share the last column.
    """

    feature: Feature
    keys: tuple[Any, ...]
    codes: tuple[int, ...]
    dimension: int

    def write(self, column: pa.ChunkedArray, out: Floats) -> None:
        """Fill `out`, of shape (rows, dimension), from the column."""
        out[:] = 0
        known = dict(zip(self.keys, self.codes, strict=True))
        encoded = pc.fill_null(column, null_key(self.feature)).combine_chunks().dictionary_encode()
        codes = np.array([known.get(value, -1) for value in encoded.dictionary.to_pylist()] or [-1])
        code = codes[encoded.indices.to_numpy()]
        rows = np.flatnonzero(code >= 0)
        out[rows, code[rows]] = 1


Encoder = NumberEncoder | CategoryEncoder


@dataclass(frozen=True)
class Preprocessing:
    """The encoders of a signature in the order of their columns: numbers first, then categories."""

    signature: Signature
    encoders: tuple[Encoder, ...]

    @property
    def numbers(self) -> tuple[NumberEncoder, ...]:
        """Return the encoders of numbers, booleans and dates."""
        return tuple(encoder for encoder in self.encoders if isinstance(encoder, NumberEncoder))

    @property
    def categories(self) -> tuple[CategoryEncoder, ...]:
        """Return the encoders of categories."""
        return tuple(encoder for encoder in self.encoders if isinstance(encoder, CategoryEncoder))

    def dimension(self, feature: str) -> int:
        """Return the number of columns of a feature."""
        return next(
            encoder.dimension for encoder in self.encoders if encoder.feature.name == feature
        )

    @property
    def width(self) -> int:
        """Return the number of columns of the matrix."""
        return sum(encoder.dimension for encoder in self.encoders)

    def transform(self, columns: pa.Table, dtype: type[np.floating[Any]]) -> Floats:
        """Return the matrix of shape (rows, width) for a table with the features as columns."""
        matrix: Floats = np.empty((len(columns), self.width), dtype=dtype)
        start = 0
        for encoder in self.encoders:
            end = start + encoder.dimension
            encoder.write(columns[encoder.feature.name], matrix[:, start:end])
            start = end
        return matrix


def fit_preprocessing(
    signature: Signature, columns: pa.Table, max_categories: int
) -> Preprocessing:
    """Fit the preprocessing of a signature on training rows."""
    numeric: list[Encoder] = []
    categories: list[Encoder] = []
    for feature in signature.features:
        column = columns[feature.name]
        if feature.kind == "category":
            categories.append(_fit_category(feature, column, max_categories))
        else:
            numeric.append(_fit_number(feature, column))
    return Preprocessing(signature, (*numeric, *categories))


def numbers(column: pa.ChunkedArray) -> Doubles:
    """Return a DOUBLE column as an array with NaN for NULL."""
    values: Doubles = column.to_numpy()
    return values


def codes_of(column: pa.ChunkedArray, labels: Sequence[str]) -> npt.NDArray[np.int64]:
    """Return the position of each string of a column among `labels`; -1 if it isn't one."""
    codes = pc.index_in(column, pa.array(labels, pa.string()))
    return pc.fill_null(codes, -1).to_numpy().astype(np.int64)


def null_key(feature: Feature) -> str | int:
    """Return the value that represents NULL among the categories of a feature."""
    return "" if feature.storage == "VARCHAR" else INTEGER_NULL


def _fit_number(feature: Feature, column: pa.ChunkedArray) -> NumberEncoder:
    values = numbers(column)
    known = values[~np.isnan(values)]
    fill = float(np.median(known)) if len(known) else 0.0
    filled = np.where(np.isnan(values), fill, values)
    parts = [_fit_part(name, PARTS[name](filled)) for name in parts_of(feature)]
    return NumberEncoder(feature, fill, tuple(parts))


def _fit_part(name: str, values: Doubles) -> Part:
    deviation = float(values.std())
    # A part that is constant in the training rows, or differs only by rounding, becomes 0.
    is_constant = deviation <= 1e-12 * float(np.abs(values).max())
    return Part(name, float(values.mean()), 1.0 if is_constant else deviation)


def _fit_category(
    feature: Feature, column: pa.ChunkedArray, max_categories: int
) -> CategoryEncoder:
    counted = pc.value_counts(pc.fill_null(column, null_key(feature)))
    counts = counted.field("counts").to_pylist()
    values = counted.field("values").to_pylist()
    # Ties are ordered by value, so that the same rows in any order give the same codes.
    ranked = sorted(zip(counts, values, strict=True), key=lambda pair: (-pair[0], pair[1]))
    own = len(ranked) if len(ranked) <= max_categories else max_categories - 1
    keys = tuple(value for _, value in ranked)
    codes = tuple(min(position, own) for position in range(len(ranked)))
    return CategoryEncoder(feature, keys, codes, max(codes, default=0) + 1)
