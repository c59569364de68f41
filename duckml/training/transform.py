"""TRANSFORM: a list of expressions → what is computed before training and again before every prediction.

DuckDB's own parser says what an expression reads and calls; the user's text is cut at the columns that it names and
otherwise kept as it is. A window or an aggregate would mean something else for one row than for all of them, so these
are refused, but for the ML functions: their values are fitted on the training rows and frozen into plain SQL.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from duckml.database import catalog, scratch, sessions
from duckml.database.binding import Column
from duckml.database.sessions import Native
from duckml.errors import StatementError
from duckml.estimators.preprocessing import numbers
from duckml.features.column_types import is_number, type_family
from duckml.features.input_expressions import Expression, Input, Transform
from duckml.features.roles import feature_of
from duckml.features.signature import Signature
from duckml.language.parser import (
    argument_value,
    arguments_of,
    select_list,
    words_before_brackets,
)
from duckml.language.tokens import token_end
from duckml.names import fold, listed, literal, nearest, quote

_ROW = "__duckml_row"
_MADE = "__duckml_made"

# What stands before and behind the argument of a fitted function, as SQL.
Around = tuple[str, str]
# Made of a column of the training rows and the settings of the call.
Fit = Callable[[pa.ChunkedArray, Sequence[Any]], Around]


@dataclass(frozen=True)
class FittedFunction:
    """An ML function whose values come from the training rows.

    `takes` is the type of its argument, `makes` that of its value; `settings` is the most that may follow the argument.
    """

    fit: Fit
    takes: str
    makes: str
    settings: int = 0


@dataclass(frozen=True)
class Item:
    """One thing that a TRANSFORM makes: a column `name`, by `expression`, then by a function fitted on it."""

    name: str
    expression: Expression
    function: FittedFunction | None = None
    settings: tuple[Any, ...] = ()

    @property
    def before_fitting(self) -> Expression:
        """What is computed in the training query: everything but the fitted function.

        TRY, so that a value which the expression can't take makes NULL of one row instead of ending a query.
        """
        if self.function is not None:
            return self.expression.within("TRY(CAST(", f" AS {self.function.takes}))")
        return (
            self.expression if _is_plain(self.expression) else self.expression.within("TRY(", ")")
        )


def _is_plain(expression: Expression) -> bool:
    return expression.pieces[::2] == ("", "")


@dataclass(frozen=True)
class Plan:
    """A TRANSFORM that has been read: its items in order, and the columns of the training query that it sees."""

    items: tuple[Item, ...]
    inputs: tuple[Input, ...]
    text: str

    def query(self, query: str, beside: Sequence[str]) -> str:
        """The training query with the items computed; columns named in `beside` pass through where no item makes them.

        `query` is SQL. Every column is cast to the type that the parameters of the model's function have.
        """
        made = {fold(item.name) for item in self.items}
        beside = [name for name in beside if fold(name) not in made]
        values = {column.name: f"{_ROW}.{quote(column.name)}" for column in self.inputs}
        items = ", ".join(
            f"{literal(i.name)}: {i.before_fitting.render(values)}" for i in self.items
        )
        fields = ", ".join(
            f"{literal(c.name)}: CAST({quote(c.name)} AS {c.sql_type})" for c in self.inputs
        )
        # In a lambda, as in every prediction: side by side DuckDB would compute what two items share outside their TRY.
        computed = f"system.main.list_transform([{{{fields}}}], lambda {_ROW}: {{{items}}})[1]"
        names = [f"{_MADE}.{quote(item.name)}" for item in self.items] + [
            quote(name) for name in beside
        ]
        kept = "".join(f", {quote(name)}" for name in beside)
        return (
            f"SELECT {', '.join(names)} FROM (SELECT {computed} AS {_MADE}{kept} FROM ({query}\n))"
        )

    def require_plain(self, names: Sequence[str]) -> None:
        """Raise StatementError when one of the names, target or category, is made by a function fitted in training."""
        for item in self.items:
            if item.function is not None and fold(item.name) in {fold(name) for name in names}:
                raise StatementError(
                    f'"{item.name}" is made by an ML function, which is for features: as a target, or in categorical, '
                    "it has to be a plain expression."
                )

    def fitted(self, train: pa.Table) -> dict[str, Around]:
        """The SQL of each fitted function, by item."""
        return {
            item.name: item.function.fit(train[item.name], item.settings)
            for item in self.items
            if item.function is not None and item.name in train.column_names
        }

    def signature(self, before: Signature, fitted: Mapping[str, Around]) -> Signature:
        """The signature of the model: features as the fitted functions make them, and the columns they come from."""
        items = {item.name: item for item in self.items}
        features, expressions = [], {}
        for feature in before.features:
            item = items[feature.name]
            expression = item.before_fitting
            if item.function is not None:
                expression = expression.within(*fitted[feature.name])
                features.append(feature_of(feature.name, item.function.makes, categorical=False))
            else:
                features.append(feature)
            expressions[feature.name] = expression
        read = {name for expression in expressions.values() for name in expression.names}
        target = next((i.before_fitting for i in self.items if i.name == before.target.name), None)
        transform = Transform(
            tuple(column for column in self.inputs if column.name in read),
            expressions,
            target,
            self.text,
        )
        return Signature(tuple(features), before.target, transform)


def computed(table: pa.Table, fitted: Mapping[str, Around]) -> pa.Table:
    """The table with the fitted functions applied to their columns, by DuckDB, as in every prediction."""
    return scratch.compute(
        table, {name: f"{before}{quote(name)}{behind}" for name, (before, behind) in fitted.items()}
    )


# Reading


def read(con: Native, text: str, columns: Sequence[Column]) -> Plan:
    """The plan of a TRANSFORM over the columns of a training query.

    Raises StatementError for what can't be replayed row by row, an unknown column, or an item without a name.
    """
    inputs = tuple(Input(column.name, _parameter_type(column.sql_type)) for column in columns)
    reader = _Reader(
        con,
        {fold(column.name): column.name for column in columns},
        {c.name: c.sql_type for c in inputs},
    )
    items = [item for part in select_list(text) for item in reader.items(part)]
    seen: dict[str, str] = {}
    for item in items:
        if fold(item.name) in seen:
            raise StatementError(f'TRANSFORM makes the column "{item.name}" twice.')
        seen[fold(item.name)] = item.name
    if not any(item.expression.names for item in items):
        raise StatementError("TRANSFORM reads no column of the query.")
    return Plan(tuple(items), inputs, text)


def require_replayable(con: Native, transform: Transform) -> None:
    """Raise StatementError unless every expression of a stored TRANSFORM is one that could have been typed.

    Its ML functions are plain SQL by now.
    """
    expressions = [*transform.features.values(), *([transform.target] if transform.target else [])]
    names = {column.name for column in transform.inputs} | {
        name for e in expressions for name in e.names
    }
    types = {column.name: column.sql_type for column in transform.inputs}
    reader = _Reader(con, {fold(name): name for name in names}, types)
    values = {name: quote(name) for name in names}
    for expression in expressions:
        reader.parsed(
            f"({expression.render(values)})"
        )  # one whole expression, without a name or a comment behind it
        reader.expression(expression.render(values))


def _parameter_type(sql_type: str) -> str:
    """The type under which a column is given to the function of a model."""
    return "VARCHAR" if type_family(sql_type) == "ENUM" else sql_type


class _Reader:
    """Reads the items of one TRANSFORM."""

    def __init__(
        self, con: Native, columns: Mapping[str, str], types: Mapping[str, str] | None = None
    ) -> None:
        self.con = con
        self.columns = columns
        self.types = types or {}
        self.kinds = catalog.function_kinds(con)
        self.built_in = catalog.built_in_functions(con)

    def items(self, part: tuple[str, str]) -> Iterator[Item]:
        """What one part of the list makes: `part` is its text, and the same without the alias."""
        text, value = part
        node = self.parsed(text)
        if node["class"] == "STAR":
            yield from self.starred(node, text)
            return
        function = self.ml_function(node)
        if function is not None:
            yield from self.of_ml_function(function, node, value)
            return
        name = node["alias"] or (node["column_names"][-1] if node["class"] == "COLUMN_REF" else "")
        if not name:
            raise StatementError(f"TRANSFORM needs a name for {value}: {value} AS name.")
        yield Item(name, self.expression(value))

    def parsed(self, text: str) -> dict[str, Any]:
        """DuckDB's own syntax tree of one item; raises StatementError when there is none."""
        [(answer,)] = sessions.read(
            self.con, "SELECT json_serialize_sql($sql)", {"sql": f"SELECT {text}"}
        )
        tree = json.loads(answer)
        if tree["error"]:
            raise StatementError(
                f"TRANSFORM has an item that DuckDB can't read: {text}\n{tree['error_message']}"
            )
        statements = tree["statements"]
        select = statements[0]["node"]
        items = select.get("select_list", [])
        beyond = (
            select.get("where_clause")
            or select.get("modifiers")
            or select.get("from_table", {}).get("type") != "EMPTY"
        )
        if len(statements) != 1 or len(items) != 1 or beyond:
            raise StatementError(f"TRANSFORM takes expressions, and this is more than one: {text}")
        node: dict[str, Any] = items[0]
        return node

    def starred(self, node: dict[str, Any], text: str) -> Iterator[Item]:
        """All columns of the query, less those excluded."""
        if node["replace_list"] or node["columns"] or node["relation_name"] or node["rename_list"]:
            raise StatementError(
                f"TRANSFORM knows * and * EXCLUDE (…), not {text}. Name the columns."
            )
        excluded = {fold(name) for name in node["exclude_list"]}
        for name in excluded - set(self.columns):
            raise self.unknown(name)
        for folded, name in self.columns.items():
            if folded not in excluded:
                yield Item(name, Expression(("", name, "")))

    def type_of(self, expression: Expression) -> str:
        """The type of an expression as DuckDB writes it; raises StatementError when DuckDB can't tell."""
        values = {name: f"CAST(NULL AS {sql_type})" for name, sql_type in self.types.items()}
        try:
            [(found,)] = sessions.read(self.con, f"SELECT typeof({expression.render(values)})")
        except duckdb.Error as error:
            raise StatementError(
                f"TRANSFORM can't be computed: {str(error).splitlines()[0]}"
            ) from error
        return str(found)

    def expression(self, text: str) -> Expression:
        """The text of an expression, cut at the columns that it reads.

        Raises StatementError for one whose value would depend on the time zone of a session.
        """
        sql = f"SELECT {text}"
        encoded = sql.encode()
        words = words_before_brackets(sql)
        pieces, position = [""], len(b"SELECT ")
        for start, name in sorted(set(self.references(self.parsed(text), frozenset()))):
            if name:
                pieces = [*pieces[:-1], pieces[-1] + encoded[position:start].decode(), name, ""]
                position = token_end(sql, start)
            elif words.get(start) in self.built_in:
                # A macro of the user's that gets this name one day must not change the model.
                pieces[-1] += encoded[position:start].decode() + "system.main."
                position = start
        pieces[-1] += encoded[position:].decode()
        expression = Expression(tuple(pieces))
        zoned = [name for name in expression.names if "TIME ZONE" in self.types.get(name, "")]
        if zoned and not _is_plain(expression):
            raise _refused(
                f'an expression over "{zoned[0]}", a TIMESTAMP WITH TIME ZONE',
                "its value would change with the time zone of a session; the query can say which: … AT TIME ZONE 'UTC'",
            )
        return expression

    def references(self, node: Any, bound: frozenset[str]) -> Iterator[tuple[int, str]]:
        """Where an expression names a column, and which, or calls a function ('').

        `bound` are the parameters of lambdas around it.

        Raises StatementError for what can't be replayed.
        """
        if isinstance(node, list):
            for child in node:
                yield from self.references(child, bound)
        if not isinstance(node, dict):
            return
        kind = node.get("class")
        if kind == "COLUMN_REF":
            first = node["column_names"][0]
            if fold(first) not in bound:
                if fold(first) not in self.columns:
                    raise self.unknown(first)
                yield node["query_location"], self.columns[fold(first)]
            return
        if kind == "LAMBDA":
            names = {fold(name) for name in _names_of(node["lhs"])}
            yield from self.references(node["expr"], bound | names)
            return
        self.refuse(node)
        if kind == "FUNCTION" and not node["is_operator"] and not node.get("schema"):
            yield node["query_location"], ""
        for child in node.values():
            yield from self.references(child, bound)

    def refuse(self, node: dict[str, Any]) -> None:
        """Raise StatementError when one row alone can't give the value of a node."""
        kind, name = node.get("class"), node.get("function_name", "")
        if kind == "STAR":
            raise StatementError(
                "In TRANSFORM a star stands alone: * or * EXCLUDE (…). Name the columns."
            )
        if kind == "POSITIONAL_REFERENCE":
            raise StatementError("TRANSFORM knows columns by their names, not by #1.")
        if kind == "WINDOW":
            if node.get("schema", "").lower() == "ml":
                raise StatementError(
                    f"In TRANSFORM ML.{name.upper()} must be an item of its own: ML.… OVER () AS name."
                )
            raise _refused(
                f"the window function {name}",
                "its value would change with the rows that are predicted",
            )
        if kind == "SUBQUERY":
            raise _refused("a subquery", "it would tie every prediction to other tables")
        if kind == "PARAMETER":
            raise _refused("a parameter", "it has no value when a prediction is made")
        if kind != "FUNCTION":
            return
        if node.get("schema", "").lower() == "ml":
            raise StatementError(_unknown_function(name))
        if fold(node.get("schema", "")) in self.columns:
            raise StatementError(
                f"TRANSFORM takes {name}({node['schema']}), not {node['schema']}.{name}()."
            )
        if "macro" in self.kinds.get(name, ()):
            raise _refused(
                f"the macro {name}", "it may be changed, and a version must not change with it"
            )
        if "aggregate" in self.kinds.get(name, ()):
            raise _refused(
                f"the aggregate {name}", "its value would change with the rows that are predicted"
            )
        if "volatile" in self.kinds.get(name, ()):
            raise _refused(
                f"{name}()", "it answers something else at another time, or in another session"
            )
        if name in {"predict", "predict_proba", "model_version"}:
            raise _refused(
                f"{name.upper()}", "the model would depend on another one; put it into the query"
            )

    def unknown(self, name: str) -> StatementError:
        """The error for a column that the training query doesn't return."""
        known = list(self.columns.values())
        close = nearest(name, known)
        hint = f' Did you mean "{close}"?' if close else ""
        return StatementError(
            f'TRANSFORM names the column "{name}", which the query doesn\'t return.{hint}\nIt returns {listed(known)}.'
        )

    # ML functions

    def ml_function(self, node: dict[str, Any]) -> str | None:
        """The name of the ML function that an item is, or None."""
        is_call = node["class"] in {"WINDOW", "FUNCTION"} and node.get("schema", "").lower() == "ml"
        if not is_call:
            return None
        if node.get("partitions") or node.get("orders"):
            raise StatementError(
                f"ML.{node['function_name'].upper()} has all training rows before it: OVER ()."
            )
        return str(node["function_name"])

    def of_ml_function(self, function: str, node: dict[str, Any], text: str) -> Iterator[Item]:
        """The items that a call of an ML function makes."""
        name = node["alias"]
        if not name:
            raise StatementError(f"TRANSFORM needs a name for {text}: {text} AS name.")
        arguments = [argument["expression"] for argument in node["arguments"]]
        texts = arguments_of(text)
        if not arguments:
            raise StatementError(f"ML.{function.upper()} needs a column.")
        if function in _EXPANDED:
            yield from self.expanded(function, name, arguments[0], texts)
            return
        settings = [self.constant(value) for value in texts[1:]]
        if function == "bucketize":
            self.require_number(function, texts[0], self.expression(texts[0]))
            around = _once(_bins(_points(settings)))
            yield Item(
                name, self.expression(texts[0]).within("CAST(", " AS DOUBLE)").within(*around)
            )
            return
        fitted = _FITTED.get(function)
        expression = self.expression(texts[0])
        if function == "imputer" and settings and str(settings[0]).lower() == "most_frequent":
            takes = "DOUBLE" if is_number(self.type_of(expression)) else "VARCHAR"
            fitted = FittedFunction(_most_frequent, takes, takes, 1)
        if fitted is None:
            raise StatementError(_unknown_function(function))
        if len(settings) > fitted.settings:
            raise StatementError(
                f"ML.{function.upper()} takes a column and at most {fitted.settings} settings."
            )
        if fitted.takes == "DOUBLE":
            self.require_number(function, texts[0], expression)
        yield Item(name, expression, fitted, tuple(settings))

    def require_number(self, function: str, text: str, expression: Expression) -> None:
        """Raise StatementError for an argument that can't be a number."""
        found = self.type_of(expression)
        if not (is_number(found) or type_family(found) in {"VARCHAR", "BOOLEAN", "UUID"}):
            raise StatementError(f"ML.{function.upper()} takes a number, and {text} is {found}.")

    def constant(self, text: str) -> Any:
        """The value of a setting."""
        try:
            [(value,)] = sessions.read(self.con, f"SELECT ({text})")
        except duckdb.Error as error:
            raise StatementError(
                f"The settings of an ML function are constants, and {text} is none."
            ) from error
        return value

    def expanded(
        self, function: str, name: str, node: dict[str, Any], texts: Sequence[str]
    ) -> Iterator[Item]:
        """The products, or the crossed categories, of the fields of a STRUCT."""
        if node["class"] != "FUNCTION" or node["function_name"] not in {
            "struct",
            "struct_pack",
            "row",
        }:
            raise StatementError(f"ML.{function.upper()} takes STRUCT(column, …).")
        if len(texts) > 2:
            raise StatementError(f"ML.{function.upper()} takes STRUCT(column, …) and a degree.")
        degree = (
            _whole(self.constant(texts[1]), 1, f"The degree of ML.{function.upper()}")
            if len(texts) > 1
            else 2
        )
        fields = []
        for number, (value, argument) in enumerate(
            zip(arguments_of(texts[0]), node["arguments"], strict=True), 1
        ):
            of_column = argument["expression"].get("column_names", [f"f{number}"])[-1]
            field = argument["name"] or argument["expression"]["alias"] or of_column
            fields.append((field, self.expression(argument_value(value))))
        least, around, joint = _EXPANDED[function]
        for size in range(least, degree + 1):
            choose = (
                itertools.combinations
                if function == "feature_cross"
                else itertools.combinations_with_replacement
            )
            for chosen in choose(fields, size):
                parts: list[str] = []
                for _, expression in chosen:
                    part = expression.within(*around).pieces
                    parts = (
                        [*part]
                        if not parts
                        else [*parts[:-1], parts[-1] + joint + part[0], *part[1:]]
                    )
                yield Item(
                    "_".join([name, *(field for field, _ in chosen)]), Expression(tuple(parts))
                )


