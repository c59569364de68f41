"""(text, calls, what they resolve to) → DuckDB SQL. A pure function: no database, no model, no state.

A scalar PREDICT becomes a call of the model's stored macro, fully qualified, with named arguments: first those that the
user gave, in the user's order, so that `?` parameters keep their places, then the rest from columns of the same names.
The version is thus chosen by DuckDB's own catalog when the statement is bound. Outside the spans of the calls the bytes
are the user's, and a span keeps its number of lines, so that DuckDB's errors point at the right one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from duckml.errors import FeatureError, NotYetError, StatementError
from duckml.features.column_types import is_number, type_family
from duckml.features.input_expressions import Input
from duckml.features.signature import Feature
from duckml.language.functions import SQL_FUNCTIONS, Rows
from duckml.language.prediction_sql import (
    labels,
    output_columns,
    predict_macro,
    prediction,
    probabilities,
    probabilities_macro,
    version_macro,
    with_columns,
)
from duckml.language.syntax import Call, Query, Resolved, Span
from duckml.names import fold, literal, quote
from duckml.sql import blocks

_INPUT = '"__duckml_input"'


def rewrite(
    text: bytes,
    query: Query,
    resolved: Mapping[Call, Resolved],
    *,
    blank: Mapping[Call, frozenset[str]] | None = None,
    inline: bool = False,
) -> str:
    """The query as DuckDB SQL, every call that is in `resolved` replaced.

    The features in `blank` are given NULL instead of their values, to find out which of them DuckDB refuses. With
    `inline` the bodies of the macros stand in their place: types are then not checked before the query runs.
    Raises FeatureError when the arguments of a call don't fit the signature, StatementError when a function stands
    where it can't.
    """
    return _Rewriter(text, query, resolved, blank or {}, inline).render(query.span)


class _Rewriter:
    def __init__(
        self,
        text: bytes,
        query: Query,
        resolved: Mapping[Call, Resolved],
        blank: Mapping[Call, frozenset[str]],
        inline: bool,
    ) -> None:
        self.text = text
        self.query = query
        self.resolved = resolved
        self.blank = blank
        self.inline = inline

    def render(self, span: Span) -> str:
        """The bytes of a span with the outermost resolved calls in it replaced, and items without a name named."""
        calls = self.outermost(span)
        edits = [(call.span, self.keep_lines(call, self.call(call))) for call in calls]
        for item in self.query.unnamed:
            holds = any(item.span.contains(call.span) for call in self.resolved)
            within = any(call.span != item.span and call.span.contains(item.span) for call in calls)
            if holds and span.contains(item.span) and not within:
                edits.append((Span(item.span.end, item.span.end), f" AS {quote(item.name)}"))
        pieces, position = [], span.start
        for edited, replacement in sorted(edits, key=lambda edit: (edit[0].end, edit[0].start)):
            pieces += [self.source(Span(position, edited.start)), replacement]
            position = edited.end
        return "".join([*pieces, self.source(Span(position, span.end))])

    def outermost(self, span: Span) -> list[Call]:
        """The resolved calls in a span that stand in no other one."""
        inside = [
            call for call in self.query.calls if call in self.resolved and span.contains(call.span)
        ]
        return [
            c for c in inside if not any(o is not c and o.span.contains(c.span) for o in inside)
        ]

    def source(self, span: Span) -> str:
        """The user's own text of a span."""
        return self.text[span.start : span.end].decode()

    def keep_lines(self, call: Call, sql: str) -> str:
        """`sql` with as many line breaks as the call has, so that the lines below keep their numbers."""
        return sql + "\n" * (self.source(call.span).count("\n") - sql.count("\n"))

    def call(self, call: Call) -> str:
        """The SQL that stands for a call."""
        model = self.resolved[call]
        name = call.function.upper()
        function = SQL_FUNCTIONS[call.function]
        if function.is_for_classifiers and model.signature.target.labels is None:
            raise StatementError(
                f"{name} is about classes, and model '{call.model}' predicts a number: "
                f'"{model.signature.target.name}".'
            )
        if call.function == "predict" and call.in_from:
            return self.prediction_table(call, model)
        if function.is_scalar:
            if call.in_from:
                raise StatementError(
                    f"{name} is a value, not a table: SELECT {name}({call.model})."
                )
            return (
                self.model_version(call, model)
                if call.function == "model_version"
                else self.scalar(call, model)
            )
        if not call.in_from:
            raise StatementError(f"{name} is a table: SELECT * FROM {name}(MODEL {call.model}).")
        settings = self.settings(call)
        if call.table is None:
            if settings and call.function != "weights":
                raise StatementError(
                    f"{name}(MODEL {call.model}, …) takes its settings together with rows."
                )
            return "(" + _information(call.function, model, settings) + ")"
        if function.rows is Rows.NONE:
            raise StatementError(
                f"{name}(MODEL {call.model}) takes no rows: it shows what is stored."
            )
        return self.measured(call, model, call.table, settings)

    def settings(self, call: Call) -> dict[str, str]:
        """What a STRUCT behind the input sets; an error for what the function doesn't know."""
        known = SQL_FUNCTIONS[call.function].settings
        settings = {}
        for name, span in call.settings:
            if name in {"confidence_level", "top_k_features"}:
                raise NotYetError.of(f"The setting {name}")
            if name not in known:
                takes = f"It takes {', '.join(known)}." if known else "It takes none."
                raise StatementError(f'{call.function.upper()} has no setting "{name}". {takes}')
            settings[name] = self.render(span)
        return settings

    def model_version(self, call: Call, model: Resolved) -> str:
        """The version as a value: a constant for a given one, the catalog's answer for the default or an alias."""
        if model.tag is not None and model.tag.isdigit():
            return literal(f"{model.schema}.{model.name}@{model.tag}")
        return self.function(call, model, version_macro(model.name, model.tag)) + "()"

    # Scalar PREDICT

    def scalar(self, call: Call, model: Resolved) -> str:
        """The macro call for a scalar PREDICT or PREDICT_PROBA."""
        by_position = any(
            argument.name is None and argument.star is None for argument in call.arguments
        )
        return self.macro(
            call, model, self.by_position(call, model) if by_position else self.by_name(call, model)
        )

    def macro(
        self, call: Call, model: Resolved, values: Sequence[tuple[Feature | Input, str]]
    ) -> str:
        """The call of the model's macro with named arguments."""
        blank = self.blank.get(call, frozenset())
        given = [(column, "NULL" if column.name in blank else value) for column, value in values]
        wants_label = call.function == "predict"
        if self.inline:
            cast = {column.name: f"CAST({value} AS {column.sql_type})" for column, value in given}
            return (prediction if wants_label else probabilities)(model.signature, model.key, cast)
        macro = (predict_macro if wants_label else probabilities_macro)(model.name, model.tag)
        arguments = ", ".join(f"{quote(column.name)} := {value}" for column, value in given)
        return f"{self.function(call, model, macro)}({arguments})"

    def function(self, call: Call, model: Resolved, macro: str) -> str:
        """A macro of the model, as SQL.

        Fully qualified, so that views find it from anywhere. DuckDB takes the database out again for a view, so that a
        file can be renamed; it doesn't for a macro, so there it is left out where the user left it out.
        """
        return model.function(
            macro, self.query.made in {"macro", "function"} and len(call.model.parts) == 1
        )

    def by_name(self, call: Call, model: Resolved) -> list[tuple[Feature | Input, str]]:
        """Features with their values: those that the user gave first, then all others by their names."""
        stars = [argument.star for argument in call.arguments if argument.star is not None]
        if len(stars) > 1:
            raise StatementError(
                f"PREDICT({call.model}, …) takes the columns of one alias: there are {len(stars)} stars."
            )
        qualifier = f"{self.source(stars[0])}." if stars and stars[0].end > stars[0].start else ""
        given: dict[Feature | Input, str] = {}
        for argument in call.arguments:
            if argument.name is None:
                continue
            feature = model.signature.find(argument.name)
            if feature is None:
                raise FeatureError.unknown(
                    str(call.model), argument.name, model.signature.input_names
                )
            if feature in given:
                raise FeatureError.twice(str(call.model), feature.name)
            given[feature] = self.render(argument.value)
        rest = [column for column in model.signature.inputs if column not in given]
        return [*given.items(), *((column, qualifier + quote(column.name)) for column in rest)]

    def by_position(self, call: Call, model: Resolved) -> list[tuple[Feature | Input, str]]:
        """Features with their values, in signature order."""
        features = model.signature.inputs
        if any(
            argument.name is not None or argument.star is not None for argument in call.arguments
        ):
            raise StatementError(
                f"PREDICT({call.model}, …) mixes values by position with values by name. Give all by position, or "
                "name := value for some and leave the others to their columns."
            )
        if len(call.arguments) != len(features):
            raise FeatureError.count(
                str(call.model), len(call.arguments), str(model.signature), len(features)
            )
        for argument, feature in zip(call.arguments, features, strict=True):
            named = model.signature.find(argument.column) if argument.column is not None else None
            if named is not None and named != feature:
                raise FeatureError.swapped(str(call.model), str(argument.column), feature.name)
        return [
            (f, self.render(argument.value))
            for argument, f in zip(call.arguments, features, strict=True)
        ]

    # Table forms

    def input(self, span: Span) -> str:
        """The input of a table form as a FROM item with an alias of ours."""
        text = self.render(span)
        is_query = text.split(None, 1)[0].lower() in {"select", "with", "from", "values"}
        return f"(FROM {f'({text})' if is_query else text}) AS {_INPUT}"

    def prediction_table(self, call: Call, model: Resolved) -> str:
        """FROM PREDICT: all columns of the input, then the prediction, and the probabilities of a classifier."""
        if call.table is None:
            raise StatementError(
                f"In FROM, PREDICT takes its rows as well: FROM PREDICT(MODEL {call.model}, TABLE t) "
                "or (MODEL …, (SELECT …))."
            )
        threshold = self.settings(call).get("threshold")
        if threshold is not None:
            self.require_two_classes(call, model, "threshold")
        columns = output_columns(
            model.signature.target,
            self.macro_of_input(call, model, "predict"),
            self.macro_of_input(call, model, "predict_proba"),
            threshold,
        )
        return f"({with_columns(_INPUT, columns, self.input(call.table))})"

    def macro_of_input(self, call: Call, model: Resolved, function: str) -> str:
        """The call of a macro that takes every feature from the input of a table form."""
        values = [(column, f"{_INPUT}.{quote(column.name)}") for column in model.signature.inputs]
        return self.macro(replace(call, function=function), model, values)

    def require_two_classes(self, call: Call, model: Resolved, what: str) -> None:
        """Raise StatementError unless the model tells two classes apart."""
        classes = model.signature.target.labels or ()
        if len(classes) != 2:
            apart = f"tells {len(classes)} classes apart" if classes else "predicts a number"
            raise StatementError(
                f"{what} is for models of two classes, and '{call.model}' {apart}."
            )

    def measured(
        self, call: Call, model: Resolved, table: Span, settings: Mapping[str, str]
    ) -> str:
        """FROM EVALUATE, CONFUSION_MATRIX or ROC_CURVE with rows: measured over them, in SQL."""
        target = model.signature.target
        if settings or call.function == "roc_curve":
            self.require_two_classes(call, model, "threshold" if settings else "ROC_CURVE")
        actual = self.actual(model)
        block = call.function + "_rows"
        values: dict[str, str] = {}
        if target.labels is None:
            prediction = self.macro_of_input(call, model, "predict")
        else:
            block = "evaluate_classes" if call.function == "evaluate" else block
            prediction = f"map_values({self.macro_of_input(call, model, 'predict_proba')})"
            values["target_value"] = actual
            floating = type_family(target.sql_type) in {"FLOAT", "DOUBLE"}
            values["known"] = f"isfinite({actual})" if floating else f"{actual} IS NOT NULL"
            label = f"TRY_CAST({actual} AS {target.sql_type})"
            if is_number(target.sql_type):  # a number between two classes is neither
                label = f"CASE WHEN {label} = TRY_CAST({actual} AS DOUBLE) THEN {label} END"
            actual = f"list_position({labels(target)}, {label})"
            threshold = settings.get("threshold")
            values |= {
                "labels": labels(target),
                "classes": str(len(target.labels)),
                "first": "2" if len(target.labels) == 2 else "1",
                "choice": "list_position(p, list_max(p))"
                if threshold is None
                else f"CASE WHEN p[2] >= ({threshold}) THEN 2 ELSE 1 END",
                "thresholds": settings.get("thresholds", "NULL::DOUBLE[]"),
            }
        sql = _one_line(blocks("queries")[block]).format(
            database=quote(model.database),
            where=_which(model),
            target=actual,
            prediction=prediction,
            input=self.input(table),
            **values,
        )
        return f"({sql})"

    def actual(self, model: Resolved) -> str:
        """The target in the rows of a table form: the column of its name, or what TRANSFORM makes of the columns."""
        transform = model.signature.transform
        if transform is None or transform.target is None:
            reference = f"{_INPUT}.{quote(model.signature.target.name)}"
        else:
            values = {name: f"{_INPUT}.{quote(name)}" for name in transform.target.names}
            reference = f"({transform.target.render(values)})"
        return (
            reference
            if model.signature.target.labels is not None
            else f"CAST({reference} AS DOUBLE)"
        )


