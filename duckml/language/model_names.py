"""Names of models, in a statement and in a string such as 'schema.name@3'."""

from __future__ import annotations

import re

from duckml.errors import StatementError
from duckml.language.syntax import ModelName
from duckml.language.tokens import Tokens, tokenize
from duckml.names import unquote

_MOST_PARTS = 3  # database, schema and name
# In a string a name needs no quotes for its blanks: 'my schema.my model@2'.
_PLAIN_NAME = re.compile(r"([^\"@.]+(?:\.[^\"@.]+){0,2})(?:@([^@.\"]+))?")


def model_name(text: str) -> ModelName:
    """Parse a string such as 'schema.name@3'.

    Raises StatementError if it isn't the name of a model.
    """
    if not isinstance(text, str):
        raise StatementError(f"A model's name is a string, not {text!r}.")
    tokens = tokenize(text)
    found = None if text.startswith("'") else match_model_name(tokens, 0)
    if found is not None and found[1] == len(tokens):
        return found[0]
    if plain := _PLAIN_NAME.fullmatch(text):
        return ModelName(tuple(plain[1].split(".")), plain[2])
    raise StatementError(
        f"'{text}' is not a model's name. Write name, schema.name or name@version."
    )


def match_model_name(tokens: Tokens, index: int) -> tuple[ModelName, int] | None:
    """Return the model's name at `index` and the index after it, None if there is no name."""
    if tokens.is_string(index):
        try:
            return model_name(tokens.text(index)[1:-1].replace("''", "'")), index + 1
        except StatementError:
            return None
    parts: list[str] = []
    while tokens.is_identifier(index) and len(parts) < _MOST_PARTS:
        parts.append(unquote(tokens.text(index)))
        index += 1
        if tokens.word(index) != ".":
            break
        index += 1
    if not parts or tokens.word(index - 1) == ".":
        return None
    tag = None
    if tokens.word(index) == "@" and index + 1 < len(tokens):
        tag = unquote(tokens.text(index + 1))
        index += 2
    return ModelName(tuple(parts), tag), index


def require_model_name(
    tokens: Tokens, index: int, expected: str = "the name of a model"
) -> tuple[ModelName, int]:
    """Return the model's name at `index` and the index after it.

    Raises StatementError if there is no name.
    """
    found = match_model_name(tokens, index)
    if found is None:
        raise tokens.unexpected(index, expected)
    return found


def check_new_name(name: ModelName) -> None:
    """Raise StatementError if a new model can't have this name."""
    if name.tag is not None or "@" in name.name:
        raise StatementError(
            f"A new model can't be named '{name}': an @ precedes a version, "
            "and CREATE MODEL numbers the versions itself."
        )
