"""Arguments of a call after the model: values, or rows and settings."""

from __future__ import annotations

from duckml.language.syntax import Argument, Options, Span
from duckml.language.tokens import Tokens
from duckml.names import fold, unquote

_SETTING_FUNCTIONS = frozenset({"struct", "generate_series", "range", "list_value"})


def read_argument(tokens: Tokens, first: int, stop: int) -> Argument:
    """Return the argument of a scalar call between two tokens."""
    if first >= stop:
        raise tokens.error(first, "Expected an argument.")
    # sqlglot writes predict('m', a) as PREDICT(MODEL 'm', TABLE a).
    if tokens.word(first) == "table" and stop - first > 1:
        first += 1
    if tokens.word(first + 1) in {":=", "=>"} and tokens.is_identifier(first):
        return _named_argument(tokens, first, stop)
    value = tokens.span(first, stop)
    if tokens.word(stop - 1) == "*" and (stop - first == 1 or tokens.word(stop - 2) == "."):
        nothing = Span(value.start, value.start)
        qualifier = tokens.span(first, stop - 2) if stop - first > 2 else nothing
        return Argument(value, star=qualifier)
    if _is_column(tokens, first, stop):
        return Argument(value, column=unquote(tokens.text(stop - 1)))
    return Argument(value)


def _named_argument(tokens: Tokens, first: int, stop: int) -> Argument:
    name = tokens.text(first)
    if first + 2 >= stop:
        raise tokens.error(first + 2, f"Expected an expression after {name} :=.")
    return Argument(tokens.span(first + 2, stop), name=unquote(name))


def _is_column(tokens: Tokens, first: int, stop: int) -> bool:
    """Return whether tokens are a column reference: names with dots between them."""
    names, dots = range(first, stop, 2), range(first + 1, stop, 2)
    return (
        (stop - first) % 2 == 1
        and all(tokens.is_identifier(index) for index in names)
        and all(tokens.word(index) == "." for index in dots)
    )


def input_table(tokens: Tokens, function: str, items: list[tuple[int, int]]) -> Span | None:
    """Return the rows of a call in FROM, None if the call has none.

    They are `TABLE t`, a name, a table function, or a query in brackets.
    """
    if not items or _is_setting(tokens, items[0][0]):
        return None
    name = function.upper()
    if len(items) > 2 or (len(items) > 1 and not _is_setting(tokens, items[1][0])):
        raise tokens.error(
            items[-1][0],
            f"{name} takes a model, one table or query, and settings: STRUCT(value AS name).",
        )
    first, stop = items[0]
    if tokens.word(first) == "table" and stop - first > 1:
        first += 1
    if first >= stop or not _is_table(tokens, first, stop):
        raise tokens.error(
            min(first, stop),
            f"In FROM, {name} takes a table or a query in brackets: {name}(MODEL m, TABLE t) "
            "or (MODEL m, (SELECT …)).",
        )
    return tokens.span(first, stop)


def _is_table(tokens: Tokens, first: int, stop: int) -> bool:
    """Return whether tokens are a name, a table function, a string, or in brackets."""
    if tokens.is_string(first):
        return True
    if tokens.word(first) == "(":
        return tokens.closing(first) == stop - 1
    if tokens.word(first) in {"select", "with", "from", "values"}:
        return True  # a query whose brackets a tool has dropped
    index = first
    while tokens.is_identifier(index) and index < stop:
        index += 1
        if tokens.word(index) != ".":
            break
        index += 1
    if index == stop:
        return True
    return tokens.word(index) == "(" and index > first and tokens.closing(index) == stop - 1


def call_settings(tokens: Tokens, function: str, items: list[tuple[int, int]]) -> Options:
    """Return the settings in STRUCT(value AS name, …), the last argument of a call in FROM.

    A list instead of a STRUCT is the thresholds of ROC_CURVE.
    """
    if not items or not _is_setting(tokens, items[-1][0]):
        return ()
    first, stop = items[-1]
    if tokens.word(first) == "{":  # sqlglot writes a STRUCT like this
        fields = tokens.items(first + 1, stop - 1)
        return tuple(_braced_setting(tokens, function, *field) for field in fields)
    if tokens.word(first) == "struct":
        fields = tokens.items(first + 2, stop - 1)
        return tuple(_aliased_setting(tokens, function, *field) for field in fields)
    return (("thresholds", tokens.span(first, stop)),)


def _is_setting(tokens: Tokens, index: int) -> bool:
    """Return whether an argument is a STRUCT of settings or a list of thresholds."""
    if tokens.word(index) in {"[", "{"}:
        return True
    return tokens.word(index) in _SETTING_FUNCTIONS and tokens.word(index + 1) == "("


def _aliased_setting(tokens: Tokens, function: str, begin: int, end: int) -> tuple[str, Span]:
    """Return a setting written as value AS name."""
    if end - begin < 3 or tokens.word(end - 2) != "as":
        raise tokens.error(begin, f"Expected STRUCT(value AS name) in {function.upper()}.")
    return fold(unquote(tokens.text(end - 1))), tokens.span(begin, end - 2)


def _braced_setting(tokens: Tokens, function: str, begin: int, end: int) -> tuple[str, Span]:
    """Return a setting written as 'name': value."""
    if end - begin < 3 or tokens.word(begin + 1) != ":":
        raise tokens.error(begin, f"Expected STRUCT(value AS name) in {function.upper()}.")
    return fold(tokens.text(begin).strip("'\"")), tokens.span(begin + 2, end)