def _which(model: Resolved) -> str:
    """The condition that selects the rows of a version in a table of the registry."""
    conditions = [
        f"schema_key = {literal(fold(model.schema))}",
        f"name_key = {literal(fold(model.name))}",
    ]
    of_model = " AND ".join(conditions)
    registry = f"{quote(model.database)}._duckml"
    if model.tag is None:
        version = f"(SELECT default_version FROM {registry}.model WHERE {of_model})"
    elif model.tag.isdigit():
        version = model.tag
    else:
        version = f"(SELECT version FROM {registry}.alias WHERE {of_model} AND alias_key = {literal(fold(model.tag))})"
    return " AND ".join([*conditions, f"version = {version}"])


def _information(function: str, model: Resolved, settings: Mapping[str, str]) -> str:
    """The query that an information function without rows stands for."""
    block = function
    if model.registry_format < 2 and function in {"weights", "confusion_matrix", "roc_curve"}:
        block += "_none"  # format 1 had no tables for them
    return _one_line(blocks("queries")[block]).format(
        database=quote(model.database),
        where=_which(model),
        standardize=settings.get("standardize", "false"),
    )


def _one_line(sql: str) -> str:
    """SQL of ours without line breaks, so that it doesn't move the user's lines."""
    return " ".join(line.strip() for line in sql.splitlines())
