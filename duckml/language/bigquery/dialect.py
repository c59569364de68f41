"""Scripts in BigQuery's SQL → scripts in DuckDB's with duckml's statements.

For `dialect='bigquery'` only. Such a script is generated from a syntax tree, because it is in
another language; SQL in DuckDB's dialect is spliced.
"""

from __future__ import annotations

import re
from collections.abc import Collection

from duckml.errors import NotYetError, StatementError
from duckml.language.bigquery.lexer import (
    Replacement,
    list_items,
    replace_tokens,
    tokenize_bigquery,
)
from duckml.language.bigquery.ml_calls import translate_query
from duckml.language.bigquery.model_paths import read_path
from duckml.language.bigquery.sqlglot_translation import translate_expression
from duckml.language.tokens import Tokens
from duckml.names import fold, literal

_ML_FUNCTION = "__DUCKML_ML_"  # replaces `ML.` before the name of a function of TRANSFORM
_STRUCT = "__DUCKML_STRUCT"
_EXPLAIN = re.compile(r"\s*EXPLAIN\b", re.IGNORECASE)
_TUNING = re.compile(r"\bHPARAM_(RANGE|CANDIDATES)\b", re.IGNORECASE)


def translate(sql: str, databases: Collection[str]) -> str:
    """Return a script in BigQuery's SQL as one in DuckDB's and duckml's.

    `databases` are the attached ones: the project of a name is omitted unless it is one of them.
    Raises StatementError for a text that isn't BigQuery SQL, NotYetError for hyperparameter tuning.
    """
    if not isinstance(sql, str):
        raise StatementError("With dialect = 'bigquery' the statement is a string.")
    # sqlglot reads EXPLAIN as a command, with the rest as a string.
    if explain := _EXPLAIN.match(sql):
        return "EXPLAIN " + translate(sql[explain.end() :], databases)
    folded = {fold(name) for name in databases}
    statements = tokenize_bigquery(sql).statements()
    return ";\n".join(_translate_statement(tokens, folded) for tokens, _ in statements)


def _translate_statement(tokens: Tokens, databases: Collection[str]) -> str:
    words = tokens.words(0, 4)
    try:
        if words[:2] == ["create", "model"]:
            return _translate_create(tokens, 2, databases)
        if words[:2] == ["create", "or"] and words[3:] == ["model"]:
            return _translate_create(tokens, 4, databases)
        if words[:2] in (["alter", "model"], ["drop", "model"], ["export", "model"]):
            return _translate_verb(tokens, databases)
        return translate_query(tokens, databases)
    except IndexError as error:
        raise StatementError(f"The statement ends too early: {tokens.source()}") from error


def _translate_create(tokens: Tokens, index: int, databases: Collection[str]) -> str:
    """Translate CREATE [OR REPLACE] MODEL [IF NOT EXISTS] name and the clauses after it.

    `index` is the one after MODEL.
    """
    head = tokens.source(0, index)
    if tokens[index].word == "if":
        head, index = f"{head} IF NOT EXISTS", index + 3
    name, index = read_path(tokens, index, databases)
    parts = [head, name]
    clauses, index = _read_clauses(tokens, index)
    if "transform" in clauses:
        parts.append(f"TRANSFORM ({_transform(clauses['transform'], databases)})")
    options = _options(clauses.get("options", tokens[:0]), databases)
    _name_target(options)
    parts.append(_option_list(options))
    if index < len(tokens):
        if tokens[index].word != "as":
            raise StatementError(
                f'Expected OPTIONS (…) or AS and a query, found "{tokens[index].text}".'
            )
        parts += ["AS", translate_query(tokens[index + 1 :], databases)]
    return " ".join(parts)


def _read_clauses(tokens: Tokens, index: int) -> tuple[dict[str, Tokens], int]:
    """Return the contents of TRANSFORM (…) and OPTIONS (…), and the index after them."""
    clauses: dict[str, Tokens] = {}
    while tokens.word(index) in {"transform", "options"}:
        word = tokens.word(index)
        stop = tokens.closing(index + 1)
        if word in clauses:
            raise StatementError(f"{tokens[index].text} is given twice.")
        clauses[word] = tokens[index + 2 : stop]
        index = stop + 1
    return clauses, index


def _translate_verb(tokens: Tokens, databases: Collection[str]) -> str:
    """Translate ALTER, DROP or EXPORT MODEL."""
    head, index = tokens.source(0, 2), 2
    if tokens[2].word == "if":
        head, index = f"{head} IF EXISTS", 4
    name, index = read_path(tokens, index, databases)
    rest = tokens[index:]
    words = rest.words()
    if "options" in words:
        opening = words.index("options") + 1
        options = _options(rest[opening + 1 : rest.closing(opening)], databases)
        return f"{head} {name} {rest.source(0, opening - 1)} {_option_list(options)}"
    if words[:2] == ["rename", "to"]:
        new_name, _ = read_path(rest, 2, databases)
        return f"{head} {name} RENAME TO {new_name}"
    return f"{head} {name} {rest.source()}"


def _options(tokens: Tokens, databases: Collection[str]) -> dict[str, str]:
    """Return the SQL of each option in a list, by name."""
    options: dict[str, str] = {}
    for item in list_items(tokens):
        if len(item) < 3 or item.text(1) != "=":
            raise StatementError(f"Expected an option, name = value, found: {item.source()}")
        name, text = item.word(0), item.source(2)
        if name in options:
            raise StatementError(f'The option "{item.text(0)}" is given twice.')
        if _TUNING.search(text):
            raise NotYetError.of(
                "Hyperparameter tuning (HPARAM_RANGE, HPARAM_CANDIDATES)",
                "Train versions with different options and compare them: "
                "docs/how-to/compare-versions.md.",
            )
        options[name] = translate_expression(text, databases)
    return options


def _option_list(options: dict[str, str]) -> str:
    given = ", ".join(f"{option} = {value}" for option, value in options.items())
    return f"OPTIONS ({given})"


def _name_target(options: dict[str, str]) -> None:
    """Set duckml's option for the target.

    In BigQuery ML it may be `labels`. It is the column `label` where none is named.
    """
    if "labels" in options and not re.search(r"[({]", options["labels"]):
        options.setdefault("input_label_cols", options.pop("labels"))
    is_import = "model_path" in options
    if not is_import and not {"input_label_cols", "target"} & set(options):
        options["input_label_cols"] = f"[{literal('label')}]"


def _transform(tokens: Tokens, databases: Collection[str]) -> str:
    """Return the list of a TRANSFORM, with its ML functions and STRUCT unchanged."""

    def kept_name(index: int) -> Replacement | None:
        words = tokens.words(index, index + 4)
        if words[:2] == ["ml", "."] and words[3:] == ["("]:
            return _ML_FUNCTION + words[2].upper(), index + 3
        if words[:2] == ["struct", "("]:
            return _STRUCT, index + 1
        return None

    sql = translate_expression(replace_tokens(tokens, kept_name), databases)
    return re.sub(_ML_FUNCTION, "ML.", sql, flags=re.IGNORECASE).replace(_STRUCT, "STRUCT")
