"""Parts of expressions as text: items of a SELECT list, arguments of a call, names of functions.

TRANSFORM keeps the text of its expressions, so it is cut here and not parsed.
"""

from __future__ import annotations

from duckml.errors import StatementError
from duckml.language.select_items import has_own_name
from duckml.language.tokens import Tokens, tokenize

# Called with words of SQL between their arguments, which DuckDB doesn't parse after a schema.
_WITH_WORDS = frozenset({"substring", "overlay", "position", "trim", "extract", "cast", "try_cast"})


def select_list(text: str) -> list[tuple[str, str]]:
    """Return the text of each item of a SELECT list, and the same without its alias."""
    tokens = tokenize(text)
    found = []
    for first, stop in tokens.items(0, len(tokens)):
        if first == stop:
            raise StatementError(f"An item is missing between two commas: ({text}).")
        begin, end = _without_alias(tokens, first, stop)
        found.append((tokens.source(first, stop), tokens.source(begin, end)))
    return found


def _without_alias(tokens: Tokens, first: int, stop: int) -> tuple[int, int]:
    if tokens.word(first + 1) == ":" and tokens.is_identifier(first):
        return first + 2, stop
    if tokens.word(stop - 2) == "as":
        return first, stop - 2
    is_star = tokens.word(first) == "*"
    if stop - first > 1 and not is_star and has_own_name(tokens, first, stop):
        return first, stop - 1
    return first, stop


def arguments_of(text: str) -> list[str]:
    """Return the arguments of the call that a text begins with, as written."""
    tokens = tokenize(text)
    opening = tokens.words().index("(")
    items = tokens.items(opening + 1, tokens.closing(opening))
    return [tokens.source(first, stop) for first, stop in items if first < stop]


def argument_value(text: str) -> str:
    """Return the value of an argument, without the `name :=` before it."""
    tokens = tokenize(text)
    return tokens.source(2 if tokens.word(1) in {":=", "=>"} else 0)


def called_names(text: str) -> dict[int, str]:
    """Return the folded names of called functions by the byte that they start at.

    Without names after a dot, and without functions such as extract(year FROM d).
    """
    tokens = tokenize(text)
    return {
        token.start: token.word
        for index, token in enumerate(tokens)
        if tokens.word(index + 1) == "("
        and token.word not in _WITH_WORDS
        and tokens.word(index - 1) != "."
    }
