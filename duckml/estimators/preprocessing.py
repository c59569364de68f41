"""Columns → the matrix that an estimator sees. One encoder per feature, fitted on the training rows alone.

Numbers are imputed with their median and standardised in double precision; dates become day number, month, weekday and
(timestamps) hour, each standardised; categories become one column each. The same arithmetic stands in export.py as
an ONNX graph; the parity check compares the two on every model.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from duckml.features.columns import INTEGER_NULL
from duckml.features.signature import Feature, Signature

Floats = npt.NDArray[np.floating[Any]]
Doubles = npt.NDArray[np.float64]

SECONDS_PER_DAY = 86_400.0


@dataclass(frozen=True)
class Part:
    """One standardised column made of a number: (value - mean) / scale."""

    name: str
    mean: float
    scale: float


@dataclass(frozen=True)
class NumberEncoder:
    """A number, boolean, date or timestamp: NULL becomes `fill`, then each part is taken and standardised."""

    feature: Feature
    fill: float
    parts: tuple[Part, ...]

    @property
    def dimension(self) -> int:
        """How many columns of the matrix it fills."""
        return len(self.parts)

    def write(self, column: pa.ChunkedArray, out: Floats) -> None:
        """Fill `out`, of shape (rows, dimension), from the column."""
        values = numbers(column)
        values = np.where(np.isnan(values), self.fill, values)
        for index, part in enumerate(self.parts):
            out[:, index] = (PARTS[part.name](values) - part.mean) * (1.0 / part.scale)


@dataclass(frozen=True)
class CategoryEncoder:
    """A category: one column per code; a value that training never saw has none of them.

    `keys` are the values seen in training, '' (or the smallest BIGINT) standing for NULL, and `codes` the column of
    each. Rare values share the last one.
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
    """The encoders of a signature, in the order of their columns: first those of numbers, then those of categories."""

    signature: Signature
    encoders: tuple[Encoder, ...]

    @property
    def numbers(self) -> tuple[NumberEncoder, ...]:
        """The encoders of numbers, booleans and dates."""
        return tuple(encoder for encoder in self.encoders if isinstance(encoder, NumberEncoder))

    @property
    def categories(self) -> tuple[CategoryEncoder, ...]:
        """The encoders of categories."""
        return tuple(encoder for encoder in self.encoders if isinstance(encoder, CategoryEncoder))

    def dimension(self, feature: str) -> int:
        """How many columns a feature fills."""
        return next(
            encoder.dimension for encoder in self.encoders if encoder.feature.name == feature
        )

    @property
    def width(self) -> int:
        """The number of columns of the matrix."""
        return sum(encoder.dimension for encoder in self.encoders)

    def transform(self, columns: pa.Table, dtype: type[np.floating[Any]]) -> Floats:
        """The matrix of shape (rows, width) for a table that has the features as columns."""
        matrix: Floats = np.empty((len(columns), self.width), dtype=dtype)
        start = 0
        for encoder in self.encoders:
            encoder.write(
                columns[encoder.feature.name], matrix[:, start : start + encoder.dimension]
            )
            start += encoder.dimension
        return matrix


def fit(signature: Signature, columns: pa.Table, max_categories: int) -> Preprocessing:
    """The preprocessing of a signature, fitted on training rows."""
    numeric = [_fit_number(f, columns[f.name]) for f in signature.features if f.kind != "category"]
    categories = [
        _fit_category(f, columns[f.name], max_categories)
        for f in signature.features
        if f.kind == "category"
    ]
    return Preprocessing(signature, (*numeric, *categories))


def numbers(column: pa.ChunkedArray) -> Doubles:
    """A DOUBLE column with NaN for NULL."""
    values: Doubles = column.to_numpy()
    return values


def codes_of(column: pa.ChunkedArray, labels: Sequence[str]) -> npt.NDArray[np.int64]:
    """The code of each label of a column of texts: its place among `labels`, -1 for one that isn't there."""
    codes = pc.index_in(column, pa.array(labels, pa.string()))
    return pc.fill_null(codes, -1).to_numpy().astype(np.int64)


