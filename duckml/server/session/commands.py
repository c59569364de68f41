"""What a statement of a client's is, as a value: what PostgreSQL has and DuckDB hasn't is told apart here.

Read from DuckDB's tokens. Everything that isn't one of these commands is SQL for DuckDB and duckml, untouched.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from duckml.language.parser import split
from duckml.language.tokens import Token, tokenize
from duckml.names import fold, unquote
from duckml.server.caches import remembered
from duckml.server.errors import WireError
from duckml.server.values.copy_format import CopyFormat


@dataclass(frozen=True)
class Sql:
    """A statement for DuckDB, with the word that it begins with."""

    text: str
    verb: str = ""


@dataclass(frozen=True)
class Begin:
    """BEGIN, or START TRANSACTION."""

    read_only: bool = False


@dataclass(frozen=True)
class Commit:
    """COMMIT, or END."""


@dataclass(frozen=True)
class Rollback:
    """ROLLBACK, or ABORT."""


@dataclass(frozen=True)
class Savepoint:
    """SAVEPOINT name."""

    name: str


@dataclass(frozen=True)
class Release:
    """RELEASE [SAVEPOINT] name."""

    name: str


@dataclass(frozen=True)
class RollbackTo:
    """ROLLBACK TO [SAVEPOINT] name."""

    name: str


@dataclass(frozen=True)
class SetParameter:
    """SET name = value; `value` None is DEFAULT. `is_query` is set_config(), which answers the value as a row."""

    name: str
    value: str | None
    is_local: bool = False
    is_query: bool = False


@dataclass(frozen=True)
class ShowParameter:
    """SHOW name, or SHOW ALL."""

    name: str


@dataclass(frozen=True)
class ResetParameter:
    """RESET name, or RESET ALL."""

    name: str


@dataclass(frozen=True)
class Discard:
    """DISCARD ALL, PLANS, SEQUENCES or TEMP."""

    what: str


@dataclass(frozen=True)
class DeclareCursor:
    """DECLARE name CURSOR FOR query."""

    name: str
    query: str
    is_held: bool


@dataclass(frozen=True)
class Fetch:
    """FETCH count FROM name; `count` None is ALL. `is_move` is MOVE, which answers no rows."""

    name: str
    count: int | None
    is_move: bool = False


@dataclass(frozen=True)
class CloseCursor:
    """CLOSE name, or CLOSE ALL when the name is None."""

    name: str | None


@dataclass(frozen=True)
class CopyOut:
    """COPY (query) TO STDOUT."""

    query: str
    how: CopyFormat


@dataclass(frozen=True)
class Deallocate:
    """DEALLOCATE name, or ALL when the name is None."""

    name: str | None


@dataclass(frozen=True)
class Nothing:
    """What is accepted and has nothing to do here, such as LISTEN; `tag` is what is answered."""

    tag: str


Command = (
    Sql
    | Begin
    | Commit
    | Rollback
    | Savepoint
    | Release
    | RollbackTo
    | SetParameter
    | ShowParameter
    | ResetParameter
    | Discard
    | DeclareCursor
    | Fetch
    | CloseCursor
    | CopyOut
    | Deallocate
    | Nothing
)

_TABLES = (
    "SELECT name FROM memory.main._pg_relations "
    "WHERE kind IN ('r', 'v') AND schema_name IN (current_schema(), 'temp') ORDER BY name"
)
# DuckDB takes the square of their number to look up the parts of a name, and nothing interrupts it.
_MANY_PARTS = re.compile(r"(?:\.\s*(?:\w+|\"[^\"]*\")\s*){64}")

# SHOW of these is a question to DuckDB or duckml.
_SHOWN_ELSEWHERE = frozenset(
    {"tables", "models", "databases", "schemas", "views", "columns", "from", "variables"}
)
_VERBS_OF_OURS = frozenset(
    {
        *(
            "begin",
            "start",
            "commit",
            "end",
            "rollback",
            "abort",
            "savepoint",
            "release",
            "set",
            "show",
            "reset",
        ),
        *(
            "discard",
            "declare",
            "fetch",
            "move",
            "close",
            "copy",
            "deallocate",
            "listen",
            "unlisten",
            "notify",
            "lock",
        ),
        *("select", "table"),
    }
)


@remembered
def statements(sql: str) -> Sequence[str]:
    """The statements of a text, without the semicolons between them."""
    if ";" not in sql:
        return [sql] if sql.strip() and tokenize(sql) else []
    return split(sql)


@remembered
def command(sql: str) -> Command:
    """What one statement is.

    Raises WireError where a command of PostgreSQL's is misspelt, or not for this server.
    """
    if _MANY_PARTS.search(sql):
        raise WireError("54001", "A name has more than 64 parts.")
    text = sql.encode()
    tokens = tokenize(sql)
    if not tokens:
        return Nothing("")
    verb = tokens[0].word
    if verb not in _VERBS_OF_OURS:
        if (
            verb in {"create", "alter", "drop"}
            and len(tokens) > 1
            and tokens[1].word in {"user", "role", "group"}
        ):
            raise WireError("0A000", "Users are those of a file of the server.", _USERS)
        return Sql(sql, verb)
    return _Reader(sql, text, tokens).command(verb)


_USERS = "duckml user add NAME --role ROLE --users FILE adds one, or changes the password."


class _Reader:
    """The tokens of one statement."""

    def __init__(self, sql: str, text: bytes, tokens: Sequence[Token]) -> None:
        self.sql = sql
        self.text = text
        self.tokens = tokens

    def word(self, index: int) -> str:
        """A token in lower case, '' behind the end."""
        return self.tokens[index].word if index < len(self.tokens) else ""

    def words(self) -> list[str]:
        """All tokens, in lower case."""
        return [token.word for token in self.tokens]

    def name(self, index: int) -> str:
        """The name at a token."""
        if index >= len(self.tokens):
            raise WireError("42601", f"A name is missing at the end of: {self.sql.strip()[:60]}")
        text = self.tokens[index].text
        return unquote(text) if text.startswith('"') else fold(text)

    def text_from(self, index: int, stop: int | None = None) -> str:
        """The user's text from a token on."""
        if index >= len(self.tokens):
            raise WireError("42601", f"A query is missing at the end of: {self.sql.strip()[:60]}")
        end = len(self.text) if stop is None else self.tokens[stop - 1].end
        return self.text[self.tokens[index].start : end].decode()

    def command(self, verb: str) -> Command:
        """The command that a statement is which begins with this word."""
        second = self.word(1)
        match verb:
            case "begin" | "start":
                words = self.words()
                return Begin("read" in words and "only" in words)
            case "commit" | "end":
                return (
                    Commit()
                    if self.ends_at(1 + (second in {"work", "transaction"}))
                    else Sql(self.sql, verb)
                )
            case "rollback" | "abort":
                position = 2 if second in {"work", "transaction"} else 1
                if self.word(position) == "to":
                    return RollbackTo(
                        self.name(position + (2 if self.word(position + 1) == "savepoint" else 1))
                    )
                return Rollback() if self.ends_at(position) else Sql(self.sql, verb)
            case "savepoint":
                return Savepoint(self.name(1))
            case "release":
                return Release(
                    self.name(2 if second == "savepoint" and len(self.tokens) > 2 else 1)
                )
            case "set":
                return self.set()
            case "show":
                return self.show()
            case "reset":
                return ResetParameter(
                    "all" if second == "all" else self.parameter(1, len(self.tokens))
                )
            case "discard":
                return Discard(second)
            case "declare":
                return self.declare()
            case "fetch" | "move":
                return self.fetch(verb == "move")
            case "close":
                return CloseCursor(None if second == "all" else self.name(1))
            case "copy":
                return self.copy()
            case "deallocate":
                position = 2 if second == "prepare" and len(self.tokens) > 2 else 1
                return Deallocate(None if self.word(position) == "all" else self.name(position))
            case "listen" | "unlisten" | "notify" | "lock":
                return Nothing({"lock": "LOCK TABLE"}.get(verb, verb.upper()))
            case "select":
                return self.set_config() or Sql(self.sql, verb)
            case "table":  # TABLE name, PostgreSQL's short SELECT
                return Sql("FROM " + self.text_from(1), "select")
        return Sql(self.sql, verb)

    def ends_at(self, index: int) -> bool:
        """Whether a statement about a transaction ends here, but for AND NO CHAIN."""
        return self.words()[index:] in ([], ["and", "no", "chain"])

    def parameter(self, start: int, stop: int) -> str:
        """The name of a setting, which may have dots in it or be several words."""
        words = [self.name(index) for index in range(start, stop)]
        if words[:2] == ["time", "zone"]:
            return "timezone"
        if words[:3] == ["transaction", "isolation", "level"]:
            return "transaction_isolation"
        return "".join(words)

    def set(self) -> Command:
        """SET [SESSION | LOCAL] name { = | TO } value."""
        position = 1
        is_local = self.word(1) == "local"
        if self.word(1) in {"session", "local"} and self.word(2) not in {
            "=",
            "to",
            "authorization",
            "characteristics",
        }:
            position = 2
        first = self.word(position)
        if first == "variable":
            if self.word(position + 1).strip('"').startswith("__pg_"):
                raise WireError("42501", "Variables that begin with __pg_ are the server's.")
            return Sql(self.sql, "set")
        if first == "global":
            raise WireError(
                "42501", "Settings for all sessions are those of whoever runs the server."
            )
        if first == "transaction" or (
            first == "session" and self.word(position + 1) == "characteristics"
        ):
            return Nothing("SET")
        if first in {"role", "session"}:
            raise WireError(
                "42501", "Another role can't be taken: connect as the user you want to be."
            )
        if first == "names":
            return SetParameter("client_encoding", self.value(position + 1), is_local)
        if first == "time" and self.word(position + 1) == "zone":
            return SetParameter("timezone", self.value(position + 2), is_local)
        equals = next(
            (i for i in range(position + 1, len(self.tokens)) if self.word(i) in {"=", "to"}), None
        )
        if equals is None:
            raise WireError("42601", f"Expected SET name = value, found: {self.sql.strip()[:60]}")
        return SetParameter(self.parameter(position, equals), self.value(equals + 1), is_local)

    def value(self, start: int) -> str | None:
        """The value of a setting as a text; None for DEFAULT."""
        items = []
        for token in self.tokens[start:]:
            if token.text == ",":
                items.append(", ")
            elif token.text.startswith("'"):
                items.append(token.text[1:-1].replace("''", "'"))
            else:
                items.append(unquote(token.text) if token.text.startswith('"') else token.text)
        if not items:
            raise WireError("42601", f"A value is missing at the end of: {self.sql.strip()[:60]}")
        text = "".join(items)
        return None if text.lower() in {"default", "local"} else text

    def show(self) -> Command:
        """SHOW of a setting, or a question to DuckDB."""
        if self.words() == ["show", "tables"]:  # without the server's own views
            return Sql(_TABLES, "select")
        if self.words() == ["show", "databases"]:
            return Sql("SELECT current_database() AS database_name", "select")
        if len(self.tokens) == 1 or self.word(1) in _SHOWN_ELSEWHERE:
            return Sql(self.sql, "select")
        if self.word(1) == "all" and self.word(2) == "tables":
            return Sql(self.sql, "select")
        return ShowParameter(self.parameter(1, len(self.tokens)))

    def set_config(self) -> SetParameter | None:
        """SELECT [pg_catalog.]set_config('name', 'value', is_local), which many clients begin with."""
        words = self.words()
        start = 3 if words[1:3] == ["pg_catalog", "."] else 1
        call = words[start : start + 8]
        if (
            len(call) < 8
            or call[0] != "set_config"
            or [call[1], call[3], call[5], call[7]] != ["(", ",", ",", ")"]
        ):
            return None
        if len(words) != start + 8 or not call[2].startswith("'") or not call[4].startswith("'"):
            return None
        name, value = (self.tokens[start + i].text[1:-1].replace("''", "'") for i in (2, 4))
        return SetParameter(fold(name), value, call[6] == "true", is_query=True)

    def declare(self) -> DeclareCursor:
        """DECLARE name [BINARY] [NO SCROLL] CURSOR [WITH HOLD] FOR query."""
        words = self.words()
        if "cursor" not in words or "for" not in words[words.index("cursor") :]:
            raise WireError(
                "42601", f"Expected DECLARE name CURSOR FOR query, found: {self.sql.strip()[:60]}"
            )
        behind = words.index("for", words.index("cursor"))
        options = words[2:behind]
        is_held = "hold" in options and "without" not in options
        return DeclareCursor(self.name(1), self.text_from(behind + 1), is_held)

    def fetch(self, is_move: bool) -> Fetch:
        """FETCH [count | ALL | NEXT | FORWARD [count | ALL]] [FROM | IN] name; only forward."""
        words = self.words()[1:]
        if not words:
            raise WireError("42601", "FETCH needs the name of a cursor.")
        before = words[:-1]
        name = self.name(len(self.tokens) - 1)
        if before and before[-1] in {"from", "in"}:
            before.pop()
        if before and before[0] in {
            "backward",
            "prior",
            "first",
            "last",
            "absolute",
            "relative",
            "-",
        }:
            raise WireError(
                "55000",
                "A cursor only goes forward here.",
                "FETCH count FROM name reads the next rows.",
            )
        if before and before[0] == "forward":
            before = before[1:]
        if not before or before[0] == "next":
            return Fetch(name, 1, is_move)
        if before[0] == "all":
            return Fetch(name, None, is_move)
        if not before[0].isdigit():
            raise WireError(
                "42601", f"Expected FETCH count FROM name, found: {self.sql.strip()[:60]}"
            )
        return Fetch(name, int(before[0]), is_move)

    def copy(self) -> Command:
        """COPY { (query) | table } TO STDOUT [WITH] [(option, …)]."""
        words = self.words()
        depth, stop = 0, None
        for index, token in enumerate(self.tokens):
            depth += (token.text == "(") - (token.text == ")")
            if depth == 0 and token.word in {"to", "from"}:
                stop = index
                break
        if stop is None:
            return Sql(self.sql, "copy")
        target = words[stop + 1] if stop + 1 < len(words) else ""
        if words[stop] == "from" and target == "stdin":
            raise WireError(
                "0A000",
                "COPY … FROM STDIN is not here.",
                "INSERT rows, or let DuckDB read the file.",
            )
        if words[stop] != "to" or target != "stdout":
            return Sql(self.sql, "copy")
        if self.word(1) == "(":
            query = self.text_from(2, stop - 1)
        else:
            # COPY table [(columns)] TO STDOUT
            bracket = next((i for i in range(1, stop) if self.word(i) == "("), stop)
            columns = self.text_from(bracket + 1, stop - 1) if bracket < stop else "*"
            query = f"SELECT {columns} FROM {self.text_from(1, bracket)}"
        return CopyOut(query, self.copy_format(stop + 2))

    def copy_format(self, start: int) -> CopyFormat:
        """The options behind COPY … TO STDOUT, in either of PostgreSQL's spellings."""
        options: dict[str, str] = {}
        index = start
        while index < len(self.tokens):
            word, token = self.word(index), self.tokens[index]
            index += 1
            if word in {"with", "(", ")", ",", "as"}:
                continue
            if word in {"csv", "binary", "text"}:
                options["format"] = word
            elif word == "force_quote" or (word == "force" and self.word(index) == "quote"):
                index = self.behind_force_quote(index + (word == "force"))
                options["force_quote"] = "true"
            elif word == "header":
                options["header"] = "true"
                if self.word(index) in {"true", "false", "on", "off", "1", "0", "match"}:
                    options["header"] = self.word(index)
                    index += 1
            elif word in {
                "format",
                "delimiter",
                "null",
                "quote",
                "escape",
                "encoding",
            } and index < len(self.tokens):
                if self.word(index) == "as":
                    index += 1
                options[word] = self.literal(index)
                index += 1
            else:
                raise WireError("42601", f'"{token.text}" is no option of COPY … TO STDOUT here.')
        return _copy_format(options)

    def behind_force_quote(self, index: int) -> int:
        """Where the columns of FORCE QUOTE end; * is what all of them are quoted for."""
        if self.word(index) == "*":
            return index + 1
        if self.word(index) == "(":
            return next(
                (i + 1 for i in range(index, len(self.tokens)) if self.word(i) == ")"),
                len(self.tokens),
            )
        while index + 1 < len(self.tokens) and self.word(index + 1) == ",":
            index += 2
        return index + 1

    def literal(self, index: int) -> str:
        """A word or a text in quotes, E'…' among them."""
        text = self.tokens[index].text
        if text[:2] in {"e'", "E'"}:
            return text[2:-1].encode().decode("unicode_escape")
        return text[1:-1].replace("''", "'") if text.startswith("'") else unquote(text)


def _copy_format(options: dict[str, str]) -> CopyFormat:
    kind = options.get("format", "text").lower()
    if kind not in {"text", "csv", "binary"}:
        raise WireError("22023", f"COPY has no format '{kind}'. It has text, csv and binary.")
    if options.get("encoding", "utf8").lower().replace("-", "") not in {"utf8", "unicode"}:
        raise WireError("0A000", "COPY writes UTF-8 and nothing else here.")
    header = options.get("header", "false") not in {"false", "off", "0"}
    csv = kind == "csv"
    quote = options.get("quote", '"')
    how = CopyFormat(
        kind,
        options.get("delimiter", "," if csv else "\t"),
        options.get("null", "" if csv else "\\N"),
        header,
        quote,
        options.get("escape", quote),
        options.get("force_quote") == "true",
    )
    if len(how.delimiter) != 1 or len(how.quote) != 1 or len(how.escape) != 1:
        raise WireError("22023", "The delimiter, quote and escape of COPY are one character each.")
    return how
