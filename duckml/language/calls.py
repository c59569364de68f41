"""Calls of duckml's functions among the tokens of a statement."""

from __future__ import annotations

from duckml.language.call_arguments import call_settings, input_table, read_argument
from duckml.language.clauses import clause_before, is_distinct_on, is_in_from
from duckml.language.definitions import defined_kind
from duckml.language.functions import SQL_FUNCTIONS
from duckml.language.model_names import match_model_name
from duckml.language.syntax import Call, ModelName
from duckml.language.tokens import Tokens

# After one of these, `predict (` is a name of the user's with a list of columns.
_BEFORE_NAMES = frozenset(
    {"table", "into", "macro", "function", "view", "exists", "index", "update", "sequence"}
    | {"type", "with", "recursive", "prepare", "execute", "copy", "references", "schema"}
    | {"deallocate"}
)
# After one of these, `model` is a column of the user's.
_OPERATOR_WORDS = frozenset(
    {"is", "in", "not", "like", "ilike", "similar", "glob", "between", "and", "or", "collate"}
    | {"at", "isnull", "notnull"}
)


def find_calls(tokens: Tokens, first: int) -> tuple[Call, ...]:
    """Return the calls from a token on, in the order of their names.

    Raises StatementError for a call of duckml that is written wrongly.
    """
    found = (_call_at(tokens, index) for index in range(first, len(tokens)))
    return tuple(call for call in found if call is not None)


def _call_at(tokens: Tokens, index: int) -> Call | None:
    """Return the call whose name is at `index`, None if no call of duckml is there."""
    function = tokens.word(index)
    if tokens.word(index + 1) != "(":
        return None
    is_prefixed = tokens.word(index - 1) == "." and tokens.word(index - 2) == "ml"
    if function not in SQL_FUNCTIONS:
        if is_prefixed and tokens.word(index + 2) == "model":
            raise tokens.error(
                index,
                f"ML.{function.upper()} is not supported: docs/not-here.md states why "
                "and what to use instead.",
            )
        return None
    has_prefix = is_prefixed and tokens.word(index - 3) != "."
    start = index - 2 if has_prefix else index
    closing = tokens.closing(index + 1)
    if _is_name_of_user(tokens, start, closing):
        return None
    items = tokens.items(index + 2, closing)
    model = _model_argument(tokens, *items[0]) if items else None
    if model is None:
        return None
    name, is_explicit = model
    in_from = is_in_from(tokens, start)
    arguments = items[1:]
    return Call(
        function=function,
        model=name,
        span=tokens.span(start, closing + 1),
        arguments=() if in_from else tuple(read_argument(tokens, *item) for item in arguments),
        explicit=is_explicit,
        in_from=in_from,
        table=input_table(tokens, function, arguments) if in_from else None,
        settings=call_settings(tokens, function, arguments) if in_from else (),
    )


def _is_name_of_user(tokens: Tokens, start: int, closing: int) -> bool:
    """Return whether `predict (…)` is a name with a list of columns, and no call.

    As in FROM t predict(a), FROM t AS predict(a), WITH predict(a) AS (…), INSERT INTO predict (a).
    """
    before = tokens.word(start - 1)
    if before == "." or before in _BEFORE_NAMES:
        return True
    if before == "as":
        return not _is_before_macro_body(tokens, start - 1)
    if before == "on" and defined_kind(tokens) == "index":
        return True
    after = tokens.word(closing + 2)
    if tokens.word(closing + 1) == "as" and after in {"(", "materialized", "not"}:
        return True
    if start == 0:
        return False
    if before == ")":
        clause = clause_before(tokens, start)
        return clause is None or not is_distinct_on(tokens, clause)
    return tokens[start - 1].is_identifier or tokens.text(start - 1).endswith('"')


def _is_before_macro_body(tokens: Tokens, index: int) -> bool:
    """Return whether an AS is the one before the body of a macro."""
    if defined_kind(tokens) not in {"macro", "function"}:
        return False
    # The body follows the first AS that is in no clause of a query.
    return not any(
        tokens.word(position) == "as" and clause_before(tokens, position) is None
        for position in range(index)
    )


def _model_argument(tokens: Tokens, first: int, stop: int) -> tuple[ModelName, bool] | None:
    """Return the model that the first argument names, and whether MODEL precedes the name.

    None if the argument names no model. Then the call is of a function of the user's.
    """
    if first >= stop:
        return None
    has_model = tokens.word(first) == "model" and _can_be_name(tokens, first + 1, stop)
    found = match_model_name(tokens, first + has_model)
    if found is not None and found[1] == stop:
        return found[0], has_model
    if has_model:
        raise tokens.error(first + 1, "Expected the name of a model after MODEL.")
    return None


def _can_be_name(tokens: Tokens, index: int, stop: int) -> bool:
    if index >= stop or tokens.word(index) in _OPERATOR_WORDS:
        return False
    return tokens.is_string(index) or tokens.is_identifier(index)
