"""Objects that a CREATE statement of DuckDB defines, and those that can't depend on a model."""

from __future__ import annotations

from collections.abc import Sequence

from duckml.language.syntax import Call
from duckml.language.tokens import Tokens

_KINDS = ("table", "view", "index", "trigger", "macro", "function")
_LONGEST_HEAD = 7  # CREATE OR REPLACE TEMP RECURSIVE VIEW …: the kind is among the first words


def defined_kind(tokens: Tokens) -> str | None:
    """Return the kind of object that CREATE defines, such as 'table'; None for other statements."""
    if tokens.word(0) != "create":
        return None
    return next((word for word in tokens.words(1, _LONGEST_HEAD) if word in _KINDS), None)


def fixed_definition(tokens: Tokens, calls: Sequence[Call]) -> str | None:
    """Return the definition in which DuckDB would fix a call for good, None if there is none.

    Such as an index or a GENERATED column: the table could not be read without the model.
    """
    if not calls:
        return None
    if tokens.words(0, 2) == ["alter", "table"]:
        return "ALTER TABLE"
    kind = defined_kind(tokens)
    if kind in {"index", "trigger"}:
        return f"{'an' if kind == 'index' else 'a'} {kind.upper()}"
    if kind != "table":
        return None
    words = tokens.words()
    opening = next((index for index, word in enumerate(words) if word in {"(", "as"}), None)
    if opening is None or words[opening] != "(":
        return None
    columns = tokens.span(opening, tokens.closing(opening) + 1)
    if any(columns.contains(call.span) for call in calls):
        return "the definition of a table (GENERATED, CHECK or DEFAULT)"
    return None
