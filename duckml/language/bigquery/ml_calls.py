"""Queries in BigQuery's SQL with calls of ML functions.

sqlglot doesn't know the functions' arguments. Each call becomes a plain name while sqlglot
translates the query, and a call in duckml's grammar afterwards.
"""

from __future__ import annotations

import re
from collections.abc import Collection

from duckml.errors import StatementError
from duckml.language.bigquery.lexer import Replacement, list_items, replace_tokens
from duckml.language.bigquery.model_paths import read_path, require_path_end
from duckml.language.bigquery.sqlglot_translation import translate_expression, translate_sql
from duckml.language.functions import SQL_FUNCTIONS, TRANSFORM_FUNCTIONS
from duckml.language.tokens import Tokens
from duckml.names import quote

_PLACEHOLDER = "__duckml_call_{}__"
_PLACEHOLDERS = re.compile(r"__duckml_call_(\d+)__")


def translate_query(tokens: Tokens, databases: Collection[str]) -> str:
    """Return a query, or a statement without models, as DuckDB's SQL with duckml's calls."""
    if not tokens:
        raise StatementError("Expected a query.")
    calls: list[str] = []

    def placeholder_at(index: int) -> Replacement | None:
        found = _call_at(tokens, index, databases)
        if found is None:
            return None
        call, stop = found
        calls.append(call)
        return _PLACEHOLDER.format(len(calls) - 1), stop

    sql = translate_sql(replace_tokens(tokens, placeholder_at), databases)
    return _PLACEHOLDERS.sub(lambda found: calls[int(found[1])], sql)


def _call_at(tokens: Tokens, index: int, databases: Collection[str]) -> Replacement | None:
    """Return the call that begins at a token, in duckml's grammar, and the index after it."""
    words = tokens.words(index, index + 4)
    is_prefixed = words[:2] == ["ml", "."] and words[3:] == ["("]
    has_model = words[1:3] == ["(", "model"]
    if words[1:2] == ["("] and not has_model and _is_scalar(words[0]):
        if tokens.word(index - 1) == ".":
            return None  # a function of the user's
        stop = tokens.closing(index + 1)
        return _scalar_call(words[0], tokens[index + 2 : stop], databases), stop + 1
    if not is_prefixed and not (words[0] == "predict" and has_model):
        return None
    function = words[2] if is_prefixed else words[0]
    if function not in SQL_FUNCTIONS or not SQL_FUNCTIONS[function].is_table:
        raise _misplaced(function)
    opening = index + (3 if is_prefixed else 1)
    stop = tokens.closing(opening)
    if stop == opening + 1:
        raise StatementError(
            f"ML.{function.upper()} needs a model: ML.{function.upper()}(MODEL name, …)."
        )
    return _table_call(function, tokens[opening + 1 : stop], databases), stop + 1


def _is_scalar(word: str) -> bool:
    return word in SQL_FUNCTIONS and SQL_FUNCTIONS[word].is_scalar


def _misplaced(function: str) -> StatementError:
    """Return the error for an ML function that isn't a table function of duckml."""
    if function in TRANSFORM_FUNCTIONS:
        return StatementError(
            f"ML.{function.upper()} is supported in TRANSFORM (…) of CREATE MODEL only."
        )
    return StatementError(
        f"ML.{function.upper()} is not supported: docs/not-here.md states why "
        "and what to use instead."
    )


def _table_call(function: str, tokens: Tokens, databases: Collection[str]) -> str:
    """Return the call of a table function with these arguments."""
    name = function.upper()
    arguments = list_items(tokens)
    if arguments[0].word(0) != "model":
        raise StatementError(
            f"ML.{name} begins with MODEL and its name, not {arguments[0].source()}."
        )
    model, stop = read_path(arguments[0], 1, databases)
    require_path_end(arguments[0], stop)
    rendered = [f"MODEL {model}", *(_table_argument(a, databases) for a in arguments[1:])]
    return f"{name}({', '.join(rendered)})"


def _table_argument(argument: Tokens, databases: Collection[str]) -> str:
    match argument.word(0):
        case "table":
            table, stop = read_path(argument, 1, databases)
            require_path_end(argument, stop)
            return f"TABLE {table}"
        case "(":
            return f"({translate_query(argument[1:-1], databases)})"
        case "struct":
            return _settings(argument, databases)
    return translate_expression(argument.source(), databases)


def _settings(tokens: Tokens, databases: Collection[str]) -> str:
    """Return STRUCT(value AS name, …) or STRUCT(value name) with its values translated."""
    items = []
    for item in list_items(tokens[2:-1]):
        name_length = 2 if len(item) > 2 and item.word(len(item) - 2) == "as" else 1
        if tokens.word(1) != "(" or len(item) <= name_length:
            raise StatementError(f"Expected STRUCT(value AS name), found {tokens.source()}.")
        value = translate_expression(item[:-name_length].source(), databases)
        items.append(f"{value} AS {item.text(len(item) - 1)}")
    return f"STRUCT({', '.join(items)})"


def _scalar_call(function: str, tokens: Tokens, databases: Collection[str]) -> str:
    """Return PREDICT(model, value, …) or PREDICT(model, name := value, …), which BigQuery lacks."""
    name = function.upper()
    arguments = list_items(tokens)
    if not arguments:
        raise StatementError(f"{name} needs a model: {name}(name).")
    has_model = arguments[0].word(0) == "model"
    model, stop = read_path(arguments[0], 1 if has_model else 0, databases)
    require_path_end(arguments[0], stop)
    rendered = [model]
    for argument in arguments[1:]:
        if len(argument) > 2 and argument.text(1) == ":=":
            value = translate_expression(argument.source(2), databases)
            rendered.append(f"{quote(argument.text(0))} := {value}")
        else:
            rendered.append(translate_expression(argument.source(), databases))
    return f"{name}({', '.join(rendered)})"
