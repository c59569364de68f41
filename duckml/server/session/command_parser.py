"""Statements → commands: which of PostgreSQL's commands a client's statement is.

A statement that is none of them is SQL for DuckDB and duckml, with its text unchanged.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from duckml.language.tokens import Tokens
from duckml.server.errors import WireError
from duckml.server.session import commands
from duckml.server.session.copy_parser import parse_copy
from duckml.server.session.setting_parser import (
    parse_reset,
    parse_set,
    parse_set_config,
    parse_show,
)
from duckml.server.session.sql_statement import sql_statement
from duckml.server.session.statement_reader import StatementReader

# DuckDB takes the square of their number to look up the parts of a name, and cannot be interrupted.
_MANY_PARTS = re.compile(r"(?:\.\s*(?:\w+|\"[^\"]*\")\s*){64}")
_BACKWARD = frozenset({"backward", "prior", "first", "last", "absolute", "relative", "-"})


def parse_command(text: str, tokens: Tokens) -> commands.Command:
    """Return the command that a statement with these tokens is.

    Raises WireError where a command of PostgreSQL is misspelt or not supported.
    """
    if _MANY_PARTS.search(text):
        raise WireError("54001", "A name has more than 64 parts.")
    if not tokens:
        return commands.NoOperation("")
    reader = StatementReader(tokens)
    verb = reader.word(0)
    if verb in {"create", "alter", "drop"} and reader.word(1) in {"user", "role", "group"}:
        raise WireError(
            "0A000",
            "SQL statements for users are not supported: the server reads them from a file.",
            "duckml user add NAME --role ROLE --users FILE adds one, or changes the password.",
        )
    parse = _PARSERS.get(verb)
    return reader.as_sql(verb) if parse is None else parse(reader)


def _begin(reader: StatementReader) -> commands.Begin:
    return commands.Begin("read" in reader.words and "only" in reader.words)


def _commit(reader: StatementReader) -> commands.Command:
    position = 2 if reader.word(1) in {"work", "transaction"} else 1
    return commands.Commit() if _ends_at(reader, position) else reader.as_sql(reader.word(0))


def _rollback(reader: StatementReader) -> commands.Command:
    position = 2 if reader.word(1) in {"work", "transaction"} else 1
    if reader.word(position) == "to":
        has_keyword = reader.word(position + 1) == "savepoint"
        return commands.RollbackTo(reader.name(position + (2 if has_keyword else 1)))
    return commands.Rollback() if _ends_at(reader, position) else reader.as_sql(reader.word(0))


def _ends_at(reader: StatementReader, index: int) -> bool:
    return reader.words[index:] in ([], ["and", "no", "chain"])


def _savepoint(reader: StatementReader) -> commands.Savepoint:
    return commands.Savepoint(reader.name(1))


def _release(reader: StatementReader) -> commands.Release:
    # SAVEPOINT is a name where nothing follows it.
    has_keyword = reader.word(1) == "savepoint" and len(reader) > 2
    return commands.Release(reader.name(2 if has_keyword else 1))


def _discard(reader: StatementReader) -> commands.Discard:
    return commands.Discard(reader.word(1))


def _declare(reader: StatementReader) -> commands.DeclareCursor:
    """Parse DECLARE name [BINARY] [NO SCROLL] CURSOR [WITH HOLD] FOR query."""
    words = reader.words
    if "cursor" not in words or "for" not in words[words.index("cursor") :]:
        raise reader.expected("DECLARE name CURSOR FOR query")
    end = words.index("for", words.index("cursor"))
    options = words[2:end]
    is_held = "hold" in options and "without" not in options
    return commands.DeclareCursor(reader.name(1), reader.query(end + 1), is_held)


def _fetch(reader: StatementReader) -> commands.Fetch:
    """Parse FETCH [count | ALL | NEXT | FORWARD [count | ALL]] [FROM | IN] name."""
    words = reader.words[1:]
    if not words:
        raise WireError("42601", "FETCH requires the name of a cursor.")
    is_move = reader.word(0) == "move"
    name, direction = reader.name(len(reader) - 1), words[:-1]
    if direction and direction[-1] in {"from", "in"}:
        direction.pop()
    if direction and direction[0] in _BACKWARD:
        raise WireError(
            "55000",
            "Cursors only move forward.",
            "FETCH count FROM name reads the next rows.",
        )
    if direction and direction[0] == "forward":
        direction = direction[1:]
    if not direction or direction[0] == "next":
        return commands.Fetch(name, 1, is_move)
    if direction[0] == "all":
        return commands.Fetch(name, None, is_move)
    if not direction[0].isdigit():
        raise reader.expected("FETCH count FROM name")
    return commands.Fetch(name, int(direction[0]), is_move)


def _close(reader: StatementReader) -> commands.CloseCursor:
    return commands.CloseCursor(None if reader.word(1) == "all" else reader.name(1))


def _deallocate(reader: StatementReader) -> commands.Deallocate:
    # PREPARE is a name where nothing follows it.
    position = 2 if reader.word(1) == "prepare" and len(reader) > 2 else 1
    return commands.Deallocate(None if reader.word(position) == "all" else reader.name(position))


def _no_operation(reader: StatementReader) -> commands.NoOperation:
    verb = reader.word(0)
    return commands.NoOperation("LOCK TABLE" if verb == "lock" else verb.upper())


def _select(reader: StatementReader) -> commands.Command:
    return parse_set_config(reader) or reader.as_sql("select")


def _table(reader: StatementReader) -> commands.Command:
    """Parse TABLE name, PostgreSQL's short SELECT."""
    return sql_statement("FROM " + reader.source(1), "select")


_PARSERS: Mapping[str, Callable[[StatementReader], commands.Command]] = {
    "begin": _begin,
    "start": _begin,
    "commit": _commit,
    "end": _commit,
    "rollback": _rollback,
    "abort": _rollback,
    "savepoint": _savepoint,
    "release": _release,
    "set": parse_set,
    "show": parse_show,
    "reset": parse_reset,
    "discard": _discard,
    "declare": _declare,
    "fetch": _fetch,
    "move": _fetch,
    "close": _close,
    "copy": parse_copy,
    "deallocate": _deallocate,
    "listen": _no_operation,
    "unlisten": _no_operation,
    "notify": _no_operation,
    "lock": _no_operation,
    "select": _select,
    "table": _table,
}
