"""Rows on standard output, as boxes, CSV or JSON, and messages on standard error."""

from __future__ import annotations

import json
import sys
from typing import Any

from duckml.connection import ModelWarningMessage

_ROW = "__duckml_row"

# A box of more columns doesn't fit on most terminals, and DuckDB leaves some out.
_MOST_BOX_COLUMNS = 8


def print_message(text: str) -> None:
    """Print a message on standard error."""
    print(text, file=sys.stderr)


def print_warning(message: Warning | str, category: type[Warning], *_: Any) -> None:
    """Print a warning on standard error; it replaces `warnings.showwarning`."""
    name = "Warning" if issubclass(category, ModelWarningMessage) else category.__name__
    print_message(f"{name}: {message}")


def print_csv(relation: Any) -> None:
    """Print a relation as CSV, with DuckDB's text of each value."""
    print(",".join(_csv_field(name) for name in relation.columns))
    for row in relation.project("CAST(COLUMNS(*) AS VARCHAR)").fetchall():
        print(",".join("" if value is None else _csv_field(value) for value in row))


def _csv_field(text: str) -> str:
    """Return a CSV field, in quotes if necessary; an empty text has quotes, unlike NULL."""
    if text and not any(character in text for character in '",\r\n'):
        return text
    return '"' + text.replace('"', '""') + '"'


def print_json(relation: Any) -> None:
    """Print a relation as a JSON list of objects."""
    rows = relation.query(_ROW, f"SELECT to_json({_ROW})::VARCHAR FROM {_ROW}").fetchall()
    # JSON has no NaN or infinity; they become null.
    values = (json.loads(row, parse_constant=lambda _: None) for (row,) in rows)
    print("[" + ",\n ".join(json.dumps(value, ensure_ascii=False) for value in values) + "]")


def print_table(relation: Any, one_value_per_line: bool) -> None:
    """Print a relation as a box, or one value per line if a box would be too wide."""
    if one_value_per_line or _is_one_wide_row(relation):
        print(_lines_of_values(relation))
    else:
        print(relation)


def _is_one_wide_row(relation: Any) -> bool:
    return len(relation.columns) > _MOST_BOX_COLUMNS and len(relation.limit(2).fetchall()) == 1


def _lines_of_values(relation: Any) -> str:
    """Return one row, or rows of names and values, with one value per line."""
    rows = relation.fetchall()
    pairs = list(zip(relation.columns, rows[0], strict=True))
    if relation.columns == ["name", "value"]:
        pairs = rows
    width = max(len(str(name)) for name, _ in pairs)
    return "\n".join(f"{name:>{width}}  {_readable(value)}" for name, value in pairs)


def _readable(value: Any) -> str:
    """Return a value as text: metrics, a model's warnings, numbers."""
    if isinstance(value, dict):
        return ", ".join(f"{name} {_readable(item)}" for name, item in value.items())
    if isinstance(value, list):
        return "; ".join(f"{item['message']} [{item['code']}]" for item in value) or "none"
    if isinstance(value, float):
        return f"{value:,.0f}" if 1e4 <= abs(value) < 1e15 else f"{value:.4g}"
    return str(value)
