"""Identifiers and literals: how DuckDB compares them and how they are written into SQL.

Everything that duckml writes into a statement on its own account goes through this room, so that a name with quotes,
dots, spaces or a reserved word in it is right everywhere.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

_UPPER = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_FOLD = str.maketrans(_UPPER, _UPPER.lower())


def fold(name: str) -> str:
    """The form under which DuckDB compares identifiers: ASCII letters in lower case, all others as they are.

    DuckDB folds ASCII only, so "Ö" and "ö" are two columns while "A" and "a" are one.
    """
    return name.translate(_FOLD)


def quote(name: str) -> str:
    """An identifier as SQL, always in double quotes."""
    return '"' + name.replace('"', '""') + '"'


def qualified(*parts: str) -> str:
    """A dotted name as SQL, each part quoted."""
    return ".".join(quote(part) for part in parts)


def literal(value: str) -> str:
    """A text as a SQL string literal."""
    return "'" + value.replace("'", "''") + "'"


def unquote(token: str) -> str:
    """The name that an identifier token means: the quotes taken off, if it has any."""
    if len(token) >= 2 and token[0] == '"' and token[-1] == '"':
        return token[1:-1].replace('""', '"')
    return token


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that resembles `name` most, or None when none comes close."""
    folded: dict[str, str] = {}
    for candidate in known:
        folded.setdefault(candidate.lower(), candidate)
    matches = difflib.get_close_matches(name.lower(), folded, n=1, cutoff=0.6)
    return folded[matches[0]] if matches else None


def listed(names: Iterable[str], most: int = 12) -> str:
    """Names for a message: in double quotes, with commas, cut after `most`."""
    given = list(names)
    shown = ", ".join(f'"{name}"' for name in given[:most])
    return shown + (f" and {len(given) - most} more" if len(given) > most else "")