def _names_of(node: Any) -> Iterator[str]:
    """The parameters on the left of a lambda."""
    if isinstance(node, dict):
        if node.get("class") == "COLUMN_REF":
            yield node["column_names"][0]
        for child in node.values():
            yield from _names_of(child)
    elif isinstance(node, list):
        for child in node:
            yield from _names_of(child)


def _refused(what: str, why: str) -> StatementError:
    return StatementError(
        f"TRANSFORM can't hold {what}: {why}. Compute it in the query behind AS, or use one of the ML functions, whose "
        f"values are fitted in training: {', '.join('ML.' + name.upper() for name in sorted(_FITTED))}."
    )


def _unknown_function(name: str) -> str:
    known = sorted([*_FITTED, *_EXPANDED, "bucketize"])
    close = nearest(name, known)
    hint = f" Did you mean ML.{close.upper()}?" if close else ""
    return f"ML.{name.upper()} is not here.{hint} Here: {', '.join('ML.' + known_name.upper() for known_name in known)}."


# The ML functions, as BigQuery ML defines them


def _double(value: float) -> str:
    return f"CAST({float(value)!r} AS DOUBLE)"


def _once(body: str) -> Around:
    """A body in which the value, mentioned as v, is evaluated once."""
    return "system.main.list_transform([", f"], lambda v: {body})[1]"


