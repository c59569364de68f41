"""The seam: every question that duckml puts to DuckDB goes through here.

Reads go through `DuckDBPyConnection.sql`, which never discards a result that the user is still fetching; statements of
the user's own go through the method that the user called, in the user's frame, so that DuckDB finds the DataFrames that
the statement names. Methods are taken from DuckDB's class, because a duckml connection overrides them.
"""

from __future__ import annotations

import contextlib
import functools
import getpass
import json
import os
import re
import signal
import socket
import threading
import uuid
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from types import CodeType, FrameType
from typing import Any, TypeVar

import duckdb
import pyarrow as pa

from duckml.errors import ReadOnlyError, StatementError
from duckml.names import fold, literal, quote
from duckml.serving import PREDICT_FUNCTION, PROBABILITIES_FUNCTION

Native = duckdb.DuckDBPyConnection
T = TypeVar("T")

_LINE = re.compile(r"^LINE (\d+):", re.MULTILINE)

_ENGINE_FUNCTION = "duckml_engine"
_HOSTED_FUNCTION = "duckml_hosted"
_UNSIGNED = "allow_unsigned_extensions"
_LOCK = "lock_configuration"
OURS = "duckml: "  # how the comments on the macros of models begin

# A function that DuckDB still calls must never be freed: closing the cursor that registered it, or the last connection
# of two, would otherwise leave DuckDB with a dangling pointer and end the process. So every one lives for ever.
_PINNED: list[object] = []
_register_lock = threading.Lock()


class _Calls(threading.local):
    """The calls that a thread is about to make, and code that makes the last of them.

    The code has one constant, a method that takes a call from the list: so one code object serves every call, and
    needs no variable.
    """

    def __init__(self) -> None:
        self.waiting: list[Callable[[], Any]] = []
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SyntaxWarning)  # a text is not callable; it is replaced
            code = compile("'take the call'()()", "<duckml>", "eval")
        self.code: CodeType = code.replace(co_consts=(self.waiting.pop,))


_calls = _Calls()


def in_frame(
    frame: FrameType, function: Callable[..., T], *arguments: object, **options: object
) -> T:
    """The answer of `function`, called from a frame that has the variables of `frame` and no others.

    DuckDB looks for the DataFrames that a statement names in the frame that calls it. Called this way it finds the
    variables of the user's frame, and no local variable of duckml's stands in their way. `function` is DuckDB's own:
    a function in Python would bring a frame of its own.
    """
    _calls.waiting.append(functools.partial(function, *arguments, **options))
    answer: T = eval(_calls.code, frame.f_globals, frame.f_locals)
    return answer


def read(con: Native, sql: str, parameters: object = None) -> list[tuple[Any, ...]]:
    """The rows of a SELECT of ours, on the user's session."""
    return Native.sql(con, sql, params=parameters).fetchall()


def discard_result(con: Native) -> None:
    """Give up what is left of the result being fetched, as DuckDB's own execute() does before it runs anything."""
    Native.abort(con)


def finish_result(con: Native) -> None:
    """Run what is being fetched to its end and forget its rows, as DuckDB does with all statements but the last."""
    Native.complete(con)


def read_row(con: Native, sql: str, parameters: object) -> dict[str, Any]:
    """The one row of a SELECT of ours, by column."""
    relation = Native.sql(con, sql, params=parameters)
    [row] = relation.fetchall()
    return dict(zip(relation.columns, row, strict=True))


def unused_name() -> str:
    """A name that nothing in a database has: DuckDB prefers a table of a name to a variable of the user's program."""
    return f"__duckml_rows_{uuid.uuid4().hex}"


def write(con: Native, sql: str, parameters: object = None) -> None:
    """Run one statement of ours that returns nothing."""
    Native.execute(con, sql, parameters)


def sibling(con: Native) -> Native:
    """A session of its own on the same database: it sees what is committed, and disturbs nothing."""
    return Native.cursor(con)


@contextlib.contextmanager
def beside(con: Native) -> Iterator[Native]:
    """A sibling session for a block, closed at its end."""
    session = sibling(con)
    try:
        yield session
    finally:
        session.close()


def in_transaction(con: Native) -> bool:
    """Whether the session is inside BEGIN: outside, every statement has a transaction of its own."""
    (first,), (second,) = read(con, "SELECT txid_current()") + read(con, "SELECT txid_current()")
    return bool(first == second)