def null_key(feature: Feature) -> str | int:
    """What stands for NULL among the categories of a feature."""
    return "" if feature.storage == "VARCHAR" else INTEGER_NULL


def _fit_number(feature: Feature, column: pa.ChunkedArray) -> NumberEncoder:
    values = numbers(column)
    known = values[~np.isnan(values)]
    fill = float(np.median(known)) if len(known) else 0.0
    filled = np.where(np.isnan(values), fill, values)
    parts = []
    for name in parts_of(feature):
        part = PARTS[name](filled)
        deviation = float(part.std())
        # A part that doesn't change in the training rows, or only by rounding, says nothing: it becomes 0.
        constant = deviation <= 1e-12 * float(np.abs(part).max())
        parts.append(Part(name, float(part.mean()), 1.0 if constant else deviation))
    return NumberEncoder(feature, fill, tuple(parts))


def _fit_category(
    feature: Feature, column: pa.ChunkedArray, max_categories: int
) -> CategoryEncoder:
    counts = pc.value_counts(pc.fill_null(column, null_key(feature)))
    values = counts.field("values").to_pylist()
    ranked = sorted(
        zip(counts.field("counts").to_pylist(), values, strict=True),
        key=lambda pair: (-pair[0], pair[1]),
    )
    own = len(ranked) if len(ranked) <= max_categories else max_categories - 1
    keys = tuple(value for _, value in ranked)
    codes = tuple(min(position, own) for position in range(len(ranked)))
    return CategoryEncoder(feature, keys, codes, max(codes, default=0) + 1)


# The parts of numbers and dates. Plain arithmetic on doubles, exact for every date that DuckDB knows, so that the same
# formulas can stand in an ONNX graph. Month after H. Hinnant, "chrono-compatible low-level date algorithms" (2013).


def parts_of(feature: Feature) -> Sequence[str]:
    """The names of the columns that a number, boolean, date or timestamp becomes."""
    if feature.kind == "date":
        return ("day", "month", "weekday")
    if feature.kind == "timestamp":
        return ("seconds_day", "seconds_month", "seconds_weekday", "seconds_hour")
    return ("value",)


def _value(values: Doubles) -> Doubles:
    return values


def day(days: Doubles) -> Doubles:
    """The day number: whole days since 1970-01-01."""
    return np.floor(days)


def weekday(days: Doubles) -> Doubles:
    """The day of the week: 0 is Sunday."""
    shifted = np.floor(days) + 4.0
    return shifted - 7.0 * np.floor(shifted / 7.0)


def month(days: Doubles) -> Doubles:
    """The month, 1 to 12, of the proleptic Gregorian calendar."""
    shifted = np.floor(days) + 719_468.0
    era_day = shifted - 146_097.0 * np.floor(shifted / 146_097.0)
    leap = (
        np.floor(era_day / 36_524.0) - np.floor(era_day / 1_460.0) - np.floor(era_day / 146_096.0)
    )
    year = np.floor((era_day + leap) / 365.0)
    year_day = era_day - (365.0 * year + np.floor(year / 4.0) - np.floor(year / 100.0))
    from_march = np.floor((5.0 * year_day + 2.0) / 153.0)
    return from_march + 3.0 - 12.0 * np.floor((from_march + 2.0) / 12.0)


def hour(seconds: Doubles) -> Doubles:
    """The hour of the day, 0 to 23, of seconds since 1970-01-01."""
    return np.floor((seconds - SECONDS_PER_DAY * np.floor(seconds / SECONDS_PER_DAY)) / 3_600.0)


PARTS: dict[str, Callable[[Doubles], Doubles]] = {
    "value": _value,
    "day": day,
    "month": month,
    "weekday": weekday,
    "seconds_day": lambda seconds: day(seconds / SECONDS_PER_DAY),
    "seconds_month": lambda seconds: month(seconds / SECONDS_PER_DAY),
    "seconds_weekday": lambda seconds: weekday(seconds / SECONDS_PER_DAY),
    "seconds_hour": hour,
}
