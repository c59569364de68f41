"""What a role may do, decided from what DuckDB says a statement is, before it runs.

`read` runs queries, predictions among them; `train` also makes, changes and drops models; `admin` also changes tables.
Nobody reads or writes files of the server, attaches databases or changes DuckDB's settings.
"""

from __future__ import annotations

import enum
import functools

import duckdb

from duckml.language.parser import might_concern_us, parse
from duckml.language.syntax import (
    CreateModel,
    DescribeModel,
    DropModel,
    ExportModel,
    Query,
    RenameModel,
    SetAlias,
    SetDefaultVersion,
    SetOptions,
    ShowModels,
    Statement,
)
from duckml.language.tokens import tokenize
from duckml.names import fold, unquote
from duckml.server.caches import remembered
from duckml.server.errors import WireError
from duckml.server.session.commands import Sql


class Role(enum.IntEnum):
    """A role may do what those before it may."""

    READ = 1
    TRAIN = 2
    ADMIN = 3

    @classmethod
    def named(cls, name: str) -> Role:
        """The role of a name; raises ValueError when there is none."""
        if name.upper() not in cls.__members__:
            raise ValueError(
                f"There is no role '{name}'. There are {', '.join(role.name.lower() for role in cls)}."
            )
        return cls[name.upper()]


# DuckDB's kinds of statements. What isn't here is for nobody: ATTACH, COPY, EXPORT, LOAD, PRAGMA, SET and what comes.
_READING = frozenset({"SELECT", "EXPLAIN", "RELATION", "EXECUTE"})
# What an EXECUTE does is another thing after the next PREPARE of the name.
CHANGEABLE_VERBS = frozenset({"execute", "explain"})
# What DuckDB makes several statements of, as of a PIVOT whose columns are values, is known only when it runs, and what
# it can't read, because of words of duckml's, isn't known to it either: then the first word counts.
QUERY_VERBS = frozenset(
    {"select", "from", "with", "(", "values", "pivot", "describe", "summarize", "explain"}
)
_BY_VERB = {
    **dict.fromkeys(QUERY_VERBS, "SELECT"),
    **{
        "insert": "INSERT",
        "update": "UPDATE",
        "delete": "DELETE",
        "merge": "MERGE_INTO",
        "create": "CREATE",
    },
}
_CHANGING = frozenset(
    {"INSERT", "UPDATE", "DELETE", "MERGE_INTO", "CREATE", "CREATE_FUNC", "ALTER", "DROP", "VACUUM"}
)

# Table functions that read nothing but tables and catalogs. DuckDB keeps the rest from other files than those that it
# has open itself: the database, and what it has put aside on disk for everybody's statements.
_HARMLESS_FUNCTIONS = frozenset(
    {
        *(
            "duckdb_columns",
            "duckdb_constraints",
            "duckdb_dependencies",
            "duckdb_extensions",
            "duckdb_functions",
        ),
        *(
            "duckdb_indexes",
            "duckdb_keywords",
            "duckdb_memory",
            "duckdb_schemas",
            "duckdb_sequences",
            "duckdb_settings",
        ),
        *(
            "duckdb_tables",
            "duckdb_types",
            "duckdb_variables",
            "duckdb_views",
            "generate_series",
            "histogram",
        ),
        *(
            "histogram_values",
            "icu_calendar_names",
            "json_each",
            "json_tree",
            "pg_timezone_names",
            "pragma_show",
        ),
        *(
            "pragma_storage_info",
            "pragma_table_info",
            "pragma_version",
            "query_table",
            "range",
            "repeat",
            "repeat_row",
        ),
        *("show", "summary", "test_all_types", "unnest", "version"),
    }
)


def model_statement(text: str) -> Statement | None:
    """The statement of duckml's own that a text is; None when it is a query, or DuckDB's."""
    if not might_concern_us(text):
        return None
    script = parse(text)
    return (
        None if script.is_plain or isinstance(script.statements[0], Query) else script.statements[0]
    )