@contextlib.contextmanager
def transaction(con: Native) -> Iterator[None]:
    """A transaction around a block: committed at its end, rolled back when it raises."""
    write(con, "BEGIN")
    try:
        yield
        write(con, "COMMIT")
    except BaseException:
        with contextlib.suppress(duckdb.Error):  # a failed COMMIT has ended the transaction already
            write(con, "ROLLBACK")
        raise


def catalog_version(con: Native) -> int | None:
    """A number that changes whenever this session runs something that may change what a name means.

    None when this DuckDB doesn't tell: then nothing may be remembered from one statement to the next.
    """
    ask = getattr(con, "_catalog_version", None)
    return None if ask is None else int(ask())


@dataclass(frozen=True)
class Column:
    """A column of a query: its name and its type as DuckDB spells it."""

    name: str
    sql_type: str


def bind(con: Native, query: str, parameters: object, frame: FrameType) -> list[Column]:
    """The columns of a query, without running it; equal names are told apart as in CREATE TABLE AS."""
    before = "DESCRIBE SELECT * FROM ("
    try:
        in_frame(frame, Native.execute, con, f"{before}{query}\n)", parameters)
    except duckdb.Error as error:
        raise type(error)(_shown_without(before, str(error))) from error.__cause__
    return [Column(row[0], row[1]) for row in con.fetchall()]


def _shown_without(before: str, message: str) -> str:
    """What DuckDB shows of a text in an error, and the caret below, without what was put before the text."""
    return re.sub(
        rf"^(LINE 1: ){re.escape(before)}(.*\n) {{{len(before)}}}", r"\1\2", message, flags=re.M
    )


@dataclass(frozen=True)
class Bound:
    """What DuckDB says of a statement without running it.

    `parameters` are the names and types of its parameters, 'UNKNOWN' where nothing tells. `answers` is
    'query_result', 'changed_rows' or 'nothing'; `writes` says whether running it would change a database. A statement
    that `is_deferred` tells nothing before it runs: a PIVOT whose columns are values has others after each INSERT.
    """

    columns: list[Column]
    parameters: list[tuple[str, str]]
    answers: str
    writes: bool
    is_deferred: bool = False


def bound(con: Native, sql: str, values: Any) -> Bound:
    """What DuckDB says of one statement, its parameters typed by `values` if there are any."""
    try:
        # Of DuckDB's Python package, and not public: relations are built on it.
        found = Native._bind(con, sql, with_writes=True, values=values)
    except (duckdb.BinderException, duckdb.CatalogException) as error:
        raise _located(con, sql, values, error) from error.__cause__
    names, types, parameters, answers, is_deferred, writes = found
    columns = [Column(name, str(kind)) for name, kind in zip(names, types, strict=True)]
    return Bound(
        columns, [(name, str(kind)) for name, kind in parameters], answers, writes, is_deferred
    )


def _located(con: Native, sql: str, values: Any, error: duckdb.Error) -> duckdb.Error:
    """The error of binding with the place in the text, which DuckDB shows for statements that are to run."""
    before = "EXPLAIN (FORMAT text) "  # EXPLAIN alone would run what begins with ANALYZE
    try:
        Native.execute(con, before + sql, values)
    except duckdb.Error as shown:
        message = _shown_without(before, str(shown))
        return type(error)(message) if message.startswith(str(error)) else error
    return error


# By the word before the text of an error.
_ERRORS: dict[str, type[duckdb.Error]] = {
    "INTERRUPT": duckdb.InterruptException,
    "CONVERSION": duckdb.ConversionException,
    "OUT OF RANGE": duckdb.OutOfRangeException,
    "OUT OF MEMORY": duckdb.OutOfMemoryException,
    "CONSTRAINT": duckdb.ConstraintException,
    "IO": duckdb.IOException,
    "NOT IMPLEMENTED": duckdb.NotImplementedException,
}


