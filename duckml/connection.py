"""A DuckDB connection that understands duckml's statements.

A duckml connection *is* the DuckDB connection that it was made of, with its class changed to a
subclass. So everything that takes a DuckDB connection takes it, and temporary tables, variables and
transactions are the user's own. A text without a duckml keyword goes to DuckDB unchanged.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any, cast

import duckdb

from duckml.database import catalog, sessions
from duckml.database.binding import BoundStatement, bind_statement
from duckml.database.extensions import restore_extension_policy
from duckml.database.frames import frame_with, in_frame, users_frame
from duckml.database.sessions import Native
from duckml.database.streams import RowStream
from duckml.engines.choice import (
    Engine,
    engine_for,
    open_for_engine,
    opening_lock,
    require_engine,
)
from duckml.engines.devices import require_device
from duckml.errors import StatementError
from duckml.language.model_names import model_name
from duckml.language.parser import might_concern_us, parse
from duckml.language.rewrite import rewrite
from duckml.language.syntax import Query, Result
from duckml.model import Model
from duckml.registry import lookup, stored_artifacts
from duckml.sql import blocks
from duckml.statements import connection_state, python_models
from duckml.statements.connection_state import state_of, with_own_result
from duckml.statements.context import Context, ModelWarningMessage
from duckml.statements.resolve import resolve
from duckml.statements.script import run_script
from duckml.training.progress import Listener, OnIteration

__all__ = ["Connection", "ModelWarningMessage", "attach", "connect"]


def connect(
    path: str = ":memory:",
    read_only: bool = False,
    config: dict[str, Any] | None = None,
    *,
    device: str = "auto",
    engine: str = "auto",
) -> Connection:
    """Open a DuckDB database with duckml in it.

    `path`, `read_only` and `config` are DuckDB's own. `device` is where models run: 'cpu', 'cuda',
    'openvino', or 'auto' for the best one that the installed onnxruntime has and that starts.
    `engine` is what serves them: 'native' is duckml's extension for DuckDB, 'python' runs on every
    device, and 'auto' takes the native one where it can. To load it, the database is opened with
    allow_unsigned_extensions, which is turned off again; a plain duckdb.connect of the same file in
    this process must then have the same in its config. Raises DeviceError and EngineError if a
    device or an engine that is asked for by name is not available.
    """
    require_device(device)
    require_engine(engine)
    config = config or {}
    with opening_lock:
        con = open_for_engine(path, read_only, config, engine, device)
        try:
            attached = attach(con, device=device, engine=engine)
            restore_extension_policy(con, config)
            return attached
        except BaseException:
            con.close()
            raise


def attach(
    con: duckdb.DuckDBPyConnection, *, device: str = "auto", engine: str = "auto"
) -> Connection:
    """Give an open DuckDB connection duckml's statements, and return the same object.

    The native engine serves where the connection permits unsigned extensions; DESCRIBE MODEL shows
    which engine does. Raises DeviceError and EngineError as `connect` does.
    """
    require_device(device)
    require_engine(engine)
    serving = engine_for(con, engine, device, _load)
    return con if isinstance(con, Connection) else _adopt(con, serving)


def _adopt(con: duckdb.DuckDBPyConnection, engine: Engine) -> Connection:
    # DuckDB's class can't be constructed, but an object of it can change to a subclass.
    con.__class__ = Connection
    connection_state.add(con, engine)
    return cast("Connection", con)


def _load(key: str) -> bytes:
    """Return the bytes of a model from any database that is open through duckml."""
    return stored_artifacts.require_anywhere(connection_state.open_connections(), key)


@atexit.register
def _close_all() -> None:
    """Close all open connections: DuckDB's Python package reports open ones as leaks at exit."""
    for con in connection_state.open_connections():
        with contextlib.suppress(duckdb.Error):
            Native.close(con)


