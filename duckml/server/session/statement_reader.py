"""The tokens of one statement, and the parts of a command that several commands share."""

from __future__ import annotations

from duckml.language.tokens import Tokens
from duckml.names import fold, unquote
from duckml.server.errors import WireError
from duckml.server.session.sql_statement import SqlStatement, sql_statement
from duckml.server.session.table_functions import forbidden_function

_SHOWN_CHARACTERS = 60


class StatementReader:
    """The tokens of one statement of a client, read by index."""

    def __init__(self, tokens: Tokens) -> None:
        self.tokens = tokens
        self.words = tokens.words()
        self._text = tokens.source_text.decode()

    def __len__(self) -> int:
        return len(self.tokens)

    def word(self, index: int) -> str:
        """Return a token in lower case, '' after the end."""
        return self.tokens.word(index)

    def name(self, index: int) -> str:
        """Return the identifier at a token."""
        if index >= len(self):
            raise self.missing("A name")
        text = self.tokens[index].text
        return unquote(text) if text.startswith('"') else fold(text)

    def unquoted(self, index: int) -> str:
        """Return a word, or the value of a string literal, E'…' included."""
        text = self.tokens[index].text
        # The delimiter of COPY is often a tab, written as E'\t'.
        if text[:2] in {"e'", "E'"}:
            return text[2:-1].encode().decode("unicode_escape")
        return string_value(text) if text.startswith("'") else unquote(text)

    def source(self, start: int, stop: int | None = None) -> str:
        """Return the client's text from token `start` up to token `stop`, or to the end."""
        if start >= len(self):
            raise self.missing("A query")
        return self.tokens.source(start, stop)

    def as_sql(self, verb: str) -> SqlStatement:
        """Return the whole statement as one for DuckDB."""
        return SqlStatement(self._text, verb, forbidden_function(self.tokens))

    def query(self, start: int, stop: int | None = None) -> SqlStatement:
        """Return the query from token `start` up to token `stop`, or to the end."""
        return sql_statement(self.source(start, stop), "select")

    def missing(self, part: str) -> WireError:
        """Return the error for a statement that ends too early."""
        return WireError("42601", f"{part} is missing at the end of: {self._shown}")

    def expected(self, syntax: str) -> WireError:
        """Return the error for a statement that does not have the syntax of its command."""
        return WireError("42601", f"Expected {syntax}, found: {self._shown}")

    @property
    def _shown(self) -> str:
        return self._text.strip()[:_SHOWN_CHARACTERS]


def string_value(text: str) -> str:
    """Return the value of a literal in single quotes."""
    return text[1:-1].replace("''", "'")