def _known(column: pa.ChunkedArray) -> Any:
    values = numbers(column)
    values = values[~np.isnan(values)]
    return values if len(values) else np.zeros(1)


def _scaled(shift: float, width: float) -> Around:
    return "(", f" - {_double(shift)}) / {_double(width or 1.0)}"


def _whole(value: Any, least: int, what: str) -> int:
    """A whole number that a setting must be."""
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise StatementError(f"{what} is a whole number, {least} or more, not {value!r}.")
    return value


def _points(settings: Sequence[Any]) -> list[float]:
    """The split points of ML.BUCKETIZE."""
    wanted = "ML.BUCKETIZE takes a column and split points in ascending order: ML.BUCKETIZE(x, [10, 20])."
    if len(settings) != 1 or not isinstance(settings[0], list) or not settings[0]:
        raise StatementError(wanted)
    try:
        points = [float(point) for point in settings[0]]
    except (TypeError, ValueError) as error:
        raise StatementError(wanted) from error
    if any(left >= right for left, right in itertools.pairwise(points)):
        raise StatementError(wanted)
    return points


def _standard_scaler(column: pa.ChunkedArray, settings: Sequence[Any]) -> Around:
    values = _known(column)
    return _scaled(float(values.mean()), float(values.std()))


def _min_max_scaler(column: pa.ChunkedArray, settings: Sequence[Any]) -> Around:
    values = _known(column)
    low, high = float(values.min()), float(values.max())
    scaled = f"(v - {_double(low)}) / {_double((high - low) or 1.0)}"
    # greatest and least pass over NULL: a NULL must stay one.
    return _once(
        f"CASE WHEN v IS NOT NULL THEN system.main.greatest(0.0, system.main.least(1.0, {scaled})) END"
    )


