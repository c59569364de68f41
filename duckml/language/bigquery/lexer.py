"""BigQuery's tokens, as sqlglot's tokenizer finds them."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable

from sqlglot.dialects.bigquery import BigQuery
from sqlglot.errors import TokenError

from duckml.errors import StatementError
from duckml.language.tokens import Token, Tokens

# The text that replaces some tokens, and the index after them.
Replacement = tuple[str, int]


def tokenize_bigquery(sql: str) -> Tokens:
    """Return the tokens of a script in BigQuery's SQL.

    The word of a string is '': its content is never a bracket or a keyword. Raises StatementError
    for a text that sqlglot can't cut.
    """
    try:
        found = BigQuery().tokenize(sql)
    except TokenError as error:
        raise unreadable(error) from error
    # sqlglot counts characters.
    bytes_before = list(itertools.accumulate((len(c.encode()) for c in sql), initial=0))
    tokens = []
    for token in found:
        is_string = "STRING" in token.token_type.name
        start, end = bytes_before[token.start], bytes_before[token.end + 1]
        tokens.append(Token(start, end, token.text, "" if is_string else token.text.lower()))
    return Tokens(sql.encode(), tokens)


def unreadable(error: Exception) -> StatementError:
    """Return the error for a text that sqlglot can't read."""
    # sqlglot underlines with the escape sequences of a terminal.
    detail = re.sub(r"\x1b\[[0-9;]*m", "", str(error)).strip()
    return StatementError(f"This can't be read as BigQuery SQL: {detail}")


def list_items(tokens: Tokens) -> list[Tokens]:
    """Return the comma-separated items of a list; a comma may follow the last."""
    return [tokens[first:stop] for first, stop in tokens.items(0, len(tokens)) if first < stop]


def replace_tokens(tokens: Tokens, replacement_at: Callable[[int], Replacement | None]) -> str:
    """Return the text of tokens, with those that `replacement_at` returns a text for replaced."""
    source = tokens.source_text
    pieces: list[str] = []
    index, copied = 0, tokens[0].start
    while index < len(tokens):
        found = replacement_at(index)
        if found is None:
            index += 1
            continue
        text, stop = found
        pieces += [source[copied : tokens[index].start].decode(), text]
        copied, index = tokens[stop - 1].end, stop
    return "".join([*pieces, source[copied : tokens[len(tokens) - 1].end].decode()])
