"""The SQL functions that serve models, registered with DuckDB from Python."""

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


# A function that DuckDB still calls must never be freed: closing the cursor that registered it, or the last connection
# of two, would otherwise leave DuckDB with a dangling pointer and end the process. So every one lives for ever.
_PINNED: list[object] = []


_register_lock = threading.Lock()


def engine_in_use(con: Native) -> str | None:
    """What serves predictions in the database of a session, such as 'python:cpu'; None when nothing does yet."""
    with sibling_session(con) as session:
        return _engine_in_use(session)


def _engine_in_use(session: Native) -> str | None:
    try:
        return str(read(session, f"SELECT system.main.{_ENGINE_FUNCTION}()")[0][0])
    except duckdb.CatalogException:
        return None


@dataclass(frozen=True)
class ServingFunctions:
    """The Python functions behind the macros of models: the key of a model, then its features, chunk by chunk."""

    predict: Callable[[pa.ChunkedArray, *tuple[pa.ChunkedArray, ...]], pa.Array]
    probabilities: Callable[[pa.ChunkedArray, *tuple[pa.ChunkedArray, ...]], pa.Array]


def serve(con: Native, put: Callable[[Native], None]) -> str:
    """Let `put` bring functions behind every model's macros into this database instance, unless it has some already.

    The answer is what serves there now. One set of functions holds for every session of the instance. Done on a session
    of its own, outside transactions, because a registration is undone with the transaction that it is made in.
    """
    with _register_lock, sibling_session(con) as session:
        if _engine_in_use(session) is None:
            put(session)
        return str(_engine_in_use(session))


def register(session: Native, description: str, functions: ServingFunctions) -> None:
    """Put Python functions behind the macros; `description` is what `engine_in_use` answers then."""

    def engine() -> str:
        return description

    _PINNED.extend((functions, engine))
    # DuckDB's stubs know the enumerations only; its Python package documents their names.
    create: Any = session.create_function
    create(
        PREDICT_FUNCTION, functions.predict, None, "DOUBLE", type="arrow", null_handling="special"
    )
    create(
        PROBABILITIES_FUNCTION,
        functions.probabilities,
        None,
        "DOUBLE[]",
        type="arrow",
        null_handling="special",
    )
    create(_ENGINE_FUNCTION, engine, [], "VARCHAR")


def is_hosted(con: Native) -> bool:
    """Whether the native engine of a database asks this process for models."""
    with sibling_session(con) as session:
        return bool(read(session, f"SELECT system.main.{_HOSTED_FUNCTION}()")[0][0])


def call(
    con: Native,
    function: str,
    key: str,
    features: Sequence[Callable[[str], str]],
    columns: Sequence[pa.Array],
) -> pa.Array:
    """What a function behind the macros answers for a model and its features, each a SQL expression over a column."""
    names = [f"c{position}" for position in range(len(columns))]
    arguments = [
        literal(key),
        *(feature(name) for feature, name in zip(features, names, strict=True)),
    ]
    with sibling_session(con) as session:
        session.register("__rows", pa.table(dict(zip(names, columns, strict=True))))
        query = f"SELECT system.main.{function}({', '.join(arguments)}) AS answer FROM __rows"
        return Native.sql(session, query).to_arrow_table()["answer"].combine_chunks()
