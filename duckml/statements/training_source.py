"""The rows that a model is trained on, from a query, a relation, or a table of Python."""

from __future__ import annotations

from typing import Any

from duckml.database import sessions
from duckml.database.frames import frame_with
from duckml.errors import StatementError
from duckml.language.parser import parse
from duckml.language.rewrite import rewrite
from duckml.language.syntax import Query
from duckml.statements.context import Context
from duckml.statements.resolve import resolve
from duckml.training.request import TrainingRows


def rows_of_text(context: Context, text: str) -> TrainingRows:
    """Return the rows of a query; raise StatementError for anything but one query."""
    script = parse(text)
    if len(script.statements) != 1 or not isinstance(script.statements[0], Query):
        raise StatementError("The rows to train on come from one query.")
    query = script.statements[0]
    sql = rewrite(script.text, query, resolve(context, query, fresh=True))
    return TrainingRows(training_query=text, sql=sql)


def rows_of(context: Context, source: Any) -> TrainingRows:
    """Return the rows of a query, a relation, a DataFrame or an Arrow table.

    Rows that aren't in the database become a variable of the context's frame.
    """
    if isinstance(source, str):
        return rows_of_text(context, source)
    text = f"SELECT * FROM {type(source).__name__}"
    if hasattr(source, "sql_query") and hasattr(source, "to_arrow_table"):
        # Its rows and not its text: a relation may have parameters, or be of another database.
        text, source = str(source.sql_query()), source.to_arrow_table()
    name = sessions.unused_name()
    context.frame = frame_with(**{name: source})
    return TrainingRows(training_query=text, sql=f"SELECT * FROM {name}", lineage="trained on rows")
