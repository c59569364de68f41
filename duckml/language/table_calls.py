"""SQL in place of a call in FROM: rows with predictions, metrics over rows, or stored rows."""

from __future__ import annotations

from collections.abc import Mapping

from duckml.errors import NotYetError, StatementError
from duckml.features.column_types import is_number, type_family
from duckml.language.functions import SQL_FUNCTIONS, Rows
from duckml.language.prediction_sql import labels, output_columns, with_columns
from duckml.language.resolved import Resolved
from duckml.language.scalar_calls import CallSite, macro_call
from duckml.language.stored_information import information_query, registry_query
from duckml.language.syntax import Span
from duckml.names import quote

_INPUT = '"__duckml_input"'
_PLANNED_SETTINGS = frozenset({"confidence_level", "top_k_features"})


def table_call(site: CallSite) -> str:
    """Return the SQL of a call in FROM, in brackets.

    Raises StatementError if the model, the rows or the settings don't fit the function.
    """
    call = site.call
    function = SQL_FUNCTIONS[call.function]
    name = call.function.upper()
    if function.rows is Rows.REQUIRED:
        return _prediction_table(site)
    settings = _settings(site)
    if call.table is None:
        if settings and function.rows is Rows.OPTIONAL:
            raise StatementError(
                f"{name}(MODEL {call.model}, …) takes its settings together with rows."
            )
        return f"({information_query(call.function, site.model, settings)})"
    if function.rows is Rows.NONE:
        raise StatementError(f"{name}(MODEL {call.model}) takes no rows: it shows what is stored.")
    return _measured_table(site, call.table, settings)


def _settings(site: CallSite) -> dict[str, str]:
    """Return the SQL of each setting; raise StatementError for one that the function lacks."""
    known = SQL_FUNCTIONS[site.call.function].settings
    settings = {}
    for name, span in site.call.settings:
        if name in _PLANNED_SETTINGS:
            raise NotYetError.of(f"The setting {name}")
        if name not in known:
            takes = f"It takes {', '.join(known)}." if known else "It takes none."
            raise StatementError(f'{site.call.function.upper()} has no setting "{name}". {takes}')
        settings[name] = site.render(span)
    return settings


def _prediction_table(site: CallSite) -> str:
    """Return all columns of the rows, then the prediction and a classifier's probabilities."""
    call = site.call
    if call.table is None:
        raise StatementError(
            f"In FROM, PREDICT requires rows: FROM PREDICT(MODEL {call.model}, TABLE t) "
            "or (MODEL …, (SELECT …))."
        )
    threshold = _settings(site).get("threshold")
    if threshold is not None:
        _require_two_classes(site, "threshold")
    columns = output_columns(
        site.model.signature.target,
        _call_over_input(site, "predict"),
        _call_over_input(site, "predict_proba"),
        threshold,
    )
    return f"({with_columns(_INPUT, columns, _input(site, call.table))})"


def _input(site: CallSite, table: Span) -> str:
    """Return the rows of a call as an item of FROM with duckml's own alias."""
    text = site.render(table)
    is_query = text.split(None, 1)[0].lower() in {"select", "with", "from", "values"}
    return f"(FROM {f'({text})' if is_query else text}) AS {_INPUT}"


def _call_over_input(site: CallSite, function: str) -> str:
    """Return the call of a macro that takes every feature from the rows of a call."""
    columns = site.model.signature.inputs
    return macro_call(site, function, [(c, f"{_INPUT}.{quote(c.name)}") for c in columns])


def _require_two_classes(site: CallSite, subject: str) -> None:
    """Raise StatementError unless the model distinguishes two classes."""
    classes = site.model.signature.target.labels or ()
    if len(classes) != 2:
        found = f"has {len(classes)} classes" if classes else "predicts a number"
        raise StatementError(
            f"{subject} is for models of two classes, and '{site.call.model}' {found}."
        )


def _measured_table(site: CallSite, table: Span, settings: Mapping[str, str]) -> str:
    """Return the query that compares predictions with the target of the rows."""
    function, target = site.call.function, site.model.signature.target
    if settings or function == "roc_curve":
        _require_two_classes(site, "threshold" if settings else "ROC_CURVE")
    if target.labels is None:
        block = f"{function}_rows"
        values = {
            "target": _actual_value(site.model),
            "prediction": _call_over_input(site, "predict"),
        }
    else:
        block = "evaluate_classes" if function == "evaluate" else f"{function}_rows"
        values = _class_values(site, settings)
    values["input"] = _input(site, table)
    return f"({registry_query(site.model, block, values)})"


def _class_values(site: CallSite, settings: Mapping[str, str]) -> dict[str, str]:
    """Return the values of the blocks that measure a classifier.

    In these, classes are numbered from 1 in the order of the labels, and `p` is the list of
    probabilities.
    """
    target = site.model.signature.target
    classes = target.labels or ()
    actual = _actual_value(site.model)
    is_floating = type_family(target.sql_type) in {"FLOAT", "DOUBLE"}
    label = f"TRY_CAST({actual} AS {target.sql_type})"
    if is_number(target.sql_type):
        # The cast rounds: a number between two classes is neither of them.
        label = f"CASE WHEN {label} = TRY_CAST({actual} AS DOUBLE) THEN {label} END"
    choice = "list_position(p, list_max(p))"
    if "threshold" in settings:
        choice = f"CASE WHEN p[2] >= ({settings['threshold']}) THEN 2 ELSE 1 END"
    return {
        "target": f"list_position({labels(target)}, {label})",
        "target_value": actual,
        "known": f"isfinite({actual})" if is_floating else f"{actual} IS NOT NULL",
        "prediction": f"map_values({_call_over_input(site, 'predict_proba')})",
        "labels": labels(target),
        "classes": str(len(classes)),
        "first": "2" if len(classes) == 2 else "1",
        "choice": choice,
        "thresholds": settings.get("thresholds", "NULL::DOUBLE[]"),
    }


def _actual_value(model: Resolved) -> str:
    """Return the target in the rows of a call: a column, or the expression of a TRANSFORM."""
    target, transform = model.signature.target, model.signature.transform
    if transform is None or transform.target is None:
        reference = f"{_INPUT}.{quote(target.name)}"
    else:
        values = {name: f"{_INPUT}.{quote(name)}" for name in transform.target.names}
        reference = f"({transform.target.render(values)})"
    return reference if target.labels is not None else f"CAST({reference} AS DOUBLE)"
