"""Types of parameters without values: declared by the client, bound by DuckDB or guessed."""

from __future__ import annotations

import itertools
import re
import uuid
from collections.abc import Iterator, Sequence
from typing import Any

import duckdb

from duckml.connection import Connection
from duckml.database import binding
from duckml.server.values import types

# DuckDB's types of parameters that it can't bind.
_UNBOUND = frozenset({"UNKNOWN", '"NULL"'})

# The guesses in order: next to an arithmetic operator, and elsewhere.
_ARITHMETIC_GUESSES = ("DOUBLE", "BIGINT", "INTERVAL", "VARCHAR")
_GUESSES = (
    "VARCHAR",
    "DOUBLE",
    "BIGINT",
    "TIMESTAMP",
    "DATE",
    "INTERVAL",
    "BOOLEAN",
    "VARCHAR[]",
    "BIGINT[]",
)

_NUMBERED = re.compile(r"\$(\d{1,5})\b")
_IN_ARITHMETIC = re.compile(r"(?<!-)[-+*/%]\s*\$(\d+)\b|\$(\d+)\s*[-+*/%](?![>-])")

_Parameters = list[tuple[str, str]]  # number and type of each


def bind_without_values(
    con: Connection, text: str, declared: Sequence[int]
) -> binding.BoundStatement:
    """Return DuckDB's description of a statement whose parameters have no values yet.

    The parameters are in the order of their numbers. `declared` are the object ids that the client
    has given for the first of them, 0 for none. A parameter of unknown type is guessed: a number
    next to + - * / %, elsewhere a string, and the first other type with which DuckDB binds the
    statement if those don't fit.
    """
    bound = _bind_untyped(con, text)
    parameters = _numbered_parameters(bound, declared)
    is_complete = all(kind not in _UNBOUND for _, kind in parameters)
    # Declared types can change those of the columns: then the statement is bound again.
    if is_complete and not any(declared) and bound.result_kind:
        return binding.BoundStatement(
            bound.columns, parameters, bound.result_kind, bound.writes, bound.is_deferred
        )
    problem: Exception | None = None
    for filled in _filled_by_guesses(text, parameters):
        try:
            typed = con.bound(text, [_sample(kind) for _, kind in filled])
        except (duckdb.Error, ValueError) as error:
            problem = problem or error
            continue
        if all(column.sql_type != "UNKNOWN" for column in typed.columns):
            return binding.BoundStatement(typed.columns, filled, typed.result_kind, typed.writes)
    if problem is not None and not bound.result_kind:
        raise problem
    return binding.BoundStatement(bound.columns, parameters, bound.result_kind, bound.writes)


def _bind_untyped(con: Connection, text: str) -> binding.BoundStatement:
    """Return DuckDB's description without values, empty if it needs types first, as for ANY($1)."""
    try:
        return con.bound(text)
    except duckdb.BinderException:
        numbers = {found[1] for found in _NUMBERED.finditer(text)}
        if not numbers:
            raise
        return binding.BoundStatement([], [(number, "UNKNOWN") for number in numbers], "", False)


def _numbered_parameters(bound: binding.BoundStatement, declared: Sequence[int]) -> _Parameters:
    """Return all parameters up to the highest number, with the types that are known."""
    kinds = dict(bound.parameters)
    count = max((int(name) for name in kinds if name.isdigit()), default=0)
    for number, oid in enumerate(declared[:count], start=1):
        kinds[str(number)] = types.sql_type(oid) or kinds.get(str(number), "UNKNOWN")
    names = [str(number) for number in range(1, count + 1)]
    return [(name, kinds.get(name, "UNKNOWN")) for name in names]


def _filled_by_guesses(text: str, parameters: _Parameters) -> Iterator[_Parameters]:
    """Yield the parameters with each combination of guesses for those of unknown type."""
    arithmetic = {found[1] or found[2] for found in _IN_ARITHMETIC.finditer(text)}
    is_complete = all(kind not in _UNBOUND for _, kind in parameters)
    combinations = itertools.product(
        _ARITHMETIC_GUESSES if arithmetic else ("",), ("",) if is_complete else _GUESSES
    )
    for number, other in combinations:
        guesses = {name: number if name in arithmetic else other for name, _ in parameters}
        yield [(name, guesses[name] if kind in _UNBOUND else kind) for name, kind in parameters]


def _sample(kind: str) -> Any:
    """Return a value of a type, with which DuckDB can bind a statement; None if there is none."""
    scalar = kind.removesuffix("[]")
    text = _SAMPLES.get(scalar.partition("(")[0])
    if text is None:
        return None
    return duckdb.Value([text] if kind.endswith("[]") else text, types.native_type(kind))


_SAMPLES = {
    "BIGINT": "1",
    "INTEGER": "1",
    "SMALLINT": "1",
    "TINYINT": "1",
    "HUGEINT": "1",
    "UBIGINT": "1",
    "UINTEGER": "1",
    "USMALLINT": "1",
    "UTINYINT": "1",
    "UHUGEINT": "1",
    "DOUBLE": "1",
    "FLOAT": "1",
    "DECIMAL": "1",
    "VARCHAR": "",
    "JSON": "{}",
    "BOOLEAN": "true",
    "DATE": "2000-01-01",
    "TIME": "00:00:00",
    "BLOB": "",
    "TIMESTAMP": "2000-01-01 00:00:00",
    "TIMESTAMP WITH TIME ZONE": "2000-01-01 00:00:00+00",
    "TIME WITH TIME ZONE": "00:00:00+00",
    "INTERVAL": "1 day",
    "UUID": str(uuid.UUID(int=0)),
}
