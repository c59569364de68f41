"""Identifiers and string literals: comparing them as DuckDB does, and quoting them for SQL.

Generated SQL is built with these functions, so that names with quotes, dots, spaces or
reserved words work everywhere.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

_UPPER = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_FOLD = str.maketrans(_UPPER, _UPPER.lower())


def fold(name: str) -> str:
    """Return the form in which DuckDB compares identifiers: ASCII letters in lower case.

    DuckDB folds ASCII only, so "Ö" and "ö" are two columns while "A" and "a" are one.
    """
    return name.translate(_FOLD)


def quote(name: str) -> str:
    """Return an identifier as SQL, always in double quotes."""
    return '"' + name.replace('"', '""') + '"'


def qualified(*parts: str) -> str:
    """Return a dotted name as SQL with each part quoted."""
    return ".".join(quote(part) for part in parts)


def literal(value: str) -> str:
    """Return a string as a SQL string literal."""
    return "'" + value.replace("'", "''") + "'"


def unquote(token: str) -> str:
    """Return the name in an identifier token, without quotes if it has any."""
    if len(token) >= 2 and token[0] == '"' and token[-1] == '"':
        return token[1:-1].replace('""', '"')
    return token


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Return the known name that is most similar to `name`, or None if none is close."""
    folded: dict[str, str] = {}
    for candidate in known:
        folded.setdefault(candidate.lower(), candidate)
    matches = difflib.get_close_matches(name.lower(), folded, n=1, cutoff=0.6)
    return folded[matches[0]] if matches else None


def listed(names: Iterable[str], most: int = 12) -> str:
    """Return the names for a message: in double quotes, with commas, at most `most` of them."""
    given = list(names)
    shown = ", ".join(f'"{name}"' for name in given[:most])
    return shown + (f" and {len(given) - most} more" if len(given) > most else "")