class Connection(duckdb.DuckDBPyConnection):
    """A DuckDB connection that also runs CREATE MODEL, PREDICT and duckml's other statements."""

    __slots__ = ()

    # DuckDB's methods, with duckml's statements understood

    def execute(
        self, query: Any, parameters: object = None, *, dialect: str | None = None
    ) -> Connection:
        """Run SQL, duckml's statements included; rows are fetched from the connection.

        With `dialect='bigquery'` the whole text is read as BigQuery SQL.
        """
        frame = sys._getframe(1)
        query = self._in_dialect(query, dialect)
        if isinstance(query, str) and might_concern_us(query):
            self._execute_script(Native.execute, query, parameters, frame)
        else:
            # Most texts pass here: a set that is empty is not searched.
            if with_own_result:
                with_own_result.discard(self)
            in_frame(frame, Native.execute, self, query, parameters)
        return self

    def executemany(
        self, query: Any, parameters: object = None, *, dialect: str | None = None
    ) -> Connection:
        """Run one statement for each set of parameters; it may contain PREDICT."""
        frame = sys._getframe(1)
        query = self._in_dialect(query, dialect)
        if isinstance(query, str) and might_concern_us(query):
            self._execute_script(Native.executemany, query, parameters, frame)
        else:
            with_own_result.discard(self)
            in_frame(frame, Native.executemany, self, query, parameters)
        return self

    def _execute_script(
        self, method: Any, query: str, parameters: object, frame: FrameType
    ) -> None:
        self._discard_result()

        def finish(text: Any, values: object) -> Callable[[], Any]:
            return functools.partial(method, self, text, values)

        run_script(Context.of(self, frame), query, parameters, finish)

    def _discard_result(self) -> None:
        sessions.discard_result(self)
        with_own_result.discard(self)

    def sql(
        self, query: Any, *, alias: str = "", params: object = None, dialect: str | None = None
    ) -> Any:
        """Run SQL, duckml's statements included, and return a relation.

        A SELECT runs when the relation is read. With `dialect='bigquery'` the whole text is read as
        BigQuery SQL.
        """
        return self._relation(self._in_dialect(query, dialect), alias, params, sys._getframe(1))

    def query(
        self, query: Any, *, alias: str = "", params: object = None, dialect: str | None = None
    ) -> Any:
        """Do the same as `sql`."""
        return self._relation(self._in_dialect(query, dialect), alias, params, sys._getframe(1))

    def from_query(
        self, query: Any, *, alias: str = "", params: object = None, dialect: str | None = None
    ) -> Any:
        """Do the same as `sql`."""
        return self._relation(self._in_dialect(query, dialect), alias, params, sys._getframe(1))

    def _in_dialect(self, query: Any, dialect: str | None) -> Any:
        """Translate a text of another dialect to DuckDB's."""
        if dialect is None or dialect.lower() == "duckdb":
            return query
        if dialect.lower() != "bigquery":
            raise StatementError(f"Unknown dialect '{dialect}'. Known: 'duckdb', 'bigquery'.")
        # Loads sqlglot.
        from duckml.language.bigquery.dialect import translate

        return translate(query, list(catalog.databases(self.registry_session())))

    def _relation(self, query: Any, alias: str, params: object, frame: FrameType) -> Any:
        connection_state.discard_own_result(self)
        if not isinstance(query, str) or not might_concern_us(query):
            return in_frame(frame, Native.sql, self, query, alias=alias, params=params)

        def finish(text: Any, values: object) -> Callable[[], Any]:
            return functools.partial(Native.sql, self, text, alias=alias, params=values)

        return run_script(Context.of(self, frame), query, params, finish)

    def cursor(self) -> Connection:
        """Return another session on the same database, with duckml's statements too."""
        return _adopt(Native.cursor(self), state_of(self).engine)

    def duplicate(self) -> Connection:
        """Do the same as `cursor`."""
        return self.cursor()

    def __enter__(self) -> Connection:
        return self

    def rewritten(self, query: str) -> str:
        """Return the SQL that DuckDB is given for a query: macro calls in the place of PREDICT.

        Raises the errors of duckml.errors for a model that doesn't exist or arguments that don't
        fit.
        """
        return str(self._rewritten_text(query))

    def over(self, rows: Any, query: str, name: str) -> Any:
        """Return a relation over a query in which `name` means `rows`, such as a DataFrame."""
        return self._relation(query, "", None, frame_with(**{name: rows}))

    # Methods for programs that serve a database to others

    def listen(self, listener: Listener) -> None:
        """Report the trainings of this session to `listener`.

        No bar is drawn then, and no Python warnings are raised.
        """
        state_of(self).listener = listener

    def bound(self, query: str, parameters: object = None) -> BoundStatement:
        """Return the columns and parameters of one statement, without running it."""
        if not might_concern_us(query):
            return bind_statement(self, query, parameters)
        script = parse(query)
        if not script.is_plain:
            result = script.statements[0].result
            if result is Result.ROW:
                return bind_statement(self, blocks("queries")["created_columns"], None)
            if result is Result.NOTHING:
                return BoundStatement([], [], "nothing", True)

        def finish(text: Any, values: Any) -> Callable[[], Any]:
            return functools.partial(bind_statement, self, text, values)

        # Clients of a server have no variables that a statement may name.
        context = Context.of(self, frame_with())
        bound: BoundStatement = run_script(context, query, parameters, finish)
        with_own_result.discard(self)
        return bound

    def stream(self, query: str, parameters: Any = None, batch_size: int = 8192) -> RowStream:
        """Run one statement, and return its rows in batches of at most `batch_size` rows.

        The connection can run nothing else until they are read or closed.
        """
        connection_state.discard_own_result(self)
        if not might_concern_us(query):
            return RowStream(Native._submit(self, query, parameters, "stream", batch_size))

        def finish(text: Any, values: Any) -> Callable[[], Any]:
            return functools.partial(Native._submit, self, text, values, "stream", batch_size)

        result = run_script(Context.of(self, sys._getframe()), query, parameters, finish)
        with_own_result.discard(self)
        return RowStream(result)

    # Relations give the texts of their verbs to the connection through these methods of DuckDB's
    # Python package. They are not public: should a release of DuckDB rename them, PREDICT no longer
    # works in `.filter('…')` and the like, and nothing else changes.

    def _check_text(self, text: str, shape: str) -> int:
        return int(super()._check_text(self._rewritten_text(text), shape))

    def _statement_count(self, sql: str) -> int:
        return int(super()._statement_count(self._rewritten_text(sql)))

    def _prepare_script(  # type: ignore[override]
        self, query: str, *arguments: Any, **options: Any
    ) -> Any:
        text = self._rewritten_text(query)
        return in_frame(users_frame(), super()._prepare_script, text, *arguments, **options)

    def _bind(self, sql: Any, *arguments: Any, **options: Any) -> Any:
        text = self._rewritten_text(sql)
        return in_frame(users_frame(), super()._bind, text, *arguments, **options)

    def _submit(self, sql: str, *arguments: Any) -> Any:
        connection_state.discard_own_result(self)
        return in_frame(users_frame(), super()._submit, self._rewritten_text(sql), *arguments)

    def _create_view(self, name: Any, sql: str, **options: Any) -> None:
        text = self._rewritten_text(sql)
        in_frame(users_frame(), super()._create_view, name, text, **options)

    def _rewritten_text(self, text: Any) -> Any:
        """Return a query with its duckml calls replaced, and any other text unchanged."""
        if not isinstance(text, str) or not might_concern_us(text):
            return text
        script = parse(text)
        if script.is_plain or len(script.statements) != 1:
            return text
        query = script.statements[0]
        if not isinstance(query, Query):
            return text
        context = Context.of(self, users_frame())
        return rewrite(script.text, query, resolve(context, query, fresh=False))

    # Models in Python

    def create_model(
        self,
        name: str,
        query: Any,
        target: str,
        estimator: Any = "mlp_regressor",
        *,
        or_replace: bool = False,
        if_not_exists: bool = False,
        transform: str | None = None,
        progress: OnIteration | None = None,
        **options: Any,
    ) -> Model:
        """Train a model and store it: CREATE MODEL, from Python.

        `query` is SQL, a DuckDB relation, or a pandas, polars or Arrow table. `estimator` is a name
        that SQL knows, or an unfitted scikit-learn regressor or classifier; `transform` is the list
        of TRANSFORM. `progress` is called after each pass with a `Progress`; without it, a terminal
        shows a bar. Raises the errors of duckml.errors.
        """
        frame = sys._getframe(1)
        self._discard_result()
        stored = python_models.create_model(
            Context.of(self, frame),
            name,
            query,
            python_models.Training(target, estimator, options, transform),
            or_replace=or_replace,
            if_not_exists=if_not_exists,
            progress=progress,
        )
        return Model(self, stored)

    def register_model(
        self,
        name: str,
        estimator: Any,
        sample: Any,
        target: str | None = None,
        *,
        or_replace: bool = False,
        **options: Any,
    ) -> Model:
        """Store a scikit-learn estimator or pipeline that is already fitted, as it is.

        `sample` are rows such as it was fitted on: a DataFrame, an Arrow table, a relation, or a
        query. `target` names the column that it predicts; the sample may have it, and the metrics
        are then measured on it. `options` are description, tags, make_default and keep_versions.
        Raises ForeignModelError, and ParityError if ONNX can't express the estimator.
        """
        frame = sys._getframe(1)
        python_models.check_registration_options(options)
        self._discard_result()
        model = python_models.new_model_name(name)
        stored = python_models.register_model(
            Context.of(self, frame),
            model,
            estimator,
            self._sample(sample, frame),
            target,
            or_replace=or_replace,
            options=options,
        )
        return Model(self, stored)

    def _sample(self, rows: Any, frame: FrameType) -> Any:
        """Return a relation over rows from anywhere."""
        if isinstance(rows, str):
            return self._relation(rows, "", None, frame)
        if hasattr(rows, "query") and hasattr(rows, "to_arrow_table"):
            return rows
        name = sessions.unused_name()
        return self.over(rows, f"SELECT * FROM {name}", name)

    def model(self, name: str) -> Model:
        """Return a stored model: its default version unless the name has `@n`.

        Raises ModelNotFoundError.
        """
        return Model(self, lookup.require(self.registry_session(), model_name(name)))

    @property
    def serving(self) -> Engine:
        """Return the engine that serves predictions.

        Its `name` is 'native' or 'python', its `device` where it runs.
        """
        return state_of(self).engine

    def registry_session(self) -> Native:
        """Return a session to read the registry on.

        It is this one, or a new one while a result of this one is being fetched.
        """
        connection_state.discard_own_result(self)
        try:
            sessions.read(self, "SELECT 1")
        except duckdb.ResourceInUseException:
            return sessions.new_session(self)
        return self