class Rows:
    """The rows of a statement that is running, as batches; the session is busy until they are read or closed."""

    def __init__(self, result: Any) -> None:
        self.columns = [Column(name, str(kind)) for name, kind, *_ in result.description]
        self.answers = str(result.return_type)
        self._reader: pa.RecordBatchReader = result.arrow_reader()

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        """The batches; raises DuckDB's errors, which Arrow would pass on as its own."""
        try:
            yield from self._reader
        except (OSError, pa.ArrowException) as error:
            kind, _, _ = str(error).partition(" Error: ")
            raise _ERRORS.get(kind.upper(), duckdb.InvalidInputException)(str(error)) from error

    @property
    def schema(self) -> pa.Schema:
        """The columns in Arrow's words."""
        return self._reader.schema

    def close(self) -> None:
        """Give up what has not been read."""
        self._reader.close()


def repeated_names(con: Native, query: str, columns: list[Column]) -> list[str]:
    """The names that a query gives to several columns, which DuckDB tells apart by numbers behind them.

    Asked only where a column might be such a one; a query that can't be described alone has none.
    """
    names = {column.name for column in columns}
    if not any((found := re.fullmatch(r"(.+)_\d+", name)) and found[1] in names for name in names):
        return []
    with contextlib.suppress(duckdb.Error), beside(con) as session:
        given = [row[0] for row in read(session, f"DESCRIBE {query}")]
        return sorted({name for name in given if given.count(name) > 1})
    return []


def stream(
    con: Native, query: str, select_list: str, parameters: object, frame: FrameType
) -> pa.Table:
    """The rows of a query as Arrow, each column put through an expression; read to the end before anything else.

    Raises KeyboardInterrupt on Ctrl-C. Run by execute(), which Ctrl-C stops at once, though DuckDB then copies the
    rows once more than a relation does.
    """
    in_frame(frame, Native.execute, con, f"SELECT {select_list} FROM ({query}\n)", parameters)
    return fetch_arrow(con)


def fetch_arrow(con: Native) -> pa.Table:
    """The rest of the open result as Arrow."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # DuckDB says that it copies the rows
        return con.to_arrow_table()


@contextlib.contextmanager
def interruptible(con: Native) -> Iterator[None]:
    """Ctrl-C in a block ends it with KeyboardInterrupt, also while DuckDB is at work on `con`.

    Left alone, DuckDB looks for Ctrl-C only where the main thread waits for the others, which a long step of its own
    keeps it from; and what it raises then is a RuntimeError.
    """
    pressed = threading.Event()
    try:
        with _interrupt_on_signal(con, pressed):
            yield
    except duckdb.InterruptException as error:
        if not pressed.is_set():  # somebody called con.interrupt()
            raise
        raise KeyboardInterrupt from error
    except RuntimeError as error:
        if str(error) != "Query interrupted":
            raise
        raise KeyboardInterrupt from error


@contextlib.contextmanager
def _interrupt_on_signal(con: Native, pressed: threading.Event) -> Iterator[None]:
    """Interrupt DuckDB from a thread of its own as soon as SIGINT arrives; only the main thread gets signals."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    reading, writing = socket.socketpair()
    writing.setblocking(False)

    def watch() -> None:
        while byte := reading.recv(1):
            if byte[0] == signal.SIGINT:
                pressed.set()
                con.interrupt()

    before = signal.set_wakeup_fd(writing.fileno(), warn_on_full_buffer=False)
    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(before)
        writing.close()
        watcher.join()
        reading.close()


def at_line(error: duckdb.Error, lines: int) -> duckdb.Error:
    """The error with its line number counted from the start of a script, `lines` lines further up."""
    shifted = _LINE.sub(lambda match: f"LINE {int(match[1]) + lines}:", str(error))
    return type(error)(shifted)


def hash_rows(table: pa.Table, seed: int) -> tuple[pa.ChunkedArray, pa.ChunkedArray]:
    """A 64-bit hash per row, and one that depends on `seed` too, in the order of the table.

    DuckDB's own hash, computed in a database of its own, so that no setting of the user's can change it.
    """
    columns = ", ".join(quote(name) for name in table.column_names)
    with duckdb.connect() as con:
        con.register("__rows", table)
        answer = con.sql(
            f"SELECT h, hash(h, CAST($seed AS BIGINT)) FROM (SELECT hash({columns}) AS h FROM __rows)",
            params={"seed": seed},
        ).to_arrow_table()
    return answer.column(0), answer.column(1)


