"""The hall: a DuckDB connection that understands duckml's statements. The only room that knows the order of the others.

A duckml connection *is* the DuckDB connection that it was made of, with its class changed to a subclass, so that
everything that takes a DuckDB connection takes it, and temporary tables, variables and transactions are the user's own.
A text without a word of ours goes to DuckDB as it is.
"""

from __future__ import annotations

import atexit
import contextlib
import decimal
import functools
import json
import sys
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import FrameType
from typing import TYPE_CHECKING, Any, cast
from weakref import WeakKeyDictionary, WeakSet

import duckdb

from duckml.database import binding, catalog, search_path, sessions, streams
from duckml.database.extensions import restore_extension_policy
from duckml.database.frames import in_frame
from duckml.database.sessions import Native
from duckml.engines.choice import (
    Engine,
    engine_description,
    engine_for,
    open_for_engine,
    opening_lock,
    require_engine,
)
from duckml.engines.devices import require_device
from duckml.errors import (
    DuckmlError,
    NotYetError,
    OptionError,
    PlacementError,
    StatementError,
)
from duckml.language.diagnosis import explain, in_the_users_text
from duckml.language.functions import SQL_FUNCTIONS
from duckml.language.parser import check_new_name, might_concern_us, model_name, parse
from duckml.language.rewrite import rewrite
from duckml.language.syntax import (
    Call,
    CopyModel,
    CreateModel,
    DescribeModel,
    DropModel,
    ExportModel,
    ModelName,
    Options,
    Query,
    Resolved,
    RetrainModel,
    Script,
    SetOptions,
    ShowModels,
    Statement,
)
from duckml.model import Model
from duckml.names import fold, listed, literal, quote
from duckml.options.reading import read_options
from duckml.options.statement_options import (
    for_retraining,
    read_export_options,
    read_import_options,
)
from duckml.registry import read as registry
from duckml.registry.read import StoredVersion
from duckml.sql import blocks
from duckml.statements import manage as managing
from duckml.training.progress import Listener, OnIteration, progress_bar

if TYPE_CHECKING:
    # Training brings scikit-learn and skl2onnx along; who only predicts never loads them.
    from duckml.estimators.model_warnings import ModelWarning
    from duckml.registry.publish import Created
    from duckml.statements.create import Request

# Makes of a text and its parameters the call of DuckDB's own method that runs it.
Finish = Callable[[Any, object], Callable[[], Any]]


class ModelWarningMessage(UserWarning):
    """What a training found worth saying, as a Python warning; the row that CREATE MODEL answers has it too."""


@dataclass
class _State:
    """What a connection remembers: the engine that serves, and what names meant since the catalog last changed."""

    engine: Engine
    listener: Listener | None = None
    resolved: dict[ModelName, Resolved] = field(default_factory=dict)
    catalog_version: int | None = None


_states: WeakKeyDictionary[Native, _State] = WeakKeyDictionary()

# The connections whose open result is the answer of a statement of ours. To the user it is like that of
# CREATE TABLE, which never keeps a connection busy, so it is given up when something else is run.
_answered: WeakSet[Native] = WeakSet()


def connect(
    path: str = ":memory:",
    read_only: bool = False,
    config: dict[str, Any] | None = None,
    *,
    device: str = "auto",
    engine: str = "auto",
) -> Connection:
    """Open a DuckDB database with duckml in it.

    `path`, `read_only` and `config` are DuckDB's own. `device` is where models run: 'cpu', 'cuda', 'openvino', or
    'auto' for the best that the installed onnxruntime has and that starts. `engine` is what serves them: 'native' is
    the extension for DuckDB that duckml brings, 'python' runs on every device, and 'auto' takes the native one where it
    can. To load it, the database is opened with allow_unsigned_extensions, which is turned off again; a plain
    duckdb.connect of the same file in this process must then have the same in its config. Raises DeviceError and
    EngineError when what is asked for by name is not there.
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
    """Give an open DuckDB connection duckml's statements; it is the same object afterwards, and closes as before.

    The native engine serves where the connection allows unsigned extensions; DESCRIBE MODEL says which engine does.
    Raises DeviceError and EngineError as `connect` does.
    """
    require_device(device)
    require_engine(engine)
    serving = engine_for(con, engine, device, _load)
    return con if isinstance(con, Connection) else _adopt(con, serving)


def _adopt(con: duckdb.DuckDBPyConnection, serving: Engine) -> Connection:
    con.__class__ = Connection
    adopted = cast("Connection", con)
    _states[adopted] = _State(serving)
    return adopted


def _load(key: str) -> bytes:
    """The bytes of a model that a query has met, from any database that is open through duckml."""
    return registry.load_anywhere(_open_connections(), key)


def _open_connections() -> list[Native]:
    """The connections of this process, in one step: other threads come and go with theirs."""
    return [con for reference in _states.keyrefs() if (con := reference()) is not None]


@atexit.register
def _close_all() -> None:
    """Close what is still open: DuckDB's Python package complains at exit about connections that are not."""
    for con in _open_connections():
        with contextlib.suppress(duckdb.Error):
            Native.close(con)


