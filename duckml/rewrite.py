"""(text, calls, what they resolve to) → DuckDB SQL. A pure function: no database, no model, no state.

A scalar PREDICT becomes a call of the model's stored macro, fully qualified, with named arguments: first those that the
user gave, in the user's order, so that `?` parameters keep their places, then the rest from columns of the same names.
The version is thus chosen by DuckDB's own catalog when the statement is bound. Outside the spans of the calls the bytes
are the user's, and a span keeps its number of lines, so that DuckDB's errors point at the right one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from duckml.errors import FeatureError, StatementError
from duckml.names import fold, literal, quote
from duckml.signature import Feature
from duckml.sql import blocks
from duckml.statements import (
    Call,
    Query,
    Resolved,
    Span,
    predict_macro,
    prediction_call,
    version_macro,
    with_prediction,
)

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
        inside = [call for call in self.query.calls if call in self.resolved and span.contains(call.span)]
        return [c for c in inside if not any(o is not c and o.span.contains(c.span) for o in inside)]

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
        if call.function == "predict":
            return self.prediction_table(call, model) if call.in_from else self.scalar(call, model)
        if call.function == "model_version":
            if call.in_from:
                raise StatementError(f"MODEL_VERSION is a value, not a table: SELECT MODEL_VERSION({call.model}).")
            return self.model_version(call, model)
        if not call.in_from:
            raise StatementError(f"{name} is a table: SELECT * FROM {name}(MODEL {call.model}).")
        if call.table is None:
            return "(" + _information(call.function, model) + ")"
        if call.function != "evaluate":
            raise StatementError(f"{name}(MODEL {call.model}) takes no rows: it shows what is stored.")
        return self.evaluation(call, model, call.table)

    def model_version(self, call: Call, model: Resolved) -> str:
        """The version as a value: a constant for a given one, the catalog's answer for the default."""
        if model.version is not None:
            return literal(f"{model.schema}.{model.name}@{model.version}")
        return self.function(call, model, version_macro(model.name)) + "()"

    # Scalar PREDICT

    def scalar(self, call: Call, model: Resolved) -> str:
        """The macro call for a scalar PREDICT."""
        by_position = any(argument.name is None and argument.star is None for argument in call.arguments)
        return self.macro(call, model, self.by_position(call, model) if by_position else self.by_name(call, model))

    def macro(self, call: Call, model: Resolved, values: Sequence[tuple[Feature, str]]) -> str:
        """The call of the model's macro with named arguments."""
        blank = self.blank.get(call, frozenset())
        given = [(f, "NULL" if f.name in blank else value) for f, value in values]
        if self.inline:
            values_read = (f.stored_as(f"CAST({value} AS {f.sql_type})") for f, value in given)
            return prediction_call(model.key, values_read)
        function = self.function(call, model, predict_macro(model.name, model.version))
        return f"{function}({', '.join(f'{quote(f.name)} := {value}' for f, value in given)})"

    def function(self, call: Call, model: Resolved, macro: str) -> str:
        """A macro of the model, as SQL.

        Fully qualified, so that views find it from anywhere. DuckDB takes the database out again for a view, so that a
        file can be renamed; it doesn't for a macro, so there it is left out where the user left it out.
        """
        return model.function(macro, self.query.made in {"macro", "function"} and len(call.model.parts) == 1)

    def by_columns(self, call: Call, model: Resolved) -> str:
        """The macro call that takes every feature from the input of a table form."""
        return self.macro(call, model, [(f, f"{_INPUT}.{quote(f.name)}") for f in model.signature.features])

    def by_name(self, call: Call, model: Resolved) -> list[tuple[Feature, str]]:
        """Features with their values: those that the user gave first, then all others by their names."""
        stars = [argument.star for argument in call.arguments if argument.star is not None]
        if len(stars) > 1:
            raise StatementError(
                f"PREDICT({call.model}, …) takes the columns of one alias: there are {len(stars)} stars."
            )
        qualifier = f"{self.source(stars[0])}." if stars and stars[0].end > stars[0].start else ""
        given: dict[Feature, str] = {}
        for argument in call.arguments:
            if argument.name is None:
                continue
            feature = model.signature.find(argument.name)
            if feature is None:
                raise FeatureError.unknown(str(call.model), argument.name, model.signature.names)
            if feature in given:
                raise FeatureError.twice(str(call.model), feature.name)
            given[feature] = self.render(argument.value)
        rest = [feature for feature in model.signature.features if feature not in given]
        return [*given.items(), *((feature, qualifier + quote(feature.name)) for feature in rest)]

    def by_position(self, call: Call, model: Resolved) -> list[tuple[Feature, str]]:
        """Features with their values, in signature order."""
        features = model.signature.features
        if any(argument.name is not None or argument.star is not None for argument in call.arguments):
            raise StatementError(
                f"PREDICT({call.model}, …) mixes values by position with values by name. Give all by position, or "
                "name := value for some and leave the others to their columns."
            )
        if len(call.arguments) != len(features):
            raise FeatureError.count(str(call.model), len(call.arguments), str(model.signature), len(features))
        for argument, feature in zip(call.arguments, features, strict=True):
            named = model.signature.find(argument.column) if argument.column is not None else None
            if named is not None and named != feature:
                raise FeatureError.swapped(str(call.model), str(argument.column), feature.name)
        return [(f, self.render(argument.value)) for argument, f in zip(call.arguments, features, strict=True)]

    # Table forms

    def input(self, span: Span) -> str:
        """The input of a table form as a FROM item with an alias of ours."""
        return f"(FROM {self.render(span)}) AS {_INPUT}"

    def prediction_table(self, call: Call, model: Resolved) -> str:
        """FROM PREDICT: all columns of the input, then the prediction."""
        if call.table is None:
            raise StatementError(
                f"In FROM, PREDICT takes its rows as well: FROM PREDICT(MODEL {call.model}, TABLE t) "
                "or (MODEL …, (SELECT …))."
            )
        output = quote(model.signature.target.prediction)
        return f"({with_prediction(_INPUT, self.by_columns(call, model), output, self.input(call.table))})"

    def evaluation(self, call: Call, model: Resolved, table: Span) -> str:
        """FROM EVALUATE with rows: the metrics over them, in SQL."""
        return "({})".format(
            _one_line(blocks("queries")["evaluate_rows"]).format(
                database=quote(model.database),
                where=_which(model),
                target=f"CAST({_INPUT}.{quote(model.signature.target.name)} AS DOUBLE)",
                prediction=self.by_columns(call, model),
                input=self.input(table),
            )
        )


def _which(model: Resolved) -> str:
    """The condition that selects the rows of a version in a table of the registry."""
    conditions = [f"schema_key = {literal(fold(model.schema))}", f"name_key = {literal(fold(model.name))}"]
    registry = f"{quote(model.database)}._duckml"
    version = (
        f"(SELECT default_version FROM {registry}.model WHERE {' AND '.join(conditions)})"
        if model.version is None
        else str(model.version)
    )
    return " AND ".join([*conditions, f"version = {version}"])


def _information(function: str, model: Resolved) -> str:
    """The query that an information function without rows stands for."""
    return _one_line(blocks("queries")[function]).format(database=quote(model.database), where=_which(model))


def _one_line(sql: str) -> str:
    """SQL of ours without line breaks, so that it doesn't move the user's lines."""
    return " ".join(line.strip() for line in sql.splitlines())