def _max_abs_scaler(column: pa.ChunkedArray, settings: Sequence[Any]) -> Around:
    return _scaled(0.0, float(np.abs(_known(column)).max()))


def _robust_scaler(column: pa.ChunkedArray, settings: Sequence[Any]) -> Around:
    low, median, high = np.quantile(_known(column), [0.25, 0.5, 0.75])
    return _scaled(float(median), float(high - low))


def _bins(points: Sequence[float]) -> str:
    cases = "".join(
        f" WHEN v < {_double(point)} THEN 'bin_{i}'" for i, point in enumerate(points, 1)
    )
    return f"CASE WHEN v IS NULL THEN NULL{cases} ELSE 'bin_{len(points) + 1}' END"


def _quantile_bucketize(column: pa.ChunkedArray, settings: Sequence[Any]) -> Around:
    count = _whole(
        settings[0] if settings else None, 2, "The number of buckets of ML.QUANTILE_BUCKETIZE(x, n)"
    )
    return _once(
        _bins(np.unique(np.quantile(_known(column), np.arange(1, count) / count)).tolist())
    )


def _imputer(column: pa.ChunkedArray, settings: Sequence[Any]) -> Around:
    strategy = str(settings[0]).lower() if settings else "mean"
    if strategy not in {"mean", "median"}:
        raise StatementError("ML.IMPUTER fills with 'mean', 'median' or 'most_frequent'.")
    values = _known(column)
    return (
        "coalesce(",
        f", {_double(float(values.mean() if strategy == 'mean' else np.median(values)))})",
    )