class Connection(duckdb.DuckDBPyConnection):
    """A DuckDB connection that also takes CREATE MODEL, PREDICT and the other statements of duckml."""

    __slots__ = ()

    # What DuckDB's class has, with our statements understood

    def execute(
        self, query: Any, parameters: object = None, *, dialect: str | None = None
    ) -> Connection:
        """Run SQL, duckml's statements included; the rows are fetched from the connection, as with DuckDB.

        With `dialect='bigquery'` the whole text is read as BigQuery's.
        """
        frame = sys._getframe(1)
        query = self._in_dialect(query, dialect)
        if isinstance(query, str) and might_concern_us(query):
            self._run_script(Native.execute, query, parameters, frame)
        else:
            if _answered:
                _answered.discard(self)
            in_frame(frame, Native.execute, self, query, parameters)
        return self

    def executemany(
        self, query: Any, parameters: object = None, *, dialect: str | None = None
    ) -> Connection:
        """Run one statement for each set of parameters; it may hold PREDICT."""
        query = self._in_dialect(query, dialect)
        if isinstance(query, str) and might_concern_us(query):
            self._run_script(Native.executemany, query, parameters, sys._getframe(1))
        else:
            _answered.discard(self)
            in_frame(sys._getframe(1), Native.executemany, self, query, parameters)
        return self

    def _run_script(self, method: Any, query: str, parameters: object, frame: FrameType) -> None:
        sessions.discard_result(self)
        _answered.discard(self)
        run = _Run(self, frame)
        run.script(
            query, parameters, lambda text, values: functools.partial(method, self, text, values)
        )

    def sql(
        self, query: Any, *, alias: str = "", params: object = None, dialect: str | None = None
    ) -> Any:
        """Run SQL, duckml's statements included, and answer a relation; a SELECT runs when the relation is read.

        With `dialect='bigquery'` the whole text is read as BigQuery's.
        """
        return self._relation(self._in_dialect(query, dialect), alias, params, sys._getframe(1))

    def _in_dialect(self, query: Any, dialect: str | None) -> Any:
        """A text of another dialect in DuckDB's."""
        if dialect is None or dialect.lower() == "duckdb":
            return query
        if dialect.lower() != "bigquery":
            raise StatementError(f"Unknown dialect '{dialect}'. Known: 'duckdb', 'bigquery'.")
        from duckml.language import bigquery

        return bigquery.translate(query, list(catalog.databases(self.registry_session())))

    def query(
        self, query: Any, *, alias: str = "", params: object = None, dialect: str | None = None
    ) -> Any:
        """The same as `sql`."""
        return self._relation(self._in_dialect(query, dialect), alias, params, sys._getframe(1))

    def from_query(
        self, query: Any, *, alias: str = "", params: object = None, dialect: str | None = None
    ) -> Any:
        """The same as `sql`."""
        return self._relation(self._in_dialect(query, dialect), alias, params, sys._getframe(1))

    def _relation(self, query: Any, alias: str, params: object, frame: FrameType) -> Any:
        self._give_up_answer()
        if not isinstance(query, str) or not might_concern_us(query):
            return in_frame(frame, Native.sql, self, query, alias=alias, params=params)

        def finish(text: Any, values: object) -> Callable[[], Any]:
            return functools.partial(Native.sql, self, text, alias=alias, params=values)

        return _Run(self, frame).script(query, params, finish)

    def _give_up_answer(self) -> None:
        if self in _answered:
            _answered.discard(self)
            sessions.discard_result(self)

    def cursor(self) -> Connection:
        """Another session on the same database, with duckml's statements too."""
        return _adopt(Native.cursor(self), _state(self).engine)

    def duplicate(self) -> Connection:
        """The same as `cursor`."""
        return self.cursor()

    def __enter__(self) -> Connection:
        return self

    def rewritten(self, query: str) -> str:
        """The SQL that DuckDB is given for a query: every PREDICT in it a call of a stored macro.

        Raises the errors of duckml.errors for a model that isn't there or arguments that don't fit.
        """
        return str(self._understood(query))

    def over(self, rows: Any, query: str, name: str) -> Any:
        """A relation from a query in which `name` means `rows`: a DataFrame, an Arrow table or the like."""
        return self._relation(query, "", None, _frame_with(**{name: rows}))

    # For programs that put other programs before a database

    def listen(self, listener: Listener) -> None:
        """Tell `listener` of the trainings of this session, and draw no bar and raise no Python warnings."""
        _state(self).listener = listener

    def bound(self, query: str, parameters: object = None) -> binding.BoundStatement:
        """The columns and parameters of one statement, duckml's included, without running it."""
        if not might_concern_us(query):
            return binding.bind_statement(self, query, parameters)
        script = parse(query)
        if not script.is_plain and isinstance(
            script.statements[0], CreateModel | CopyModel | RetrainModel
        ):
            return binding.bind_statement(self, blocks("queries")["created_columns"], None)
        if not script.is_plain and not isinstance(
            script.statements[0], Query | ShowModels | DescribeModel
        ):
            return binding.BoundStatement([], [], "nothing", True)
        answer: binding.BoundStatement = _Run(self, sys._getframe()).script(
            query,
            parameters,
            lambda text, values: functools.partial(binding.bind_statement, self, text, values),
        )
        _answered.discard(self)
        return answer

    def stream(
        self, query: str, parameters: Any = None, batch_size: int = 8192
    ) -> streams.RowStream:
        """Run one statement, duckml's included, and answer its rows as batches, which have at most `batch_size` rows.

        Nothing else can be run on this connection before they are read or closed.
        """
        self._give_up_answer()
        if not might_concern_us(query):
            return streams.RowStream(Native._submit(self, query, parameters, "stream", batch_size))

        def finish(text: Any, values: Any) -> Callable[[], Any]:
            return functools.partial(Native._submit, self, text, values, "stream", batch_size)

        result = _Run(self, sys._getframe()).script(query, parameters, finish)
        _answered.discard(self)
        return streams.RowStream(result)

    # The verbs of relations hand their texts to the connection through these methods of DuckDB's Python package. They
    # are not public: should a release of DuckDB rename them, PREDICT no longer works in `.filter('…')` and its kin, and
    # nothing else changes.

    def _check_text(self, text: str, shape: str) -> int:
        return int(super()._check_text(self._understood(text), shape))

    def _statement_count(self, sql: str) -> int:
        return int(super()._statement_count(self._understood(sql)))

    def _prepare_script(self, query: str, *arguments: Any, **options: Any) -> Any:  # type: ignore[override]
        return in_frame(
            _users_frame(), super()._prepare_script, self._understood(query), *arguments, **options
        )

    def _bind(self, sql: Any, *arguments: Any, **options: Any) -> Any:
        return in_frame(_users_frame(), super()._bind, self._understood(sql), *arguments, **options)

    def _submit(self, sql: str, *arguments: Any) -> Any:
        self._give_up_answer()
        return in_frame(_users_frame(), super()._submit, self._understood(sql), *arguments)

    def _create_view(self, name: Any, sql: str, **options: Any) -> None:
        in_frame(_users_frame(), super()._create_view, name, self._understood(sql), **options)

    def _understood(self, text: Any) -> Any:
        """A text with the calls in it replaced; anything but one query with calls as it is."""
        if not isinstance(text, str) or not might_concern_us(text):
            return text
        script = parse(text)
        if (
            script.is_plain
            or len(script.statements) != 1
            or not isinstance(script.statements[0], Query)
        ):
            return text
        run = _Run(self, _users_frame())
        return rewrite(
            script.text, script.statements[0], run.resolve(script.statements[0], fresh=False)
        )

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

        `query` is SQL, a DuckDB relation, or a pandas, polars or Arrow table. `estimator` is a name that SQL knows, or
        an unfitted scikit-learn regressor or classifier; `transform` is the list of TRANSFORM. `progress` is called
        after each pass with a `Progress`; without it, a terminal shows a bar. Raises the errors of duckml.errors.
        """
        from duckml.statements.create import Request

        frame = sys._getframe(1)
        sessions.discard_result(self)
        _answered.discard(self)
        own = None if isinstance(estimator, str) else estimator
        given = {name: _plain(value) for name, value in {"target": target, **options}.items()}
        if own is None:
            given["estimator"] = estimator
        run = _Run(self, frame)
        wanted = model_name(name)
        check_new_name(wanted)
        source = run.source(query)
        if own is not None:
            source["lineage"] = "trained from Python"
        request = Request(
            name=wanted,
            or_replace=or_replace,
            if_not_exists=if_not_exists,
            options=read_options(given, own),
            given=given if own is None else {**given, "estimator": repr(own)},
            transform=transform,
            **source,
        )
        created = run.create(request, progress)
        return Model(self, run.opened(created))

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
        """Store a scikit-learn estimator or pipeline that is fitted already, as it is.

        `sample` are rows such as it was fitted on: a DataFrame, an Arrow table, a relation, or a query. `target` names
        what it predicts; the sample may hold it, and is then what the metrics are measured on. `options` are
        description, tags, make_default and keep_versions. Raises ForeignModelError, and ParityError when ONNX can't say
        what the estimator says.
        """
        from duckml.statements import import_model as importing

        unknown = set(options) - {"description", "tags", "make_default", "keep_versions"}
        if unknown:
            raise OptionError.unknown(
                min(unknown), ["description", "tags", "make_default", "keep_versions"]
            )
        sessions.discard_result(self)
        _answered.discard(self)
        wanted = model_name(name)
        check_new_name(wanted)
        query = sample if isinstance(sample, str) else None
        relation = (
            self._relation(query, "", None, sys._getframe(1))
            if query is not None
            else self._rows(sample)
        )
        types = dict(zip(relation.columns, map(str, relation.types), strict=True))
        created, found = importing.register(
            self,
            wanted,
            estimator,
            relation.to_arrow_table(),
            types,
            target,
            or_replace=or_replace,
            options=read_import_options(
                {**options, "model_type": "onnx", "model_path": "registered"}
            ),
            device=_state(self).engine.device,
        )
        run = _Run(self, sys._getframe(1))
        run.warn(name, found)
        _state(self).resolved.clear()
        return Model(self, run.opened(created))

    def _rows(self, data: Any) -> Any:
        """A relation over rows from anywhere."""
        if hasattr(data, "query") and hasattr(data, "to_arrow_table"):
            return data
        name = sessions.unused_name()
        return self.over(data, f"SELECT * FROM {name}", name)

    def model(self, name: str) -> Model:
        """A stored model by name, its default version unless the name says `@n`; raises ModelNotFoundError."""
        return Model(self, registry.require(self.registry_session(), model_name(name)))

    @property
    def serving(self) -> Engine:
        """The engine that serves predictions: its `name` is 'native' or 'python', its `device` where it runs."""
        return _state(self).engine

    def registry_session(self) -> Native:
        """A session to read the registry on: this one, or one beside it while a result of this one is being fetched."""
        self._give_up_answer()
        try:
            sessions.read(self, "SELECT 1")
        except duckdb.ResourceInUseException:
            return sessions.new_session(self)
        return self


def _plain(value: Any) -> Any:
    """An option without NumPy's types and decimals."""
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, decimal.Decimal):
        return float(value)
    return value.tolist() if hasattr(value, "tolist") else value


