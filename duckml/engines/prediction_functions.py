"""The SQL functions that compute predictions, registered with DuckDB.

The macros of models call them. One set of functions serves all sessions of a database instance.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
import pyarrow as pa

from duckml.database.sessions import Native, read, sibling_session
from duckml.language.prediction_sql import PREDICT_FUNCTION, PROBABILITIES_FUNCTION
from duckml.names import literal

_ENGINE_FUNCTION = "duckml_engine"
_HOSTED_FUNCTION = "duckml_hosted"

# Functions that DuckDB may still call. They are never freed: DuckDB keeps the pointers after the
# cursor that registered them has closed, and would end the process.
_registered: list[object] = []

_install_lock = threading.Lock()


@dataclass(frozen=True)
class PredictionFunctions:
    """The Python functions to register.

    Each gets a column of a model's key, then one column per feature, for one chunk of rows.
    """

    predict: Callable[[pa.ChunkedArray, *tuple[pa.ChunkedArray, ...]], pa.Array]
    probabilities: Callable[[pa.ChunkedArray, *tuple[pa.ChunkedArray, ...]], pa.Array]


def installed_engine(con: Native) -> str | None:
    """Return the engine of a database instance and its device, such as 'python:cpu'.

    Returns None if no engine is installed yet.
    """
    with sibling_session(con) as session:
        return _installed_engine(session)


def _installed_engine(session: Native) -> str | None:
    try:
        return str(read(session, f"SELECT system.main.{_ENGINE_FUNCTION}()")[0][0])
    except duckdb.CatalogException:
        return None


def install_once(con: Native, install: Callable[[Native], None]) -> str:
    """Call `install` unless the database instance has an engine, and return the engine's name.

    `install` gets a session outside of transactions, because a rollback would undo a registration.
    """
    with _install_lock, sibling_session(con) as session:
        if _installed_engine(session) is None:
            install(session)
        return str(_installed_engine(session))


def register(session: Native, engine: str, functions: PredictionFunctions) -> None:
    """Register an engine's functions; `engine` is what `installed_engine` returns from then on."""

    def engine_name() -> str:
        return engine

    _registered.extend((functions, engine_name))
    # DuckDB's stubs accept enumerations only; its documentation gives their names as strings.
    create: Any = session.create_function

    def create_over_columns(name: str, function: Callable[..., pa.Array], returns: str) -> None:
        create(name, function, None, returns, type="arrow", null_handling="special")

    create_over_columns(PREDICT_FUNCTION, functions.predict, "DOUBLE")
    create_over_columns(PROBABILITIES_FUNCTION, functions.probabilities, "DOUBLE[]")
    create(_ENGINE_FUNCTION, engine_name, [], "VARCHAR")


def loads_from_python(con: Native) -> bool:
    """Return whether the native engine of a database asks this process for models."""
    with sibling_session(con) as session:
        return bool(read(session, f"SELECT system.main.{_HOSTED_FUNCTION}()")[0][0])


def call(
    con: Native,
    function: str,
    key: str,
    features: Sequence[Callable[[str], str]],
    columns: Sequence[pa.Array],
) -> pa.Array:
    """Return the result of a prediction function for a model.

    `features` return the SQL expression of each argument, given the name of its column.
    """
    names = [f"c{position}" for position in range(len(columns))]
    arguments = [literal(key)]
    arguments += [feature(name) for feature, name in zip(features, names, strict=True)]
    with sibling_session(con) as session:
        session.register("__rows", pa.table(dict(zip(names, columns, strict=True))))
        query = f"SELECT system.main.{function}({', '.join(arguments)}) AS result FROM __rows"
        return Native.sql(session, query).to_arrow_table()["result"].combine_chunks()