def compute(table: pa.Table, expressions: Mapping[str, str]) -> pa.Table:
    """The table with some columns replaced by expressions over its columns, computed in a database of its own."""
    if not expressions or not len(table):
        return table
    replaced = ", ".join(
        f"({expression}) AS {quote(name)}" for name, expression in expressions.items()
    )
    with duckdb.connect() as con:
        con.register("__rows", table)
        answer: pa.Table = con.sql(f"SELECT * REPLACE ({replaced}) FROM __rows").to_arrow_table()
    return answer


def function_kinds(con: Native) -> dict[str, set[str]]:
    """The functions that aren't plain ones, by name in lower case: 'aggregate', 'macro' and 'volatile'.

    Macros are those of the user; volatile is what answers something else at another time, or in another session,
    whatever it is given: DuckDB 2.0.1 says of year() and + that they aren't stable for a TIMESTAMP WITH TIME ZONE.
    """
    rows = read(
        con,
        "SELECT lower(function_name) AS name, 'aggregate' FROM duckdb_functions() WHERE function_type = 'aggregate' "
        "UNION SELECT lower(function_name), 'macro' FROM duckdb_functions() "
        "WHERE function_type = 'macro' AND NOT internal "
        "UNION SELECT lower(function_name), 'volatile' FROM duckdb_functions() "
        "WHERE function_type NOT IN ('aggregate', 'macro') GROUP BY ALL "
        "HAVING bool_and(stability <> 'CONSISTENT') "
        "OR lower(function_name) IN ('getvariable', 'current_setting', 'getenv')",
    )
    kinds: dict[str, set[str]] = {}
    for name, kind in rows:
        kinds.setdefault(name, set()).add(kind)
    return kinds


def read_file(con: Native, path: str) -> bytes:
    """The bytes of a file, wherever DuckDB reads files; raises DuckDB's error when it can't."""
    rows = read(con, "SELECT content FROM read_blob($path)", {"path": path})
    if len(rows) != 1:
        found = (
            f"There is no file '{path}'."
            if not rows
            else f"'{path}' means {len(rows)} files; one is needed."
        )
        raise duckdb.IOException(found)
    return bytes(rows[0][0])


def write_file(con: Native, path: str, content: bytes) -> None:
    """Write a file, wherever DuckDB writes files; raises DuckDB's error when it can't."""
    write(
        con,
        f"COPY (SELECT $content::BLOB AS content) TO {literal(path)} (FORMAT blob)",
        {"content": content},
    )


def is_type(con: Native, sql_type: str) -> bool:
    """Whether a text is the name of a type as DuckDB writes it, and nothing else."""
    with contextlib.suppress(duckdb.Error), beside(con) as session:
        [(answer,)] = read(
            session, "SELECT json_serialize_sql($sql)", {"sql": f"SELECT CAST(NULL AS {sql_type})"}
        )
        tree = json.loads(answer)
        if tree["error"] or len(tree["statements"]) != 1:
            return False
        node = tree["statements"][0]["node"]
        plain = (
            node["from_table"]["type"] == "EMPTY"
            and not node["modifiers"]
            and node["where_clause"] is None
        )
        if plain and len(node["select_list"]) == 1 and node["select_list"][0]["class"] == "CAST":
            # As DuckDB itself writes it, so that nothing else can stand in it.
            return bool(read(session, f"SELECT typeof(CAST(NULL AS {sql_type}))")[0][0] == sql_type)
    return False


def can_read(con: Native, sql: str) -> bool:
    """Whether a SELECT of ours can be run, asked on a session of its own."""
    with contextlib.suppress(duckdb.Error), beside(con) as session:
        read(session, sql)
        return True
    return False


def built_in_functions(con: Native) -> set[str]:
    """The functions that DuckDB itself brings, in lower case, and that `system.main.` may stand before."""
    rows = read(
        con,
        "SELECT DISTINCT lower(function_name) FROM duckdb_functions() "
        "WHERE database_name = 'system' AND schema_name = 'main' AND internal AND function_type IN ('scalar', 'macro')",
    )
    return {name for (name,) in rows}


