"""Scripts: the statements of a text, run one after the other."""

from __future__ import annotations

from typing import Any

import duckdb

from duckml.database import sessions
from duckml.database.binding import with_line_offset
from duckml.errors import DuckmlError
from duckml.language.parser import parse
from duckml.language.syntax import (
    AlterModel,
    CopyModel,
    CreateModel,
    DescribeModel,
    DropModel,
    ExportModel,
    ModelName,
    Query,
    RetrainModel,
    Script,
    SetOptions,
    ShowModels,
    Statement,
)
from duckml.registry.publish import Created
from duckml.statements.alter_model import alter_model
from duckml.statements.context import Context, Finish
from duckml.statements.copy_model import copy_model
from duckml.statements.create_model import create_model
from duckml.statements.created_row import show_created
from duckml.statements.describe_model import described
from duckml.statements.drop_model import drop_model
from duckml.statements.query import run_query
from duckml.statements.retrain_model import retrain_model
from duckml.statements.show_models import models_query

# The empty result of a statement that returns no rows, as DuckDB's own DDL has it.
_NO_ROWS = "SELECT NULL::BOOLEAN AS Success WHERE false"


def run_script(context: Context, sql: str, parameters: object, finish: Finish) -> Any:
    """Run every statement of a text, and return the result of the last one.

    `parameters` are those of the last statement too. `finish` runs the last one, and the text as a
    whole where nothing in it is duckml's.
    """
    script = parse(sql)
    if script.is_plain:
        return context.run(sql, parameters, finish)
    result = None
    for span, statement in zip(script.spans, script.statements, strict=True):
        is_last = statement is script.statements[-1]
        try:
            if is_last:
                result = _run(context, script, statement, parameters, finish)
            else:
                _run(context, script, statement, None, context.execute)
        except DuckmlError:
            raise
        except duckdb.Error as error:
            # DuckDB counts lines from the start of the text that it is given.
            raise with_line_offset(error, script.line(span)) from error.__cause__
        if not is_last:
            sessions.finish_result(context.con)
    return result


def _run(
    context: Context, script: Script, statement: Statement, parameters: object, finish: Finish
) -> Any:
    """Run one statement."""
    match statement:
        case Query():
            return run_query(context, script, statement, parameters, finish)
        case CreateModel():
            created = create_model(context, script, statement, parameters)
            return show_created(context, _shown_name(statement, created), created, finish)
        case RetrainModel():
            created = retrain_model(context, script, statement)
            place = created.place
            full_name = ModelName((place.database, place.schema, created.name))
            return show_created(context, str(full_name), created, finish)
        case CopyModel():
            created = copy_model(context.con, statement)
            return show_created(context, created.name, created, finish)
        case ShowModels():
            return context.show(models_query(context.con, statement), finish)
        case DescribeModel():
            return context.show(described(context, statement), finish)
        case _:
            _change(context, script, statement)
            context.forget_names()
            return context.show(_NO_ROWS, finish)


def _shown_name(statement: CreateModel, created: Created) -> str:
    """Return the name that warnings show: as the user wrote it for a model that was trained."""
    return created.name if statement.query is None else str(statement.name)


def _change(
    context: Context, script: Script, statement: ExportModel | DropModel | AlterModel
) -> None:
    """Run a statement that returns no rows."""
    if isinstance(statement, ExportModel):
        # Loads onnx, which predictions never need.
        from duckml.statements.export_model import export_model

        options = context.option_values(script, statement.options)
        export_model(context.con, statement.name, options)
    elif isinstance(statement, DropModel):
        drop_model(context.con, statement)
    else:
        given = statement.options if isinstance(statement, SetOptions) else ()
        alter_model(context.con, statement, context.option_values(script, given))
