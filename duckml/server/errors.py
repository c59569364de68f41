"""What a client is told when something is wrong: SQLSTATE, message, hint and place.

The only room that reads the texts of DuckDB's errors, because that is where it says what they are about.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import duckdb
import pyarrow as pa

from duckml.errors import DuckmlError


class WireError(Exception):
    """Something that the server itself refuses, with its SQLSTATE; `is_fatal` ends the connection."""

    def __init__(self, sqlstate: str, message: str, hint: str = "", is_fatal: bool = False) -> None:
        super().__init__(message)
        self.sqlstate = sqlstate
        self.hint = hint
        self.is_fatal = is_fatal


@dataclass(frozen=True)
class Report:
    """What a client is told of an error; `position` counts the characters of its text from 1, 0 where unknown."""

    sqlstate: str
    message: str
    hint: str = ""
    position: int = 0
    severity: str = "ERROR"

    def fields(self) -> dict[str, str]:
        """The fields of an ErrorResponse or a NoticeResponse, by PostgreSQL's letters."""
        fields = {
            "S": self.severity,
            "V": self.severity,
            "C": self.sqlstate,
            "M": self.message,
            "H": self.hint,
        }
        if self.position:
            fields["P"] = str(self.position)
        return {letter: text.replace("\0", "") for letter, text in fields.items() if text}


# By class, the first that fits, then by a piece of the text: PostgreSQL's appendix A has the codes.
_STATES: tuple[tuple[type[Exception], tuple[tuple[str, str], ...], str], ...] = (
    (
        duckdb.CatalogException,
        (
            (r"^Table .*does not exist|^View .*does not exist|^Table with name .* is not", "42P01"),
            (r"[Ff]unction .*does not exist|Macro .*does not exist", "42883"),
            (r"^Schema .*does not exist", "3F000"),
            (r"^Type .*does not exist", "42704"),
            (r"Schema .*already exists", "42P06"),
            (r"already exists", "42P07"),
        ),
        "42704",
    ),
    (
        duckdb.BinderException,
        (
            (r"Referenced table .* not found|Table .* does not exist", "42P01"),
            (r"Ambiguous", "42702"),
            (r"Macro .* does not support the supplied arguments", "42883"),
            (r"Prepared statement .* does not exist", "26000"),
            (
                r"Referenced column|not found in FROM clause|does not have a column|column .*not found",
                "42703",
            ),
            (r"No function matches|Could not choose", "42883"),
            (r"must appear in the GROUP BY|aggregate", "42803"),
            (r"Cannot compare|Cannot mix|cannot cast", "42804"),
            (r"read-only", "25006"),
        ),
        "42601",
    ),
    (duckdb.ParserException, (), "42601"),
    (duckdb.SyntaxException, (), "42601"),
    (duckdb.ConversionException, (), "22P02"),
    (duckdb.OutOfRangeException, (), "22003"),
    (duckdb.TypeMismatchException, (), "42804"),
    (
        duckdb.ConstraintException,
        (
            (r"[Dd]uplicate key|unique", "23505"),
            (r"NOT NULL", "23502"),
            (r"foreign key", "23503"),
            (r"CHECK", "23514"),
        ),
        "23000",
    ),
    (duckdb.InterruptException, (), "57014"),
    (duckdb.PermissionException, (), "42501"),
    (duckdb.NotImplementedException, (), "0A000"),
    (duckdb.DependencyException, (), "2BP01"),
    (duckdb.SequenceException, (), "55000"),
    (duckdb.OutOfMemoryException, (), "53200"),
    (
        duckdb.TransactionException,
        ((r"aborted", "25P02"), (r"read-only", "25006"), (r"no transaction is active", "25P01")),
        "40001",
    ),
    (duckdb.IOException, (), "58030"),
    (
        duckdb.InvalidInputException,
        (
            (r"^Failed to cast value.*\b(date|time)\w* field value out of range", "22008"),
            (r"^Failed to cast value.*out of range", "22003"),
            (r"^Failed to cast value", "22P02"),
            (r"^relation .* does not exist", "42P01"),
            (r"read-only", "25006"),
            (r"configuration", "42501"),
        ),
        "22023",
    ),
)

# A name that DuckDB has found near, of the views that stand for PostgreSQL's catalogs: nobody means those.
_OF_CATALOGS = re.compile(
    r'\nDid you mean "(?:[\w.]*\.)?(?:_?pg_|information_schema[._])\w+"\??(?=\n|$)'
)
_LOCATED = re.compile(r"\n\nLINE (\d+): (.*)\n( *)\^", re.DOTALL)


def report(error: BaseException, sql: str = "") -> Report:
    """What a client is told of an error that `sql` ran into."""
    if isinstance(error, WireError):
        return Report(
            error.sqlstate, str(error), error.hint, 0, "FATAL" if error.is_fatal else "ERROR"
        )
    if isinstance(error, duckdb.Error):
        message, position = _located(str(error), sql)
        return Report(_sqlstate(error), _OF_CATALOGS.sub("", message), "", position)
    if isinstance(error, MemoryError):
        return Report("53200", "The server is out of memory.")
    if isinstance(
        error, RecursionError | pa.ArrowException
    ):  # Arrow has no lists of hundreds of lists
        return Report("54001", "The statement is nested too deeply.")
    # Of the server's own making: what went wrong stands in its log, and the client is told that.
    return Report("XX000", f"The server failed ({type(error).__name__}); its log says more.")


def _sqlstate(error: duckdb.Error) -> str:
    if isinstance(error, DuckmlError):
        return error.sqlstate
    text = re.sub(r"^[A-Z][\w ]* Error: ", "", str(error))
    for kind, pieces, otherwise in _STATES:
        if isinstance(error, kind):
            return next((state for piece, state in pieces if re.search(piece, text)), otherwise)
    return "XX000"


def _located(message: str, sql: str) -> tuple[str, int]:
    """The message without DuckDB's picture of the place, and the place: clients draw a picture of their own."""
    found = _LOCATED.search(message)
    if found is None:
        return message, 0
    lines = sql.split("\n")
    number, shown, indent = int(found[1]), found[2], len(found[3]) - len(f"LINE {found[1]}: ")
    if number > len(lines) or indent < 0:
        return message, 0
    line = lines[number - 1]
    # Of a long line DuckDB shows a piece between dots.
    plain = shown.removeprefix("...").removeprefix("…")
    begin = line.find(plain.removesuffix("...").removesuffix("…"))
    if begin < 0:
        return message, 0
    column = begin + indent - (len(shown) - len(plain))
    position = sum(len(earlier) + 1 for earlier in lines[: number - 1]) + column + 1
    return message[: found.start()], position
