"""Lists of options: OPTIONS (name = value, …), and (name value, …) as COPY writes them."""

from __future__ import annotations

from duckml.language.syntax import Options, Span
from duckml.language.tokens import Tokens
from duckml.names import fold, unquote


def read_options(tokens: Tokens, opening: int, as_copy: bool = False) -> tuple[Options, int]:
    """Return the options in brackets, and the index after them.

    `as_copy` accepts values without an equals sign. Raises StatementError for an option that is
    given twice, or has no name or value.
    """
    tokens.require(opening, "(", '"(" after OPTIONS')
    stop = tokens.closing(opening)
    options: dict[str, Span] = {}
    for first, end in tokens.items(opening + 1, stop):
        if first == end or not tokens.is_identifier(first):
            raise tokens.error(first, "Expected an option: name = value.")
        has_sign = tokens.word(first + 1) in {"=", ":="}
        value = first + 1 + has_sign
        if not (has_sign or as_copy) or value >= end:
            raise tokens.error(
                min(first + 1, end),
                f'Expected "= value" after the option "{tokens.text(first)}".',
            )
        name = fold(unquote(tokens.text(first)))
        if name in options:
            raise tokens.error(first, f'The option "{name}" is given twice.')
        options[name] = tokens.span(value, end)
    return tuple(options.items()), stop + 1
