"""The statements of a text.

DuckDB's lexer cuts the text into tokens. Statements about models and calls of duckml's functions
are found among them, and kept as ranges of bytes. Other SQL isn't parsed: it reaches DuckDB as the
user wrote it, because a text that is generated from a syntax tree differs from the user's.
"""

from __future__ import annotations

import functools

from duckml.language.model_statements import parse_model_statement
from duckml.language.queries import parse_query
from duckml.language.syntax import Script, Span, Statement
from duckml.language.tokens import Tokens, tokenize

_LONGEST_CACHED = 10_000  # characters


def might_concern_us(sql: str) -> bool:
    """Return whether a text contains a word of duckml's grammar. If not, it is DuckDB's alone.

    All of the user's SQL passes through here. Substring tests take half a microsecond.
    """
    text = sql.lower()
    return (
        "model" in text
        or "predict" in text
        or "evaluate" in text
        or "_info" in text
        or "weights" in text
        or "_explain" in text
        or "confusion_matrix" in text
        or "roc_curve" in text
        or "_data_skew" in text
    )


def parse(sql: str) -> Script:
    """Parse the statements of a text.

    Raises StatementError if a statement of duckml is written wrongly.
    """
    # Dashboards send the same short texts again and again.
    return _parse_cached(sql) if len(sql) <= _LONGEST_CACHED else _parse(sql)


def _parse(sql: str) -> Script:
    tokens = tokenize(sql)
    parts = tokens.statements()
    statements = tuple(_parse_statement(part, segment) for part, segment in parts)
    spans = tuple(part.span(0, len(part)) for part, _ in parts)
    return Script(tokens.source_text, statements, spans)


_parse_cached = functools.lru_cache(maxsize=256)(_parse)


def _parse_statement(tokens: Tokens, segment: Span) -> Statement:
    return parse_model_statement(tokens, segment) or parse_query(tokens, segment)


def split(sql: str) -> list[str]:
    """Return the statements of a text as written, without the semicolons between them."""
    tokens = tokenize(sql)
    texts = [tokens.source_text[span.start : span.end] for _, span in tokens.statements()]
    return [text.decode().strip() for text in texts]
