"""The statements that a role may run, decided before they run from what DuckDB finds in them.

No role can read or write files of the server, attach databases or change DuckDB's settings.
"""

from __future__ import annotations

from duckml.language.syntax import CreateModel, ExportModel, ModelStatement
from duckml.server.errors import WireError
from duckml.server.session.roles import Role
from duckml.server.session.sql_statement import UNKNOWN, UNREADABLE, SqlStatement

# DuckDB's kinds of statements. All others are refused: ATTACH, COPY, EXPORT, LOAD, PRAGMA, SET and
# those of later releases.
_READING = frozenset({"SELECT", "EXPLAIN", "RELATION", "EXECUTE"})
_CHANGING = frozenset(
    {"INSERT", "UPDATE", "DELETE", "MERGE_INTO", "CREATE", "CREATE_FUNC", "ALTER", "DROP", "VACUUM"}
)
_KIND_BY_VERB = {
    "insert": "INSERT",
    "update": "UPDATE",
    "delete": "DELETE",
    "merge": "MERGE_INTO",
    "create": "CREATE",
}
_HINT = "Only the operator of the server can use files, other databases, extensions and settings."


def check_functions(sql: SqlStatement) -> None:
    """Raise WireError if a statement calls a table function that clients may not call.

    Called before DuckDB binds the statement, because binding reads files.
    """
    function = sql.forbidden_function or sql.forbidden_function_in_translation
    if function:
        raise WireError("42501", f"{function}() is not permitted on this server.", _HINT)


def check(role: Role, sql: SqlStatement, writes: bool, is_read_only: bool) -> None:
    """Raise WireError if a role may not run a statement.

    `writes` states whether running it would change a database.
    """
    if sql.model_statement is not None:
        _check_model_statement(role, sql.model_statement, writes, is_read_only)
        return
    kind = _kind(sql)
    # SET VARIABLE concerns one session. The session runs every other SET itself.
    if kind == "SET" and sql.verb == "set" and not writes:
        return
    verb = sql.verb.upper()
    if kind not in _READING | _CHANGING:
        raise WireError("42501", f"{verb} is not permitted on this server.", _HINT)
    if kind in _CHANGING or writes:
        action = verb if kind in _CHANGING else f"a {verb} that writes"
        _require(role, Role.ADMIN, action, is_read_only)


def _kind(sql: SqlStatement) -> str:
    # DuckDB knows what a PIVOT without values does only when it runs, and cannot parse duckml's
    # syntax. The first word decides for these.
    if sql.kind in {"MULTI", UNREADABLE}:
        return "SELECT" if sql.begins_as_query else _KIND_BY_VERB.get(sql.verb, UNKNOWN)
    return sql.kind


def _check_model_statement(
    role: Role, statement: ModelStatement, writes: bool, is_read_only: bool
) -> None:
    name = statement.command_tag
    is_import = isinstance(statement, CreateModel) and statement.query is None
    if is_import or isinstance(statement, ExportModel):
        raise WireError(
            "42501", f"{name} with a file is not permitted: the file would be the server's."
        )
    if writes:
        _require(role, Role.TRAIN, name, is_read_only)


def _require(role: Role, needed: Role, action: str, is_read_only: bool) -> None:
    if role < needed:
        raise WireError(
            "42501",
            f"The role {role.name.lower()} may not run {action}; {needed.name.lower()} may.",
        )
    if is_read_only:
        raise WireError(
            "25006",
            f"{action} can't be run: the server is read-only.",
            "duckml serve --read-write",
        )
