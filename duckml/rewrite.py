"""(text, calls, what they resolve to) → DuckDB SQL. A pure function: no database, no model, no state.

A scalar PREDICT becomes a call of the model's stored macro, fully qualified, with named arguments: first those that the
user gave, in the user's order, so that `?` parameters keep their places, then the rest from columns of the same names.
The version is thus chosen by DuckDB's own catalog when the statement is bound. Outside the spans of the calls the bytes
are the user's, and a span keeps its number of lines, so that DuckDB's errors point at the right one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from duckml.errors import FeatureError, StatementError
from duckml.names import fold, literal, qualified, quote
from duckml.signature import Feature
from duckml.sql import blocks
from duckml.statements import Argument, Call, Query, Resolved, Span, prediction_call, version_macro

_INPUT = "__duckml_input"


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
    return _Rewriter(text, resolved, blank or {}, inline).render(query.span, query.calls)


class _Rewriter:
    def __init__(
        self,
        text: bytes,
        resolved: Mapping[Call, Resolved],
        blank: Mapping[Call, frozenset[str]],
        inline: bool,
    ) -> None:
        self.text = text
        self.resolved = resolved
        self.blank = blank
        self.inline = inline

    def render(self, span: Span, calls: tuple[Call, ...]) -> str:
        """The bytes of a span with the outermost resolved calls in it replaced."""
        pieces = []
        position = span.start
        for call in calls:
            if call not in self.resolved or call.span.start < position or not span.contains(call.span):
                continue
            inner = tuple(other for other in calls if other is not call and call.span.contains(other.span))
            pieces.append(self.source(Span(position, call.span.start)))
            pieces.append(self.keep_lines(call, self.call(call, inner)))
            position = call.span.end
        pieces.append(self.source(Span(position, span.end)))
        return "".join(pieces)

    def source(self, span: Span) -> str:
        """The user's own text of a span."""
        return self.text[span.start : span.end].decode()

    def keep_lines(self, call: Call, sql: str) -> str:
        """`sql` with as many line breaks as the call has, so that the lines below keep their numbers."""
        return sql + "\n" * (self.source(call.span).count("\n") - sql.count("\n"))

    def call(self, call: Call, inner: tuple[Call, ...]) -> str:
        """The SQL that stands for a call."""
        model = self.resolved[call]
        if call.function == "predict":
            if call.in_from:
                return self.prediction_table(call, model, inner)
            return self.scalar(call, model, inner) + self.alias(call, f"predict({call.model})")
        if call.function == "model_version":
            if call.in_from:
                raise StatementError(f"MODEL_VERSION is a value, not a table: SELECT MODEL_VERSION({call.model}).")
            return self.model_version(model) + self.alias(call, f"model_version({call.model})")
        if not call.in_from:
            raise StatementError(
                f"{call.function.upper()} is a table: SELECT * FROM {call.function.upper()}(MODEL {call.model})."
            )
        if call.table is None:
            return "(" + _information(call.function, model) + ")"
        if call.function != "evaluate":
            raise StatementError(f"{call.function.upper()}(MODEL {call.model}) takes no rows: it shows what is stored.")
        return self.evaluation(call, model, call.table, inner)

    def alias(self, call: Call, name: str) -> str:
        """An alias, where the call is a whole item of a SELECT list and the user gave none."""
        return f" AS {quote(name)}" if call.lone else ""

    def model_version(self, model: Resolved) -> str:
        """The version as a value: a constant for a given one, the catalog's answer for the default."""
        if model.version is not None:
            return literal(f"{model.schema}.{model.name}@{model.version}")
        return qualified(model.database, model.schema, version_macro(model.name)) + "()"

    # Scalar PREDICT

    def scalar(self, call: Call, model: Resolved, inner: tuple[Call, ...]) -> str:
        """The macro call for a scalar PREDICT."""
        by_position = [argument for argument in call.arguments if argument.name is None and argument.star is None]
        pairs = self.by_position(call, model) if by_position else self.by_name(call, model)
        return self.macro(call, model, [(feature, value(inner)) for feature, value in pairs])

    def macro(self, call: Call, model: Resolved, values: Sequence[tuple[Feature, str]]) -> str:
        """The call of the model's macro with named arguments."""
        blank = self.blank.get(call, frozenset())
        given = [(f, "NULL" if f.name in blank else value) for f, value in values]
        if self.inline:
            values_read = (f.stored_as(f"CAST({value} AS {f.sql_type})") for f, value in given)
            return prediction_call(model.key, values_read)
        return f"{model.function}({', '.join(f'{quote(f.name)} := {value}' for f, value in given)})"

    def by_columns(self, call: Call, model: Resolved) -> str:
        """The macro call that takes every feature from the input of a table form."""
        return self.macro(call, model, [(f, f"{_INPUT}.{quote(f.name)}") for f in model.signature.features])

    def by_name(self, call: Call, model: Resolved) -> list[tuple[Feature, Callable[[tuple[Call, ...]], str]]]:
        """Features with their values: those that the user gave first, then all others by their names."""
        qualifier = ""
        given: dict[Feature, Callable[[tuple[Call, ...]], str]] = {}
        for argument in call.arguments:
            if argument.star is not None:
                source = self.source(argument.star)
                qualifier = f"{source}." if source else ""
                continue
            feature = model.signature.find(argument.name or "")
            if feature is None:
                raise FeatureError.unknown(str(call.model), argument.name or "", model.signature.names)
            if feature in given:
                raise FeatureError.twice(str(call.model), feature.name)
            given[feature] = self.value(argument)
        rest = [feature for feature in model.signature.features if feature not in given]
        return [*given.items(), *((feature, _column(qualifier, feature)) for feature in rest)]

    def by_position(self, call: Call, model: Resolved) -> list[tuple[Feature, Callable[[tuple[Call, ...]], str]]]:
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
        return [(feature, self.value(argument)) for argument, feature in zip(call.arguments, features, strict=True)]

    def value(self, argument: Argument) -> Callable[[tuple[Call, ...]], str]:
        """The user's expression, rendered once the calls inside it are known."""
        return lambda inner: self.render(argument.value, inner)

    # Table forms

    def input(self, span: Span, inner: tuple[Call, ...]) -> str:
        """The input of a table form as a FROM item with an alias of ours."""
        return f"{self.render(span, inner)} AS {_INPUT}"

    def prediction_table(self, call: Call, model: Resolved, inner: tuple[Call, ...]) -> str:
        """FROM PREDICT: all columns of the input, then the prediction."""
        if call.table is None:
            raise StatementError(
                f"In FROM, PREDICT takes its rows as well: FROM PREDICT(MODEL {call.model}, TABLE t) "
                "or (MODEL …, (SELECT …))."
            )
        output = quote(model.signature.target.prediction)
        # The condition is a constant for the binder, and an error when the input has a column of that name: DuckDB
        # alone knows the columns, of a CTE too, and would silently rename the second of two equal ones.
        return (
            f"(SELECT {_INPUT}.*, {self.by_columns(call, model)} AS {output} FROM {self.input(call.table, inner)} "
            f"WHERE typeof(struct_insert({_INPUT}, {output} := 0)) IS NOT NULL)"
        )

    def evaluation(self, call: Call, model: Resolved, table: Span, inner: tuple[Call, ...]) -> str:
        """FROM EVALUATE with rows: the metrics over them, in SQL."""
        target = f"CAST({_INPUT}.{quote(model.signature.target.name)} AS DOUBLE)"
        return (
            "("
            + _one_line(blocks("queries")["evaluate_rows"]).format(
                database=quote(model.database),
                where=_which(model),
                target=target,
                prediction=self.by_columns(call, model),
                input=self.input(table, inner),
            )
            + ")"
        )


def _column(qualifier: str, feature: Feature) -> Callable[[tuple[Call, ...]], str]:
    return lambda _: qualifier + quote(feature.name)


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
