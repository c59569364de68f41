"""Parts that several error messages share."""

from __future__ import annotations

from collections.abc import Iterable

from duckml.names import nearest

_WIDTH = 100
_LAST_CARET = 60
_CONTEXT = 40


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return the sentence that offers the nearest known name, or '' if none is near."""
    close = nearest(name, known)
    return f' Did you mean "{close}"?' if close is not None else ""


def line_with_caret(sql: str, start: int) -> str:
    """Return the line of `sql` that contains byte `start` as DuckDB shows it, with a caret below.

    A long line is cut so that the caret stays on the screen.
    """
    offset = len(sql.encode()[:start].decode())
    line_start = sql.rfind("\n", 0, offset) + 1
    line_end = sql.find("\n", offset)
    prefix = f"LINE {sql.count(chr(10), 0, offset) + 1}: "
    line = sql[line_start : line_end if line_end >= 0 else len(sql)]
    column = offset - line_start
    if column > _LAST_CARET:
        line = "…" + line[column - _CONTEXT :]
        column = _CONTEXT + 1
    indent = " " * (len(prefix) + column)
    return f"{prefix}{line[:_WIDTH]}\n{indent}^"
