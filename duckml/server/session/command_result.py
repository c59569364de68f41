"""The result of a command: rows or none, and PostgreSQL's command tag."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa

from duckml.server.session.result_spool import SpooledRows
from duckml.server.session.sql_statement import SqlStatement
from duckml.server.values.copy_format import CopyFormat
from duckml.server.values.result_columns import ResultColumn

# PostgreSQL puts an object id, always 0, before the number of inserted rows.
_CHANGED_ROWS = {"insert": "INSERT 0", "update": "UPDATE", "delete": "DELETE", "merge": "MERGE"}
_NOT_IN_TAGS = frozenset({"OR", "REPLACE", "TEMP", "TEMPORARY", "UNIQUE", "RECURSIVE"})


@dataclass
class CommandResult:
    """The result of a command.

    `tag` is PostgreSQL's name of the command. With `counts` the number of rows follows it.
    """

    tag: str
    columns: Sequence[ResultColumn] | None = None
    rows: SpooledRows | None = None
    limit: int | None = None
    counts: bool = False
    copy: CopyFormat | None = None
    sent: int = 0
    is_done: bool = False

    def batches(self, count: int | None = None) -> Iterator[pa.RecordBatch]:
        """Yield the next `count` rows, or all; set `is_done` where no more are to follow."""
        assert self.rows is not None
        wanted = count
        if self.limit is not None:
            left = self.limit - self.sent
            wanted = left if count is None else min(left, count)
        taken = 0
        for batch in self.rows.batches(wanted):
            taken += batch.num_rows
            self.sent += batch.num_rows
            yield batch
        # Fewer rows than were wanted: there are no more.
        is_at_limit = self.limit is not None and self.sent >= self.limit
        self.is_done = count is None or taken < count or is_at_limit

    @property
    def full_tag(self) -> str:
        """Return the tag, with the number of rows where the command counts them."""
        return f"{self.tag} {self.sent}" if self.counts else self.tag

    def close(self) -> None:
        """Discard the rest of the rows, unless they are a cursor's, which keeps them."""
        # The rows of FETCH are a cursor's or another portal's.
        is_fetch = self.limit is not None or self.tag in {"FETCH", "MOVE"}
        if self.rows is not None and not is_fetch:
            self.rows.close()


def row_tag(sql: SqlStatement) -> str:
    """Return the tag of a statement that returns rows, without their number."""
    return _CHANGED_ROWS.get(sql.verb, "SELECT")


def count_tag(sql: SqlStatement, count: int) -> str:
    """Return the tag of a statement that has changed `count` rows and returns none."""
    if sql.verb in _CHANGED_ROWS:
        return f"{_CHANGED_ROWS[sql.verb]} {count}"
    if sql.verb == "truncate":
        return "TRUNCATE TABLE"
    if sql.verb not in {"create", "drop", "alter"}:
        return sql.verb.upper()
    # The tag of the others names the kind of object as well: CREATE TABLE, DROP VIEW.
    words = [word.upper() for word in sql.text.replace("(", " ").split()[:6]]
    return " ".join([word for word in words if word not in _NOT_IN_TAGS][:2])