def columns_by_table(con: Native) -> list[tuple[str, str, str, list[str]]]:
    """Database, schema and name of every table and view, folded, and its columns as they are spelt."""
    rows = read(
        con,
        "SELECT database_name, schema_name, table_name, list(column_name ORDER BY column_index) FROM duckdb_columns() "
        "WHERE NOT internal GROUP BY ALL",
    )
    return [
        (fold(database), fold(schema), fold(table), columns)
        for database, schema, table, columns in rows
    ]


# Names


@dataclass(frozen=True)
class Place:
    """A schema of a database."""

    database: str
    schema: str


def search_path(con: Native) -> list[Place]:
    """Where an unqualified name is looked for, first place first."""
    [(path, database, schema)] = read(
        con, "SELECT current_setting('search_path'), current_database(), current_schema()"
    )
    current = Place(database, schema)
    places = [current]
    for entry in _split_path(path or ""):
        place = Place(*entry) if len(entry) == 2 else Place(database, entry[0])
        if place not in places:
            places.append(place)
    if Place(database, "main") not in places:
        places.append(Place(database, "main"))
    return places


def _split_path(path: str) -> list[tuple[str, ...]]:
    """The entries of a search path, `schema` or `database.schema`, with the quotes taken off."""
    entries: list[tuple[str, ...]] = []
    for entry in _split_unquoted(path, ","):
        parts = tuple(
            part.strip().strip('"').replace('""', '"') for part in _split_unquoted(entry, ".")
        )
        if 1 <= len(parts) <= 2 and all(parts):
            entries.append(parts)
    return entries


def _split_unquoted(text: str, separator: str) -> list[str]:
    """`text` cut at a separator, but not inside double quotes."""
    pieces, quoted = [""], False
    for character in text:
        quoted ^= character == '"'
        if character == separator and not quoted:
            pieces.append("")
        else:
            pieces[-1] += character
    return pieces


@contextlib.contextmanager
def searching(con: Native, place: Place | None) -> Iterator[None]:
    """Look for unqualified names in a schema during a block; None changes nothing.

    Raises StatementError when there is no such schema any more.
    """
    [(setting, database, schema)] = read(
        con, "SELECT current_setting('search_path'), current_database(), current_schema()"
    )
    if place is None or place == Place(database, schema):
        yield
        return
    if in_transaction(con):  # an error would abort it, and then the way back as well
        raise StatementError(
            f"The model was trained on tables of {place.database}.{place.schema}, and this session looks in "
            f"{database}.{schema}. Inside a transaction USE that schema first, or retrain outside."
        )
    try:
        write(con, f"USE {quote(place.database)}.{quote(place.schema)}")
    except duckdb.CatalogException as error:
        raise StatementError(
            f"The model was trained on tables of {place.database}.{place.schema}, which is not here. Attach it, or "
            "CREATE OR REPLACE MODEL on the tables of today."
        ) from error
    try:
        yield
    finally:
        back = (
            f"SET search_path = {literal(setting)}"
            if setting
            else f"USE {quote(database)}.{quote(schema)}"
        )
        with contextlib.suppress(
            duckdb.Error
        ):  # an error has aborted the transaction, and USE with it
            write(con, back)


def databases(con: Native) -> dict[str, bool]:
    """The attached databases, and whether each is read-only."""
    return dict(
        read(con, "SELECT database_name, readonly FROM duckdb_databases() WHERE NOT internal")
    )


def is_in_memory(con: Native, database: str) -> bool:
    """Whether a database ends with the process."""
    rows = read(
        con, "SELECT path FROM duckdb_databases() WHERE database_name = $name", {"name": database}
    )
    return not rows or rows[0][0] is None


def existing(con: Native, place: Place) -> Place | None:
    """A schema as the catalog spells it, or None when it isn't there."""
    rows = read(
        con,
        "SELECT schema_name FROM duckdb_schemas() WHERE database_name = $name",
        {"name": place.database},
    )
    return next(
        (Place(place.database, name) for (name,) in rows if fold(name) == fold(place.schema)), None
    )


def require_writable(con: Native, database: str, doing: str) -> None:
    """Raise ReadOnlyError when a database can't be written."""
    if databases(con).get(database, False):
        raise ReadOnlyError.database(database, doing)


@dataclass(frozen=True)
class Macro:
    """A macro of the catalog: `kind` is 'macro' or 'table_macro', `is_ours` whether a model made it."""

    schema: str
    name: str
    kind: str
    is_ours: bool