def _state(con: Native) -> _State:
    return _states[con]


def _users_frame() -> FrameType:
    """The nearest frame outside DuckDB's package and this one: the one whose variables a statement may name."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and frame.f_back is not None:
        package = str(frame.f_globals.get("__name__", "")).split(".", maxsplit=1)[0]
        if package not in {"duckdb", "_duckdb", "duckml"}:
            break
        frame = frame.f_back
    assert frame is not None
    return frame


class _Run:
    """One text on one connection: parse, resolve, rewrite, hand to DuckDB."""

    def __init__(self, con: Connection, frame: FrameType) -> None:
        self.con = con
        self.frame = frame
        self.caller = frame  # whom warnings are for

    def script(self, sql: str, parameters: object, finish: Finish) -> Any:
        """Run every statement of a text; the answer of the last one. Parameters belong to the last one too."""
        script = parse(sql)
        if script.is_plain:
            return self.hand_over(sql, parameters, finish)
        answer = None
        for span, statement in zip(script.spans, script.statements, strict=True):
            last = statement is script.statements[-1]
            try:
                answer = self.statement(
                    script,
                    statement,
                    parameters if last else None,
                    finish if last else self.execute,
                )
            except DuckmlError:
                raise
            except duckdb.Error as error:
                # DuckDB counts lines from the start of what it is given.
                raise binding.with_line_offset(error, script.line(span)) from error.__cause__
            if not last:
                sessions.finish_result(self.con)
        return answer

    def execute(self, sql: Any, parameters: object) -> Callable[[], Any]:
        """The finish of a statement whose rows nobody will read."""
        return functools.partial(Native.execute, self.con, sql, parameters)

    def hand_over(self, sql: Any, parameters: object, finish: Finish) -> Any:
        """Give DuckDB a text, from the user's frame."""
        return in_frame(self.frame, finish(sql, parameters))

    def answer(self, sql: str, finish: Finish) -> Any:
        """Give the user the rows that a statement of ours answers."""
        answer = finish(sql, None)()
        _answered.add(self.con)
        return answer

    def statement(
        self, script: Script, statement: Statement, parameters: object, finish: Finish
    ) -> Any:
        """Run one statement."""
        if isinstance(statement, Query):
            return self.query(script, statement, parameters, finish)
        if isinstance(statement, CreateModel):
            return self.create_model(script, statement, parameters, finish)
        if isinstance(statement, RetrainModel):
            return self.retrain_model(script, statement, finish)
        if isinstance(statement, CopyModel):
            return self.answer_created(*managing.copy(self.con, statement), finish)
        if isinstance(statement, ShowModels):
            return self.answer(self.show_models(statement), finish)
        if isinstance(statement, DescribeModel):
            return self.answer(self.describe_model(statement), finish)
        if isinstance(statement, ExportModel):
            self.export_model(script, statement)
        elif isinstance(statement, DropModel):
            managing.drop(self.con, statement)
        else:
            options = statement.options if isinstance(statement, SetOptions) else ()
            managing.alter(self.con, statement, self.option_values(script, options))
        _state(self.con).resolved.clear()
        return self.answer(_NOTHING, finish)

    # Queries

    def query(self, script: Script, query: Query, parameters: object, finish: Finish) -> Any:
        """Run a query of DuckDB's with our calls in it.

        What a name meant may have changed since it was looked up: then DuckDB refuses the arguments of the macro, and
        the names are looked up once more.
        """
        inline = self.must_be_inline(script, query)
        resolved = self.resolve(
            query, fresh=inline
        )  # without a macro nothing else would tell a version of yesterday
        sql = rewrite(script.text, query, resolved, inline=inline)
        try:
            return self.hand_over(sql, parameters, finish)
        except (duckdb.BinderException, duckdb.CatalogException) as error:
            if not resolved:
                raise
            first = error
        except duckdb.ParserException as error:
            if not resolved or isinstance(error, DuckmlError):
                raise
            raise in_the_users_text(error, self.text_of(script, query)) from error.__cause__
        except duckdb.Error as error:
            if not resolved or _LATERAL_BUG not in str(error):
                raise
            sql = rewrite(script.text, query, self.resolve(query, fresh=True), inline=True)
            return self.hand_over(sql, parameters, finish)
        with contextlib.suppress(duckdb.TransactionException):
            resolved = self.resolve(query, fresh=True)
            again = rewrite(script.text, query, resolved, inline=inline)
            if again != sql:
                return self.hand_over(again, parameters, finish)
        raise self.explained(first, script, query, resolved, parameters) from first

    def text_of(self, script: Script, query: Query) -> str:
        """The user's text of a query, from its first word on: whoever runs the script counts the lines before it."""
        spans = [
            span
            for span, known in zip(script.spans, script.statements, strict=True)
            if known is query
        ]
        return script.source(spans[0] if spans else query.span)

    def must_be_inline(self, script: Script, query: Query) -> bool:
        """Whether a macro can't stand here because of a bug of DuckDB's; a view needs its macro all the same."""
        return (
            query.made is None
            and b"lateral" in script.text[query.span.start : query.span.end].lower()
        )

    def explained(
        self,
        error: duckdb.Error,
        script: Script,
        query: Query,
        resolved: Mapping[Call, Resolved],
        parameters: object,
    ) -> duckdb.Error:
        """The error in the words of the model, or as it is."""

        # Whether the query binds when one call has NULL for some features and all others have it for all of theirs.
        def binds(call: Call, blank: frozenset[str]) -> bool:
            everything = {
                other: frozenset(model.signature.input_names) for other, model in resolved.items()
            }
            sql = "EXPLAIN " + rewrite(
                script.text, query, resolved, blank={**everything, call: blank}
            )
            try:
                self.hand_over(sql, parameters, self.execute)
            except duckdb.Error:
                return False
            return True

        explained = explain(error, script.text.decode(), resolved, binds)
        return explained or in_the_users_text(error, self.text_of(script, query))

    def resolve(self, query: Query, fresh: bool) -> dict[Call, Resolved]:
        """What the calls of a query mean; a call that is the user's own function is left out.

        Raises ModelNotFoundError for a model that isn't there, PlacementError for a PREDICT that would tie a table to
        a model.
        """
        self.forget_what_may_have_changed(fresh)
        resolved = {}
        for call in query.calls:
            model = self.remembered(call) or self.looked_up(call, fresh)
            if model is not None:
                resolved[call] = model
        if resolved and query.tying is not None:
            raise PlacementError.inside(query.tying)
        return resolved

    def forget_what_may_have_changed(self, fresh: bool) -> None:
        """Forget what names meant when this session has run something that may have changed it, or when asked to."""
        state = _state(self.con)
        version = sessions.catalog_version(self.con)
        if fresh or version is None or version != state.catalog_version:
            state.resolved.clear()
            state.catalog_version = version

    def remembered(self, call: Call) -> Resolved | None:
        """What a name meant the last time, while the catalog is unchanged as far as this session can tell.

        Another session may have changed it. That is harmless for arguments by name, which DuckDB checks against the
        macro; by position, and where the name of the target matters, the registry is asked each time.
        """
        by_position = any(
            argument.name is None and argument.star is None for argument in call.arguments
        )
        if call.function not in {"predict", "predict_proba"} or call.in_from or by_position:
            return None
        return _state(self.con).resolved.get(call.model)

    def looked_up(self, call: Call, fresh: bool) -> Resolved | None:
        """What a name means, from the registry; None when it is the user's own function that is called."""
        is_scalar = call.function in {"predict", "predict_proba"}
        stored = registry.find(self.con, call.model, check_macro=fresh or not is_scalar)
        is_planned = SQL_FUNCTIONS[call.function].is_planned
        if stored is None or is_planned:
            if not call.explicit and catalog.function_exists(self.con, call.function):
                return None
            if is_planned:
                raise NotYetError.of(call.function.upper())
            raise registry.not_found(self.con, call.model)
        tag = call.model.tag
        resolved = stored.resolved(
            None if tag is None else str(stored.version) if tag.isdigit() else fold(tag)
        )
        if is_scalar or call.table is not None:
            self.open(stored)
        _state(self.con).resolved[call.model] = resolved
        return resolved

    def open(self, stored: StoredVersion) -> None:
        """Open the model of a version, so that a damaged one is refused before the query runs."""
        _state(self.con).engine.open(stored.key, lambda: registry.load_known(self.con, stored.key))

    # CREATE MODEL

    def create_model(
        self, script: Script, statement: CreateModel, parameters: object, finish: Finish
    ) -> Any:
        """Train and store a model, or import one; the answer is one row about it."""
        given = self.option_values(script, statement.options)
        if statement.query is None:
            from duckml.statements import import_model as importing

            options = read_import_options(given)
            flags = (statement.or_replace, statement.if_not_exists)
            device = _state(self.con).engine.device
            created, found = importing.import_onnx(
                self.con, statement.name, *flags, options, given, device
            )
            return self.answer_created(created, found, finish)
        training_query = script.source(statement.query.span).strip()
        try:
            created_version = self.create(
                self.request(
                    statement,
                    given,
                    training_query,
                    rewrite(
                        script.text, statement.query, self.resolve(statement.query, fresh=True)
                    ),
                    None if statement.transform is None else script.source(statement.transform),
                    parameters,
                ),
                None,
            )
        except DuckmlError:
            raise
        except duckdb.Error as error:
            statement_span = script.spans[script.statements.index(statement)]
            lines = script.line(statement.query.span) - script.line(statement_span)
            raise binding.with_line_offset(error, lines) from error.__cause__
        return self.answer_created(created_version, [], finish)

    def request(
        self,
        statement: CreateModel,
        given: dict[str, Any],
        training_query: str,
        query: str,
        transform: str | None,
        parameters: object,
    ) -> Request:
        """What CREATE MODEL asks for."""
        from duckml.statements.create import Request

        return Request(
            name=statement.name,
            or_replace=statement.or_replace,
            if_not_exists=statement.if_not_exists,
            options=read_options(given),
            given=given,
            training_query=training_query,
            query=query,
            parameters=parameters,
            transform=transform,
            lineage="trained with parameters" if parameters else "trained",
        )

    def retrain_model(self, script: Script, statement: RetrainModel, finish: Finish) -> Any:
        """Run the stored query again, with the stored options but for those given, and store the next version."""
        model = Model(self.con, registry.require(self.con, statement.name))
        if model.info.get("lineage", "trained").split(",")[0] != "trained":
            raise StatementError(
                f"Model '{statement.name}' can't be retrained: it was {model.info['lineage']}, and what it came from "
                "is not in the database. CREATE OR REPLACE MODEL makes a new version of it."
            )
        own_name = ModelName(model.place_parts)
        notes = {name: model.info[name] for name in ("description", "tags")}
        notes["tags"] = None if notes["tags"] is None else json.loads(notes["tags"])
        stored = {
            **json.loads(model.info["options"]),
            **{n: value for n, value in notes.items() if value is not None},
        }
        given = for_retraining(stored, self.option_values(script, statement.options))
        text = str(model.info["training_query"])
        transform = model.signature.transform
        create = CreateModel(own_name, True, False, None, (), None)
        # The query finds its tables where it found them the first time, wherever this session looks today.
        with search_path.using_schema(self.con, _place_of(model)):
            sql = self.source(text)["query"]
            request = self.request(
                create, given, text, sql, None if transform is None else transform.text, None
            )
            created = self.create(request, None)
        return self.answer_created(created, [], finish)

    def opened(self, created: Created) -> StoredVersion:
        """A version that was made, open: until its transaction ends, no other session finds its bytes."""
        place = created.place
        full_name = ModelName((place.database, place.schema, created.name), str(created.version))
        stored = registry.require(self.con, full_name)
        self.open(stored)
        return stored

    def answer_created(self, created: Created, found: list[ModelWarning], finish: Finish) -> Any:
        """The one row about a version that was made."""
        self.warn(created.name, found)
        _state(self.con).resolved.clear()
        self.opened(created)
        return self.answer(
            registry.created_query(created.place, created.name, created.version), finish
        )

    def warn(self, name: str, found: list[ModelWarning]) -> None:
        """Say what is worth saying of a new version, as Python warnings or to the one who listens."""
        listener = _state(self.con).listener
        for warning in found:
            if listener is not None:
                listener.on_warning(name, warning)
                continue
            warnings.warn_explicit(
                f"{name}: {warning.message} [{warning.code}]",
                ModelWarningMessage,
                self.caller.f_code.co_filename,
                self.caller.f_lineno,
            )

    def export_model(self, script: Script, statement: ExportModel) -> None:
        """Write a model to a file: as it is, or as a SELECT for another database."""
        from duckml.statements import export_model as exporting

        options = read_export_options(self.option_values(script, statement.options))
        exporting.export_model(self.con, registry.require(self.con, statement.name), options)

    def option_values(self, script: Script, options: Options) -> dict[str, Any]:
        """The values of OPTIONS: constants, which DuckDB itself evaluates."""
        values = {}
        for name, span in options:
            text = script.source(span)
            if name in {"format", "dialect"} and text.isidentifier():  # bare words, as in COPY
                values[name] = text
                continue
            try:
                [(value,)] = sessions.read(self.con, f"SELECT ({text})")
            except (duckdb.Error, ValueError) as error:
                if isinstance(error, duckdb.TransactionException | duckdb.ResourceInUseException):
                    raise
                raise OptionError.not_constant(name, text) from error
            values[name] = _plain(value)
        return values

    def create(self, request: Request, progress: OnIteration | None) -> Created:
        """Train and store what is requested, with a progress bar on a terminal."""
        from duckml.statements import create as creation

        with contextlib.ExitStack() as stack:
            listener = _state(self.con).listener
            on_iteration = progress or (
                listener.on_iteration if listener else stack.enter_context(progress_bar())
            )
            device = _state(self.con).engine.device
            created, found = creation.create(self.con, request, self.frame, device, on_iteration)
        _state(self.con).resolved.clear()
        self.warn(str(request.name), found)
        return created

    def source(self, query: Any) -> dict[str, Any]:
        """The training query of `Connection.create_model`, from whatever rows it was given."""
        if isinstance(query, str):
            script = parse(query)
            if len(script.statements) != 1 or not isinstance(script.statements[0], Query):
                raise StatementError("The rows to train on come from one query.")
            statement = script.statements[0]
            sql = rewrite(script.text, statement, self.resolve(statement, fresh=True))
            return {"training_query": query, "query": sql, "parameters": None, "lineage": "trained"}
        text = f"SELECT * FROM {type(query).__name__}"
        if hasattr(query, "sql_query") and hasattr(query, "to_arrow_table"):
            # Its rows and not its text: the relation may have parameters, or be of another database.
            text, query = str(query.sql_query()), query.to_arrow_table()
        name = sessions.unused_name()
        self.frame = _frame_with(**{name: query})
        return {
            "training_query": text,
            "query": f"SELECT * FROM {name}",
            "parameters": None,
            "lineage": "trained on rows",
        }

    # Other statements

    def show_models(self, statement: ShowModels) -> str:
        """The query that SHOW MODELS stands for."""
        query = blocks("queries")["show_models"]
        parts = [blocks("queries")["show_nothing"]]
        living = registry.living(self.con)
        for database in dict.fromkeys(place.database for place, _ in living):
            named = [(place.schema, name) for place, name in living if place.database == database]
            models = ", ".join(f"({literal(schema)}, {literal(name)})" for schema, name in named)
            parts.append(
                query.format(
                    database=quote(database), database_literal=literal(database), models=models
                )
            )
        pattern = (
            "" if statement.pattern is None else f" WHERE name ILIKE {literal(statement.pattern)}"
        )
        return (
            f"SELECT * FROM ({' UNION ALL '.join(parts)}){pattern} ORDER BY database, schema, name"
        )

    def describe_model(self, statement: DescribeModel) -> str:
        """The query that DESCRIBE MODEL stands for: one row per property, then the signature."""
        model = Model(self.con, registry.require(self.con, statement.name))
        rows = [("model", model.full_name), ("artifact_key", model.key), *_properties(model)]
        aliases = model.aliases
        rows += [("aliases", ", ".join(aliases))] if aliases else []
        serving = _state(self.con).engine
        rows += [("engine", engine_description(serving)), ("device", serving.device_of(model.key))]
        transform = model.signature.transform
        if transform is not None:
            rows += [("transform", transform.text)]
            rows += [(f"input {column.name}", column.sql_type) for column in transform.inputs]
        rows += [(f"feature {f.name}", f"{f.sql_type}, {f.kind}") for f in model.signature.features]
        target = model.signature.target
        classes = "" if target.labels is None else f", one of {listed(target.labels)}"
        rows.append((f"target {target.name}", target.sql_type + classes))
        values = ", ".join(f"({literal(name)}, {literal(value)})" for name, value in rows)
        return f"SELECT * FROM (VALUES {values}) AS described(name, value)"


