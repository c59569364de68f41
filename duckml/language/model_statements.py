"""Statements about models: CREATE, RETRAIN, DROP, EXPORT, SHOW and DESCRIBE MODEL."""

from __future__ import annotations

from duckml.language.alterations import parse_alteration
from duckml.language.model_names import check_new_name, require_model_name
from duckml.language.option_lists import read_options
from duckml.language.queries import parse_query
from duckml.language.syntax import (
    CopyModel,
    CreateModel,
    DescribeModel,
    DropModel,
    ExportModel,
    Options,
    Query,
    RetrainModel,
    ShowModels,
    Span,
    Statement,
)
from duckml.language.tokens import Tokens

# DuckDB has statements that begin with these words, too. Only `MODEL name` after them is ours.
_VERBS = frozenset({"drop", "describe", "desc", "alter", "export", "retrain"})
# `DESCRIBE model` is a statement of DuckDB about a table of this name; `DROP model` is none.
_VERBS_WITH_KIND = frozenset({"drop", "alter", "export", "retrain"})


def parse_model_statement(tokens: Tokens, segment: Span) -> Statement | None:
    """Return the statement if it is about models, None if it is DuckDB's.

    `segment` are the bytes of the whole statement. Raises StatementError for a statement about
    models that is written wrongly.
    """
    first, second = tokens.word(0), tokens.word(1)
    if first == "create" and second == "model":
        return _parse_create(tokens, segment)
    if tokens.words(0, 4) == ["create", "or", "replace", "model"]:
        return _parse_create(tokens, segment)
    if first == "create" and second in {"temp", "temporary"} and tokens.word(2) == "model":
        raise tokens.error(
            1,
            "Temporary models are not supported: a model is stored in a database file. "
            "Write CREATE MODEL.",
        )
    if first == "show" and second == "models":
        return _parse_show(tokens)
    if first == "explain" and second == "create" and "model" in (tokens.word(2), tokens.word(4)):
        raise tokens.error(0, "CREATE MODEL has no plan to explain. EXPLAIN its query instead.")
    if second != "model":
        return None
    if first in _VERBS and (tokens.is_identifier(2) or tokens.is_string(2)):
        return _parse_verb(tokens, first)
    if first in _VERBS_WITH_KIND:
        raise tokens.error(2, "Expected the name of a model.")
    return None


def _parse_verb(tokens: Tokens, verb: str) -> Statement:
    """Parse a statement `verb MODEL name …`."""
    if verb == "drop":
        return _parse_drop(tokens)
    if verb == "alter":
        return parse_alteration(tokens)
    name, index = require_model_name(tokens, 2)
    if verb == "export":
        return ExportModel(name, _read_export_options(tokens, index))
    options: Options = ()
    if verb == "retrain" and tokens.word(index) == "options":
        options, index = read_options(tokens, index + 1)
    tokens.require_end(index)
    return RetrainModel(name, options) if verb == "retrain" else DescribeModel(name)


def _parse_create(tokens: Tokens, segment: Span) -> CreateModel | CopyModel:
    """Parse CREATE [OR REPLACE] MODEL [IF NOT EXISTS] name, and what follows.

    That is [TRANSFORM (…)] [OPTIONS (…)] AS query, or FROM MODEL name.
    """
    or_replace = tokens.word(1) == "or"
    index = 4 if or_replace else 2
    if_not_exists = tokens.word(index) == "if"
    if if_not_exists:
        index = tokens.require(index + 1, "not", "NOT EXISTS")
        index = tokens.require(index, "exists", "EXISTS")
    if or_replace and if_not_exists:
        raise tokens.error(
            index - 1, "OR REPLACE and IF NOT EXISTS contradict each other: choose one."
        )
    name, index = require_model_name(tokens, index)
    check_new_name(name)
    if tokens.words(index, index + 2) == ["from", "model"]:
        source, index = require_model_name(tokens, index + 2)
        tokens.require_end(index)
        return CopyModel(name, or_replace, if_not_exists, source)
    transform, options, index = _read_clauses(tokens, index)
    is_import = any(option == "model_path" for option, _ in options)
    if is_import and transform is None and index >= len(tokens):
        return CreateModel(name, or_replace, if_not_exists, None, options, None)
    query = _parse_training_query(tokens, segment, index, has_options=bool(options))
    return CreateModel(name, or_replace, if_not_exists, transform, options, query)


