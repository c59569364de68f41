"""Domains of the options of statements: strings, names of columns, fractions, class weights."""

from __future__ import annotations

import json
import math
from typing import Any

from duckml.estimators.domains import Domain, number, whole_number


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError
    return value


def _column_name(value: Any) -> str:
    is_list_of_one = isinstance(value, list | tuple) and len(value) == 1
    return _text(value[0] if is_list_of_one else value)


def _texts(value: Any) -> tuple[str, ...]:
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, list | tuple):
        raise TypeError
    if not all(isinstance(text, str) for text in texts):
        raise TypeError
    return tuple(texts)


def _columns_by_input(value: Any) -> dict[str, tuple[str, ...]]:
    if isinstance(value, dict):
        return {str(key): _texts(columns) for key, columns in value.items()}
    return {"": _texts(value)}


def _fraction(value: Any) -> float:
    if not isinstance(value, int | float):
        raise TypeError
    return number(value, least=0, below=1)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _make_default(value: Any) -> bool | str:
    if isinstance(value, bool):
        return value
    if _text(value).lower() != "if_better":
        raise ValueError
    return "if_better"


def _class_weight(value: Any) -> str | dict[str, float]:
    """Return 'balanced' or a weight per label.

    Accepts a struct or map from label to weight, or BigQuery ML's list of (label, weight).
    """
    if isinstance(value, str) and value.lower() == "balanced":
        return "balanced"
    if isinstance(value, list):
        pairs = [_pair(item) for item in value]
        value = {_label(label): weight for label, weight in pairs}
    if not isinstance(value, dict):
        raise TypeError
    return {_label(label): _weight(weight) for label, weight in value.items()}


def _pair(item: Any) -> tuple[Any, Any]:
    parts = list(item.values()) if isinstance(item, dict) else item
    if not isinstance(parts, list | tuple):
        raise TypeError
    label, weight = parts
    return label, weight


def _weight(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError
    if not 0 <= value < math.inf:
        raise ValueError
    return float(value)


def _label(value: Any) -> str:
    # DuckDB casts booleans to lower case.
    return str(value).lower() if isinstance(value, bool) else str(value)


def integer(least: int) -> Domain:
    """Return the domain of integers from `least` that fit in 32 bits."""

    def read(value: Any) -> int:
        if not isinstance(value, int) or value >= 2**31:
            raise ValueError
        return whole_number(value, least)

    return Domain(read, f"a whole number, {least} or more")


TEXT = Domain(_text, "a string in quotes")
COLUMN = Domain(_column_name, "the name of one column in quotes")
TEXTS = Domain(_texts, "a list of column names, such as ['zipcode']")
COLUMNS_BY_INPUT = Domain(_columns_by_input, TEXTS.wanted)
FRACTION = Domain(_fraction, "a number from 0 to below 1")
JSON = Domain(_json, "strings and numbers, or lists or structs of them")
MAKE_DEFAULT = Domain(_make_default, "true, false or 'if_better'")
CLASS_WEIGHT = Domain(
    _class_weight, "'balanced' or a weight per class, such as {'yes': 2.0, 'no': 1.0}"
)