def _most_frequent(column: pa.ChunkedArray, settings: Sequence[Any]) -> Around:
    found = _kept(column, 1, 0)
    if not found:
        return "(", ")"
    return (
        "coalesce(",
        f", {literal(found[0]) if isinstance(found[0], str) else _double(found[0])})",
    )


def _kept(column: pa.ChunkedArray, most: int, least: int) -> list[Any]:
    """The commonest values: at most `most`, each at least `least` times."""
    counts = pc.value_counts(column.drop_null()).to_pylist()
    ranked = sorted(counts, key=lambda item: (-item["counts"], item["values"]))
    return [item["values"] for item in ranked[:most] if item["counts"] >= least]


def _most_and_least(function: str, settings: Sequence[Any]) -> tuple[int, int]:
    """The settings top_k and frequency_threshold."""
    most = _whole(settings[0], 1, f"top_k of ML.{function}") if settings else 32_000
    least = (
        _whole(settings[1], 0, f"frequency_threshold of ML.{function}") if len(settings) > 1 else 0
    )
    return most, least


def _one_hot_encoder(column: pa.ChunkedArray, settings: Sequence[Any]) -> Around:
    drop = settings[0] if settings else "none"
    # The category to drop only names the one that the others are compared with: predictions don't depend on it.
    if str(drop).lower() not in {"none", "most_frequent"}:
        raise StatementError("ML.ONE_HOT_ENCODER drops 'none' or 'most_frequent'.")
    kept = _kept(column, *_most_and_least("ONE_HOT_ENCODER", settings[1:]))
    return _once(
        f"CASE WHEN v IN ({', '.join(literal(value) for value in kept) or 'NULL'}) THEN v END"
    )


