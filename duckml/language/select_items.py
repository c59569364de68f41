"""Items of SELECT lists that hold a call of duckml and have no alias.

DuckDB would name such a column after the rewritten text, which contains every feature.
"""

from __future__ import annotations

from collections.abc import Iterable

from duckml.language.clauses import boundary_before, clause_before, is_clause, is_distinct_on
from duckml.language.syntax import Call, Span, UnnamedItem
from duckml.language.tokens import CLOSING_BRACKETS, OPENING_BRACKETS, Token, Tokens


def unnamed_items(tokens: Tokens, calls: Iterable[Call]) -> tuple[UnnamedItem, ...]:
    """Return the items without an alias that hold a call, each with the name that it gets."""
    items: dict[Span, UnnamedItem] = {}
    for call in calls:
        bounds = None if call.in_from else _item_around(tokens, tokens.at(call.span.start))
        if bounds is None or has_own_name(tokens, *bounds):
            continue
        span = tokens.span(*bounds)
        items.setdefault(span, UnnamedItem(span, _name_of(tokens, call, bounds)))
    return tuple(items.values())


def _name_of(tokens: Tokens, call: Call, bounds: tuple[int, int]) -> str:
    text = tokens.source(*bounds)
    call_text = tokens.source_text[call.span.start : call.span.end].decode()
    if text.strip("() ") == call_text.strip("() "):
        return f"{call.function}({call.model})"
    return " ".join(text.split())


def _item_around(tokens: Tokens, first: int) -> tuple[int, int] | None:
    """Return the SELECT item that holds a token, as its first index and its stop.

    None if the token is in another clause, such as WHERE.
    """
    found = _boundary_of_list(tokens, first)
    if found is None:
        return None
    boundary, clause, first = found
    begin = boundary + 1
    if is_distinct_on(tokens, boundary) and tokens.word(begin) == "(":
        begin = tokens.closing(begin) + 1
    if is_distinct_on(tokens, clause):
        clause -= 1
    if tokens.word(clause) == "distinct":
        clause -= 1
    begin += tokens.word(begin) == "all"
    if tokens.word(clause) not in {"select", "returning"} or begin > first:
        return None
    return begin, _item_end(tokens, begin)


def _boundary_of_list(tokens: Tokens, first: int) -> tuple[int, int, int] | None:
    """Leave brackets around a token until a clause is found.

    Return the comma or clause before the item, the clause, and the token or the outermost bracket
    that was left. None if no clause is found.
    """
    while True:
        boundary = boundary_before(tokens, first)
        if boundary is None:
            return None
        if tokens.word(boundary) in OPENING_BRACKETS:
            first = boundary  # out of a function, a list or brackets
            continue
        clause = clause_before(tokens, boundary) if tokens.word(boundary) == "," else boundary
        if clause is not None:
            return boundary, clause, first
        opening = tokens.enclosing(boundary)
        if opening is None:
            return None
        first = opening


def _item_end(tokens: Tokens, first: int) -> int:
    """Return the index after the SELECT item that starts at `first`."""
    for index in tokens.forward(first):
        word = tokens.word(index)
        if word in CLOSING_BRACKETS or word in {",", "into", "fetch"} or is_clause(tokens, index):
            return index
    return len(tokens)


def has_own_name(tokens: Tokens, first: int, stop: int) -> bool:
    """Return whether an item has an alias or, as a star, can't have one. In doubt, True."""
    if "columns" in tokens.words(first, stop):
        return True
    for index in tokens.forward(first):
        if index >= stop:
            break
        word = tokens.word(index)
        is_star = word == "*" and (index == first or tokens.word(index - 1) == ".")
        if is_star or word in {"as", ":"}:
            return True
    if stop - first < 2:
        return False
    can_be_alias = tokens.is_identifier(stop - 1) or tokens.is_string(stop - 1)
    is_end_of_case = tokens.word(stop - 1) == "end"
    return can_be_alias and not is_end_of_case and _ends_value(tokens[stop - 2])


def _ends_value(token: Token) -> bool:
    """Return whether an expression may end with a token, so that a name after it is an alias."""
    if token.word in CLOSING_BRACKETS or token.word == "end" or token.is_identifier:
        return True
    return token.text[0] in "'\"0123456789?$"