# DuckDB 2.0.0 fails with this on a macro with typed parameters in a correlated subquery whose result is filtered:
# CREATE MACRO m(x DOUBLE) AS x; SELECT * FROM t, LATERAL (SELECT m(t.a) AS p) WHERE p > 1
_LATERAL_BUG = "unordered_map::at"

# What a statement without rows answers, as DuckDB's own DDL does.
_NOTHING = "SELECT NULL::BOOLEAN AS Success WHERE false"


def _place_of(model: Model) -> search_path.Place | None:
    """Where the training query of a model found names without a schema; None where nothing says so.

    A schema alone is one of the model's own database, whatever that is called today.
    """
    path = json.loads(model.info.get("search_path") or "[]")
    if not path:
        return None
    return (
        search_path.Place(path[0], path[1])
        if len(path) == 2
        else search_path.Place(model.place_parts[0], path[0])
    )


def _properties(model: Model) -> list[tuple[str, str]]:
    """Everything that is stored of a version, as texts."""
    rows = []
    for name, value in model.info.items():
        if name == "metrics":
            rows += [(f"metric {metric}", f"{number:.10g}") for metric, number in value.items()]
        elif name == "warnings":
            rows += [(f"warning {warning['code']}", warning["message"]) for warning in value]
        elif isinstance(value, dict | list):
            rows.append((name, json.dumps(value, ensure_ascii=False, default=str)))
        elif value is not None:
            rows.append((name, str(value)))
    return rows


def _frame_with(**variables: Any) -> FrameType:
    """A frame whose variables are the given ones."""
    namespace: dict[str, Any] = {"_getframe": sys._getframe}
    exec(f"def make({', '.join(variables)}): return _getframe()", namespace)
    return cast(FrameType, namespace["make"](**variables))