def _label_encoder(column: pa.ChunkedArray, settings: Sequence[Any]) -> Around:
    kept = sorted(_kept(column, *_most_and_least("LABEL_ENCODER", settings)))
    places = f"system.main.list_position([{', '.join(literal(value) for value in kept)}], "
    return f"CAST(coalesce({places}", "), 0) AS DOUBLE)"


_FITTED = {
    "standard_scaler": FittedFunction(_standard_scaler, "DOUBLE", "DOUBLE"),
    "min_max_scaler": FittedFunction(_min_max_scaler, "DOUBLE", "DOUBLE"),
    "max_abs_scaler": FittedFunction(_max_abs_scaler, "DOUBLE", "DOUBLE"),
    "robust_scaler": FittedFunction(_robust_scaler, "DOUBLE", "DOUBLE"),
    "quantile_bucketize": FittedFunction(_quantile_bucketize, "DOUBLE", "VARCHAR", 1),
    "imputer": FittedFunction(_imputer, "DOUBLE", "DOUBLE", 1),
    "one_hot_encoder": FittedFunction(_one_hot_encoder, "VARCHAR", "VARCHAR", 3),
    "label_encoder": FittedFunction(_label_encoder, "VARCHAR", "DOUBLE", 2),
}

# Of functions of a STRUCT: the least number of fields in a term, the SQL of a field, and what joins them.
_EXPANDED = {
    "polynomial_expand": (1, ("CAST(", " AS DOUBLE)"), " * "),
    "feature_cross": (2, ("CAST(", " AS VARCHAR)"), " || '_' || "),
}
