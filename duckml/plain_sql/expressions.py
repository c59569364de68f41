"""Tensors as SQL expressions, one expression per column."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from duckml.features.column_types import INTEGERS, type_family
from duckml.features.columns import INTEGER_NULL
from duckml.names import literal


@dataclass(frozen=True)
class EncodedCategory:
    """The output of a LabelEncoder: the expression of its input, and the code of each key."""

    value: str
    codes: Mapping[Any, int]
    unknown: int


Tensor = list[str] | np.ndarray | EncodedCategory


def double(value: Any) -> str:
    """Return a number as a DOUBLE literal."""
    return f"CAST({float(value)!r} AS DOUBLE)"


def integer(value: int) -> str:
    """Return an integer as a literal; the smallest BIGINT has none that databases parse."""
    return str(value) if value != INTEGER_NULL else f"({value + 1} - 1)"


def label_literal(label: str, sql_type: str) -> str:
    """Return a class label in the type of the target."""
    family = type_family(sql_type)
    if family == "BOOLEAN" or family in INTEGERS:
        return label
    if family in {"VARCHAR", "ENUM"}:
        return literal(label)
    return f"CAST({literal(label)} AS {sql_type})"


def sum_of(terms: Sequence[str]) -> str:
    """Return a sum whose parentheses halve it.

    A sum of many terms without them nests deeper than databases allow.
    """
    if not terms:
        return double(0)
    if len(terms) <= 8:
        return "(" + " + ".join(terms) + ")"
    half = len(terms) // 2
    return f"({sum_of(terms[:half])} + {sum_of(terms[half:])})"


def as_columns(value: Tensor, length: int) -> list[str]:
    """Return a tensor as `length` expressions; a single element is repeated."""
    if isinstance(value, list):
        return value * length if len(value) == 1 else value
    assert not isinstance(value, EncodedCategory)
    numbers = np.asarray(value, dtype=np.float64).reshape(-1)
    if len(numbers) == 1:
        numbers = np.resize(numbers, length)
    return [double(number) for number in numbers]


def width_of(inputs: Sequence[Tensor]) -> int:
    """Return the number of columns of the widest tensor."""
    widths = [len(v) if isinstance(v, list) else int(np.asarray(v).size) for v in inputs]
    return max(widths)
