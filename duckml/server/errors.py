"""Errors as clients receive them: SQLSTATE, message, hint and position.

DuckDB's classes of errors are wider than SQLSTATEs, so the texts of its errors decide as well.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import duckdb
import pyarrow as pa

from duckml.errors import DuckmlError


class WireError(Exception):
    """An error of the server's own, with its SQLSTATE; `is_fatal` ends the connection."""

    def __init__(self, sqlstate: str, message: str, hint: str = "", is_fatal: bool = False) -> None:
        super().__init__(message)
        self.sqlstate = sqlstate
        self.hint = hint
        self.is_fatal = is_fatal


@dataclass(frozen=True)
class Report:
    """An error or a notice for a client.

    `position` is the character of the client's text that the error is about, counted from 1; 0 if
    it is unknown.
    """

    sqlstate: str
    message: str
    hint: str = ""
    position: int = 0
    severity: str = "ERROR"

    def fields(self) -> dict[str, str]:
        """Return the fields of an ErrorResponse or a NoticeResponse by PostgreSQL's letters."""
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


# DuckDB's classes in order of preference, each with patterns of its texts and the SQLSTATE of all
# other texts. The codes are those of appendix A of PostgreSQL's documentation.
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
                r"Referenced column|not found in FROM clause|does not have a column"
                r"|column .*not found",
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

# DuckDB suggests the nearest name. Nobody means the views that replace PostgreSQL's catalogs.
_SUGGESTED_CATALOG = re.compile(
    r'\nDid you mean "(?:[\w.]*\.)?(?:_?pg_|information_schema[._])\w+"\??(?=\n|$)'
)
_LOCATED = re.compile(r"\n\nLINE (\d+): (.*)\n( *)\^", re.DOTALL)


def report(error: BaseException, sql: str = "") -> Report:
    """Return the report of an error that `sql` has caused."""
    if isinstance(error, WireError):
        severity = "FATAL" if error.is_fatal else "ERROR"
        return Report(error.sqlstate, str(error), error.hint, 0, severity)
    if isinstance(error, duckdb.Error):
        message, position = _located(str(error), sql)
        return Report(_sqlstate(error), _SUGGESTED_CATALOG.sub("", message), "", position)
    if isinstance(error, MemoryError):
        return Report("53200", "The server is out of memory.")
    # Arrow has no lists of hundreds of lists.
    if isinstance(error, RecursionError | pa.ArrowException):
        return Report("54001", "The statement is nested too deeply.")
    # The text of an unexpected error may contain values of rows, so it isn't sent.
    return Report("XX000", f"The server failed ({type(error).__name__}); its log says more.")


def _sqlstate(error: duckdb.Error) -> str:
    if isinstance(error, DuckmlError):
        return error.sqlstate
    text = re.sub(r"^[A-Z][\w ]* Error: ", "", str(error))
    for kind, patterns, otherwise in _STATES:
        if isinstance(error, kind):
            matching = (state for pattern, state in patterns if re.search(pattern, text))
            return next(matching, otherwise)
    return "XX000"


def _located(message: str, sql: str) -> tuple[str, int]:
    """Return a message without DuckDB's excerpt of the SQL, and the position that it points at.

    Clients show an excerpt of their own. Where the position can't be found, the message is returned
    unchanged with the position 0.
    """
    found = _LOCATED.search(message)
    if found is None:
        return message, 0
    number, shown = int(found[1]), found[2]
    indent = len(found[3]) - len(f"LINE {number}: ")
    lines = sql.split("\n")
    if number > len(lines) or indent < 0:
        return message, 0
    # DuckDB shows a part of a long line between dots.
    without_start = shown.removeprefix("...").removeprefix("…")
    start = lines[number - 1].find(without_start.removesuffix("...").removesuffix("…"))
    if start < 0:
        return message, 0
    column = start + indent - (len(shown) - len(without_start))
    before = sum(len(line) + 1 for line in lines[: number - 1])
    return message[: found.start()], before + column + 1
