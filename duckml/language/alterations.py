"""ALTER MODEL and its forms."""

from __future__ import annotations

from duckml.language.model_names import check_new_name, require_model_name
from duckml.language.option_lists import read_options
from duckml.language.syntax import (
    AlterModel,
    ModelName,
    RenameModel,
    SetAlias,
    SetDefaultVersion,
    SetOptions,
)
from duckml.language.tokens import Tokens
from duckml.names import fold, unquote

_FORMS = (
    "RENAME TO name, SET DEFAULT VERSION n, SET ALIAS alias = n, DROP ALIAS alias "
    "or SET OPTIONS (…)"
)


def parse_alteration(tokens: Tokens) -> AlterModel:
    """Parse ALTER MODEL [IF EXISTS] name and the change after it."""
    if_exists = tokens.words(2, 4) == ["if", "exists"]
    name, index = require_model_name(tokens, 4 if if_exists else 2)
    statement, index = _parse_change(tokens, index, name, if_exists)
    tokens.require_end(index)
    if isinstance(statement, RenameModel):
        check_new_name(statement.new_name)
    return statement


def _parse_change(
    tokens: Tokens, index: int, name: ModelName, if_exists: bool
) -> tuple[AlterModel, int]:
    """Return the statement for the change at `index`, and the index after it."""
    match tokens.words(index, index + 2):
        case ["rename", "to"]:
            new_name, index = require_model_name(tokens, index + 2, "the new name")
            return RenameModel(name, if_exists, new_name), index
        case ["set", "options"]:
            options, index = read_options(tokens, index + 2)
            return SetOptions(name, if_exists, options), index
        case ["set", "default"]:
            index = tokens.require(index + 2, "version", "VERSION")
            tag, index = _read_tag(tokens, index)
            return SetDefaultVersion(name, if_exists, tag), index
        case ["set", "alias"]:
            alias, index = _read_alias(tokens, index + 2)
            index = tokens.require(index, "=", '"=" and a version after the alias')
            tag, index = _read_tag(tokens, index)
            return SetAlias(name, if_exists, alias, tag), index
        case ["drop", "alias"]:
            alias, index = _read_alias(tokens, index + 2)
            return SetAlias(name, if_exists, alias, None), index
    raise tokens.unexpected(index, _FORMS)


def _read_tag(tokens: Tokens, index: int) -> tuple[str, int]:
    """Return a version or an alias, with or without an @ before it, and the index after it."""
    index += tokens.word(index) == "@"
    if not (tokens.is_identifier(index) or tokens.word(index).isdigit()):
        raise tokens.unexpected(index, "the number of a version or an alias")
    return unquote(tokens.text(index)), index + 1


def _read_alias(tokens: Tokens, index: int) -> tuple[str, int]:
    """Return the name of an alias, and the index after it."""
    index += tokens.word(index) == "@"
    if not tokens.is_identifier(index):
        raise tokens.unexpected(index, "an alias, a name such as champion")
    name = unquote(tokens.text(index))
    # A number would be a version, and DEFAULT already means one.
    if not name or "@" in name or name.isdigit() or fold(name) == "default":
        raise tokens.error(
            index, "An alias is a name without @ that is not a number, and not the word default."
        )
    return name, index + 1