def check(role: Role, sql: Sql, ours: Statement | None, writes: bool, is_read_only: bool) -> None:
    """Raise WireError when a role may not run a statement, or nobody may.

    `writes` says whether running it would change a database.
    """
    if ours is not None:
        _check_ours(role, ours, writes, is_read_only)
        return
    kind = _kind(sql.text)
    if kind == "PREPARE":
        kind = _kind(_prepared(sql.text))
    if kind in {"MULTI", _UNREADABLE}:
        kind = _BY_VERB.get(sql.verb, "")
    if kind == "SET" and sql.verb == "set" and not writes:
        return  # SET VARIABLE, which is the session's own; every other SET is answered by the session itself
    if kind not in _READING | _CHANGING:
        raise WireError(
            "42501",
            f"{sql.verb.upper()} is not for clients of this server.",
            _WHOSE,
        )
    if kind in _CHANGING or writes:
        what = sql.verb.upper() if kind in _CHANGING else f"a {sql.verb.upper()} that writes"
        _require(role, Role.ADMIN, what, is_read_only)


_UNREADABLE = "UNREADABLE"
_WHOSE = "Files, other databases, extensions and settings are those of whoever runs the server."


def check_functions(*texts: str) -> None:
    """Raise WireError for a function that may reach beyond tables and catalogs; before anything asks DuckDB."""
    for text in texts:
        if function := _reaching_function(text):
            raise WireError("42501", f"{function}() is not for clients of this server.", _WHOSE)


@remembered
def _reaching_function(text: str) -> str:
    """The function that a statement calls and that may reach beyond tables and catalogs; '' for none."""
    tokens = tokenize(text)
    for before, token, behind in zip([None, *tokens], tokens, tokens[1:], strict=False):
        is_called = behind.text == "(" and not (
            before is not None and before.word in {"into", "with", "recursive"}
        )
        if is_called and _plain(token.text) in _reaching_functions():
            return _plain(token.text)
    return ""


def _plain(name: str) -> str:
    return fold(unquote(name) if name.startswith('"') else name)


@functools.cache
def _reaching_functions() -> frozenset[str]:
    """The table functions of this DuckDB but for the harmless, and those that are functions of another kind, too."""
    with duckdb.connect() as con:
        rows = con.execute(
            "SELECT function_name FROM duckdb_functions() WHERE database_name = 'system' GROUP BY ALL "
            "HAVING bool_and(function_type IN ('table', 'table_macro', 'pragma'))"
        ).fetchall()
    return frozenset(name for (name,) in rows) - _HARMLESS_FUNCTIONS


def _check_ours(role: Role, ours: Statement, writes: bool, is_read_only: bool) -> None:
    name = type(ours).__name__.removesuffix("Model").upper() + " MODEL"
    if isinstance(ours, ExportModel) or (isinstance(ours, CreateModel) and ours.query is None):
        raise WireError(
            "42501", f"{name} with a file is not for clients: it would be a file of the server."
        )
    if writes:
        _require(role, Role.TRAIN, name, is_read_only)


def _require(role: Role, needed: Role, what: str, is_read_only: bool) -> None:
    if role < needed:
        raise WireError(
            "42501", f"The role {role.name.lower()} may not run {what}; {needed.name.lower()} may."
        )
    if is_read_only:
        raise WireError(
            "25006", f"{what} can't be run: the server is read-only.", "duckml serve --read-write"
        )


@remembered
def _kind(text: str) -> str:
    """What kind of statement DuckDB takes a text for; '' for those that its Python package doesn't know."""
    try:
        statements = duckdb.extract_statements(text)
        return str(statements[0].type.name) if len(statements) == 1 else ""
    except ValueError:
        return ""
    except duckdb.ParserException:
        return _UNREADABLE


def _prepared(text: str) -> str:
    """The statement behind PREPARE name [(types)] AS."""
    found = next((token for token in tokenize(text) if token.word == "as"), None)
    return text if found is None else text.encode()[found.end :].decode()


def tag_without_rows(ours: Statement) -> str:
    """What is answered to a statement of duckml's own that has no rows; '' for one that has."""
    if isinstance(ours, DropModel):
        return "DROP MODEL"
    return (
        "ALTER MODEL"
        if isinstance(ours, RenameModel | SetOptions | SetDefaultVersion | SetAlias)
        else ""
    )


def changes_models(ours: Statement | None) -> bool:
    """Whether a statement of duckml's own makes, changes or drops models."""
    return not isinstance(ours, ShowModels | DescribeModel | ExportModel)