def macros(con: Native, database: str) -> list[Macro]:
    """The macros of a database, the users' and those of models."""
    rows = read(
        con,
        # By what they do too: a comment can be changed, and EXPORT DATABASE leaves it out.
        "SELECT schema_name, function_name, function_type, bool_or(coalesce(starts_with(comment, $ours), false) "
        "OR regexp_matches(macro_definition, $call) OR (starts_with(function_name, 'model_version_') "
        "AND starts_with(macro_definition, concat($quote, schema_name, '.')) "
        "AND regexp_full_match(macro_definition, $version))) FROM duckdb_functions() "
        "WHERE database_name = $database AND function_type IN ('macro', 'table_macro') AND NOT internal GROUP BY ALL",
        {
            "database": database,
            "ours": OURS,
            "quote": "'",
            "call": "main.duckml_predict_doubles?[(]'[0-9a-f]{64}'",
            "version": "'.+@[0-9]+'",
        },
    )
    return [Macro(*row) for row in rows]


def function_exists(con: Native, name: str) -> bool:
    """Whether any function or macro of that name can be called without a schema before it."""
    query = "SELECT 1 FROM duckdb_functions() WHERE lower(function_name) = $name LIMIT 1"
    return bool(read(con, query, {"name": name}))


# Who is at work on behalf of somebody else, as a server is for its users.
acting_for: ContextVar[str | None] = ContextVar("acting_for", default=None)


def user_name() -> str:
    """Who is at work: the user of a server, else of the operating system, by number where it has no name."""
    if (user := acting_for.get()) is not None:
        return user
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid()) if hasattr(os, "getuid") else "unknown"


# Functions


def engine_in_use(con: Native) -> str | None:
    """What serves predictions in the database of a session, such as 'python:cpu'; None when nothing does yet."""
    with beside(con) as session:
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
    with _register_lock, beside(con) as session:
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
    with beside(con) as session:
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
    with beside(con) as session:
        session.register("__rows", pa.table(dict(zip(names, columns, strict=True))))
        query = f"SELECT system.main.{function}({', '.join(arguments)}) AS answer FROM __rows"
        return Native.sql(session, query).to_arrow_table()["answer"].combine_chunks()


def load_extension(session: Native, path: str) -> None:
    """Load an extension into this database instance; raises DuckDB's error when it may not or can't be loaded."""
    write(session, f"LOAD {literal(path)}")


def open_database(path: str, read_only: bool, config: Mapping[str, Any], unsigned: bool) -> Native:
    """Open a database; `unsigned` allows extensions that DuckDB's makers have not signed, until `close_door`.

    A configuration that is to be locked is locked by `close_door` then. Raises DuckDB's ConnectionException when this
    process has the database open with another configuration.
    """
    if unsigned:
        config = {name: value for name, value in config.items() if name.lower() != _LOCK} | {
            _UNSIGNED: "true"
        }
    return duckdb.connect(path, read_only=read_only, config=dict(config))


def decides_on_unsigned(config: Mapping[str, Any]) -> bool:
    """Whether a configuration itself says if unsigned extensions are allowed, however it spells that."""
    return any(name.lower() == _UNSIGNED for name in config)


def allows_unsigned(con: Native) -> bool:
    """Whether extensions may be loaded that DuckDB's makers have not signed."""
    with beside(con) as session:
        return bool(read(session, "SELECT current_setting($name)", {"name": _UNSIGNED})[0][0])


def close_door(con: Native, config: Mapping[str, Any]) -> None:
    """Undo what `open_database` allowed, and lock the configuration if it is to be locked.

    Nothing changes where `config` itself allows unsigned extensions or forbids them. Where another connection has the
    database open too, what that one wanted of extensions stays.
    """
    if decides_on_unsigned(config):
        return
    [(count, unsigned, locked)] = read(
        con,
        "SELECT count, current_setting($unsigned), current_setting($lock) FROM duckdb_connection_count()",
        {"unsigned": _UNSIGNED, "lock": _LOCK},
    )
    if unsigned and count == 1 and not locked:
        write(con, f"SET {_UNSIGNED} = false")
    for name, value in config.items():
        if name.lower() == _LOCK and not locked:
            write(con, f"SET {_LOCK} = {literal(str(value))}")
