"""Queries: statements of DuckDB, in which calls of duckml may occur."""

from __future__ import annotations

from duckml.language.calls import find_calls
from duckml.language.definitions import defined_kind, fixed_definition
from duckml.language.select_items import unnamed_items
from duckml.language.syntax import Query, Span
from duckml.language.tokens import Tokens


def parse_query(tokens: Tokens, segment: Span, first: int = 0) -> Query:
    """Return the query that begins at a token, with the calls in it.

    `segment` are the bytes of the whole statement. A query within another statement, as in CREATE
    MODEL, begins after the first token.
    """
    calls = find_calls(tokens, first)
    start = tokens[first].start if first else segment.start
    return Query(
        Span(start, segment.end),
        calls,
        unnamed_items(tokens, calls),
        defined_kind(tokens),
        None if first else fixed_definition(tokens, calls),
    )
