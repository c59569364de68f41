"""A client's statement: its text, its command, and its outline and models for logs and metrics.

Tools send the same few texts again and again, so a bounded number of statements is kept by text.
The tokens of a statement are not kept: those of long texts would need too much memory.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import duckdb

from duckml.language.parser import might_concern_us, parse, split
from duckml.language.syntax import Query
from duckml.language.tokens import Token, Tokens, tokenize
from duckml.server.session.command_parser import parse_command
from duckml.server.session.commands import Command, NoOperation

KEPT_CHARACTERS = 4000  # a thousand longer texts would need too much memory
_KEPT_STATEMENTS = 1024
_LOGGED_CHARACTERS = 2000


@dataclass(frozen=True, eq=False)
class ClientStatement:
    """One statement as a client has sent it.

    `outline` is the text without its literals and comments. `macros` are the models whose stored
    functions the text calls.
    """

    text: str
    command: Command
    outline: str
    macros: frozenset[str]

    @property
    def is_empty(self) -> bool:
        """Return whether the text has no tokens."""
        return self.command == NoOperation("")

    @functools.cached_property
    def models(self) -> frozenset[str]:
        """Return the models that the statement names, in PREDICT or by their functions."""
        if not might_concern_us(self.text):
            return frozenset()
        try:
            statements = parse(self.text).statements
        except duckdb.Error:
            return frozenset()  # a statement that can't be parsed is logged as well
        queries = [statement for statement in statements if isinstance(statement, Query)]
        return self.macros | {str(call.model) for query in queries for call in query.calls}


def client_statement(text: str) -> ClientStatement:
    """Return the statement of a text.

    Raises WireError where a command of PostgreSQL is misspelt or not supported.
    """
    return _kept(text) if len(text) < KEPT_CHARACTERS else _read(text)


def split_statements(text: str) -> list[ClientStatement]:
    """Return the statements of a text, without the semicolons between them.

    Raises WireError as client_statement does.
    """
    if ";" not in text:
        statement = client_statement(text)
        return [] if statement.is_empty else [statement]
    return [client_statement(part) for part in split(text)]


def has_several_statements(text: str) -> bool:
    """Return whether a text holds more than one statement."""
    return ";" in text and len(split(text)) > 1


def _read(text: str) -> ClientStatement:
    tokens = tokenize(text)
    command = parse_command(text, tokens)
    return ClientStatement(text, command, _outline(tokens), _models_of_macros(tokens))


_kept = functools.lru_cache(maxsize=_KEPT_STATEMENTS)(_read)


def _outline(tokens: Tokens) -> str:
    words: list[str] = []
    for token in tokens:
        if token.text[0].isdigit() and words[-1:] == ["$"]:
            words[-1] += token.text  # $1 is a parameter
        elif _is_literal(token):
            words.append("?")
        else:
            words.append(token.text)
    return " ".join(words)[:_LOGGED_CHARACTERS]


def _is_literal(token: Token) -> bool:
    if token.text in {".", "$"}:
        return False
    # DuckDB's lexer calls some strings names and operators: E'…' and $$…$$ among them.
    is_string = token.text[0] in "'$" or token.text[:2].lower() in {"e'", "x'", "b'"}
    return token.is_constant or is_string


def _models_of_macros(tokens: Tokens) -> frozenset[str]:
    # predict_<model> and predict_proba_<model> are the macros that each model has.
    names = [token.word for token in tokens if token.is_identifier]
    macros = [name.removeprefix("predict_") for name in names if name.startswith("predict_")]
    return frozenset(name.removeprefix("proba_") for name in macros)
