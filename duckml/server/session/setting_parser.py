"""The commands about settings: SET, SHOW, RESET and the function set_config()."""

from __future__ import annotations

from duckml.names import fold, unquote
from duckml.server.errors import WireError
from duckml.server.session.commands import (
    Command,
    NoOperation,
    ResetParameter,
    SetParameter,
    ShowParameter,
)
from duckml.server.session.sql_statement import sql_statement
from duckml.server.session.statement_reader import StatementReader, string_value

_TABLES = (
    "SELECT name FROM memory.main._pg_relations "
    "WHERE kind IN ('r', 'v') AND schema_name IN (current_schema(), 'temp') ORDER BY name"
)
# SHOW followed by one of these is a query to DuckDB or duckml.
_SHOWN_BY_DUCKDB = frozenset(
    {"tables", "models", "databases", "schemas", "views", "columns", "from", "variables"}
)
# The words after SESSION in statements in which it does not introduce a setting.
_NOT_SETTINGS = frozenset({"=", "to", "authorization", "characteristics"})


def parse_set(reader: StatementReader) -> Command:
    """Parse SET [SESSION | LOCAL] name { = | TO } value."""
    is_local = reader.word(1) == "local"
    has_scope = reader.word(1) in {"session", "local"} and reader.word(2) not in _NOT_SETTINGS
    position = 2 if has_scope else 1
    first, second = reader.word(position), reader.word(position + 1)
    if first == "variable":
        return _set_variable(reader, second)
    if first == "global":
        raise WireError("42501", "SET GLOBAL is not permitted.")
    if first == "transaction" or (first == "session" and second == "characteristics"):
        return NoOperation("SET")
    if first in {"role", "session"}:
        raise WireError(
            "42501",
            "Changing the role of a session is not permitted.",
            "Connect as the other user.",
        )
    if first == "names":
        return SetParameter("client_encoding", _value(reader, position + 1), is_local)
    if first == "time" and second == "zone":
        return SetParameter("timezone", _value(reader, position + 2), is_local)
    following = range(position + 1, len(reader))
    equals = next((index for index in following if reader.word(index) in {"=", "to"}), None)
    if equals is None:
        raise reader.expected("SET name = value")
    name = _setting_name(reader, position, equals)
    return SetParameter(name, _value(reader, equals + 1), is_local)


def _set_variable(reader: StatementReader, name: str) -> Command:
    # Variables of these names hold the session's settings for the views of PostgreSQL's catalogs.
    if name.strip('"').startswith("__pg_"):
        raise WireError("42501", "Variables that begin with __pg_ are reserved for the server.")
    return reader.as_sql("set")


def _setting_name(reader: StatementReader, start: int, stop: int) -> str:
    """Return the name of a setting, which may have dots in it or be several words."""
    words = [reader.name(index) for index in range(start, stop)]
    if words[:2] == ["time", "zone"]:
        return "timezone"
    if words[:3] == ["transaction", "isolation", "level"]:
        return "transaction_isolation"
    return "".join(words)


def _value(reader: StatementReader, start: int) -> str | None:
    """Return the value of a setting as a string, None for DEFAULT."""
    items = [_item(token.text) for token in reader.tokens[start:]]
    if not items:
        raise reader.missing("A value")
    text = "".join(items)
    return None if text.lower() in {"default", "local"} else text


def _item(text: str) -> str:
    if text == ",":
        return ", "
    return string_value(text) if text.startswith("'") else unquote(text)


def parse_show(reader: StatementReader) -> Command:
    """Parse SHOW of a setting; other forms of SHOW are queries."""
    if reader.words == ["show", "tables"]:  # without the server's own views
        return sql_statement(_TABLES, "select")
    if reader.words == ["show", "databases"]:
        return sql_statement("SELECT current_database() AS database_name", "select")
    if len(reader) == 1 or reader.word(1) in _SHOWN_BY_DUCKDB:
        return reader.as_sql("select")
    if reader.words[1:3] == ["all", "tables"]:
        return reader.as_sql("select")
    return ShowParameter(_setting_name(reader, 1, len(reader)))


def parse_reset(reader: StatementReader) -> ResetParameter:
    """Parse RESET name, or RESET ALL."""
    if reader.word(1) == "all":
        return ResetParameter("all")
    return ResetParameter(_setting_name(reader, 1, len(reader)))


def parse_set_config(reader: StatementReader) -> SetParameter | None:
    """Parse SELECT [pg_catalog.]set_config('name', 'value', is_local), None for another query.

    Many clients begin a session with it.
    """
    words = reader.words
    start = 3 if words[1:3] == ["pg_catalog", "."] else 1
    call = words[start:]
    if len(call) != 8 or call[0] != "set_config" or call[1::2] != ["(", ",", ",", ")"]:
        return None
    if not call[2].startswith("'") or not call[4].startswith("'"):
        return None
    name, value = (string_value(reader.tokens[start + index].text) for index in (2, 4))
    return SetParameter(fold(name), value, call[6] == "true", is_query=True)