def _read_clauses(tokens: Tokens, index: int) -> tuple[Span | None, Options, int]:
    """Return TRANSFORM and OPTIONS, in either order, and the index after them."""
    transform: Span | None = None
    options: Options = ()
    # BigQuery ML expects TRANSFORM first.
    while tokens.word(index) in {"transform", "options"}:
        if tokens.word(index) == "options":
            if options:
                raise tokens.error(index, "OPTIONS is given twice.")
            options, index = read_options(tokens, index + 1)
        else:
            if transform is not None:
                raise tokens.error(index, "TRANSFORM is given twice.")
            transform, index = _read_transform(tokens, index + 1)
    return transform, options, index


def _read_transform(tokens: Tokens, opening: int) -> tuple[Span, int]:
    """Return the list in brackets, and the index after them."""
    tokens.require(opening, "(", '"(" after TRANSFORM')
    stop = tokens.closing(opening)
    if stop == opening + 1:
        raise tokens.error(
            stop, "Expected expressions, as in a SELECT list: TRANSFORM (ln(area) AS area, price)."
        )
    return tokens.span(opening + 1, stop), stop + 1


def _parse_training_query(tokens: Tokens, segment: Span, index: int, has_options: bool) -> Query:
    """Parse AS query at `index`."""
    expected = "AS and a query" if has_options else "OPTIONS (…) or AS and a query"
    index = tokens.require(index, "as", expected)
    if index >= len(tokens):
        raise tokens.error(index, "Expected the training query after AS.")
    # OPTIONS after the query would be an alias of its last table with names of columns.
    for late in range(index + 1, len(tokens) - 1):
        is_list = tokens.words(late, late + 2) == ["options", "("]
        if is_list and tokens.closing(late + 1) == len(tokens) - 1:
            raise tokens.error(
                late, "OPTIONS (…) goes before AS: CREATE MODEL name OPTIONS (…) AS SELECT …."
            )
    return parse_query(tokens, segment, index)


def _read_export_options(tokens: Tokens, index: int) -> Options:
    """Return the options of EXPORT MODEL name TO 'file' [(option …)].

    Or, as BigQuery ML writes it, of EXPORT MODEL name OPTIONS (uri = 'file').
    """
    if tokens.word(index) == "options":
        options, index = read_options(tokens, index + 1)
        tokens.require_end(index)
        return options
    index = tokens.require(index, "to", "TO 'file.onnx'")
    if not tokens.is_string(index):
        raise tokens.error(index, "Expected the path of a file in single quotes after TO.")
    path = ("uri", tokens.span(index, index + 1))
    index += 1
    options = ()
    if tokens.word(index) == "(":
        options, index = read_options(tokens, index, as_copy=True)
    tokens.require_end(index)
    return (path, *options)


def _parse_drop(tokens: Tokens) -> DropModel:
    """Parse DROP MODEL [IF EXISTS] name."""
    if_exists = tokens.words(2, 4) == ["if", "exists"]
    name, stop = require_model_name(tokens, 4 if if_exists else 2)
    tokens.require_end(stop)
    return DropModel(name, if_exists)


def _parse_show(tokens: Tokens) -> ShowModels:
    """Parse SHOW MODELS [LIKE 'pattern']."""
    if len(tokens) == 2:
        return ShowModels(None)
    index = tokens.require(2, "like", "LIKE 'pattern' or the end of the statement")
    text = tokens.text(index)
    if not (len(text) > 1 and text[0] == text[-1] == "'"):
        raise tokens.error(
            index, "Expected a pattern in single quotes after LIKE, such as 'house%'."
        )
    tokens.require_end(index + 1)
    return ShowModels(text[1:-1].replace("''", "'"))
