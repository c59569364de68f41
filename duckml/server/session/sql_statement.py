"""A statement for DuckDB and duckml, with the facts about its text that permissions depend on.

Each fact is found once per text, because tools send the same few texts again and again.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import duckdb

from duckml.language.parser import might_concern_us, parse
from duckml.language.syntax import ModelStatement
from duckml.language.tokens import tokenize
from duckml.server.pg_catalog.translation import translated
from duckml.server.session.table_functions import forbidden_function

# The kinds of a text for which DuckDB has no name.
UNKNOWN = ""
UNREADABLE = "UNREADABLE"

_QUERY_VERBS = frozenset(
    {"select", "from", "with", "(", "values", "pivot", "describe", "summarize", "explain"}
)
_CHANGEABLE_VERBS = frozenset({"execute", "explain"})


@dataclass(frozen=True, eq=False)
class SqlStatement:
    """SQL for DuckDB and duckml.

    `verb` is the first word in lower case. `forbidden_function` is a table function in the text
    that clients may not call, '' if there is none.
    """

    text: str
    verb: str
    forbidden_function: str = ""

    @functools.cached_property
    def translated(self) -> str:
        """Return the text for DuckDB: a query on PostgreSQL's catalogs is put into its SQL."""
        return translated(self.text)

    @property
    def begins_as_query(self) -> bool:
        """Return whether the first word is that of a query."""
        return self.verb in _QUERY_VERBS

    @property
    def is_changeable(self) -> bool:
        """Return whether a PREPARE can change what the statement does."""
        return self.verb in _CHANGEABLE_VERBS

    @property
    def is_on_catalogs(self) -> bool:
        """Return whether the statement is a query on PostgreSQL's catalogs."""
        return self.translated is not self.text

    @functools.cached_property
    def forbidden_function_in_translation(self) -> str:
        """Return the table function in `translated` that clients may not call, '' if none."""
        if not self.is_on_catalogs:
            return self.forbidden_function
        return forbidden_function(tokenize(self.translated))

    @functools.cached_property
    def model_statement(self) -> ModelStatement | None:
        """Return the statement about models that it is, None for a query and one of DuckDB's."""
        if not might_concern_us(self.translated):
            return None
        script = parse(self.translated)
        if script.is_plain:
            return None
        statement = script.statements[0]
        return statement if isinstance(statement, ModelStatement) else None

    @functools.cached_property
    def kind(self) -> str:
        """Return DuckDB's kind of statement; for PREPARE that of the statement that it prepares.

        UNKNOWN where duckdb has no name for it, UNREADABLE where DuckDB's parser refuses the text.
        """
        kind = _kind(self.translated)
        return _kind(_prepared_text(self.translated)) if kind == "PREPARE" else kind


def sql_statement(text: str, verb: str) -> SqlStatement:
    """Return the statement of a text that is not a client's whole statement."""
    return SqlStatement(text, verb, forbidden_function(tokenize(text)))


def _kind(text: str) -> str:
    try:
        statements = duckdb.extract_statements(text)
        return str(statements[0].type.name) if len(statements) == 1 else UNKNOWN
    except ValueError:
        return UNKNOWN
    except duckdb.ParserException:
        return UNREADABLE


def _prepared_text(text: str) -> str:
    """Return the statement after PREPARE name [(types)] AS."""
    tokens = tokenize(text)
    found = next((token for token in tokens if token.word == "as"), None)
    return text if found is None else text.encode()[found.end :].decode()
