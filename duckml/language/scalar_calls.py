"""SQL in place of PREDICT, PREDICT_PROBA and MODEL_VERSION in an expression.

A prediction becomes a call of the model's stored macro, fully qualified, with named arguments.
The values that the user gave come first and in the user's order, so that `?` parameters keep their
places. The other features come from the columns of the same names.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from duckml.errors import FeatureError, StatementError
from duckml.features.input_expressions import Input
from duckml.features.signature import Feature
from duckml.language.prediction_sql import (
    predict_macro,
    prediction,
    probabilities,
    probabilities_macro,
    version_macro,
)
from duckml.language.resolved import Resolved
from duckml.language.syntax import Call, Span
from duckml.names import literal, quote

# Each feature, or column that a TRANSFORM reads, with the SQL of its value.
Values = Sequence[tuple[Feature | Input, str]]


@dataclass(frozen=True)
class CallSite:
    """A call to replace, with the model that it means and the text around it.

    `source` returns the user's text of a span, `render` the same with nested calls replaced.
    Features in `blank` get NULL. With `is_inline` the body of a macro replaces its call. With
    `within_database` names of macros have no database.
    """

    call: Call
    model: Resolved
    source: Callable[[Span], str]
    render: Callable[[Span], str]
    blank: frozenset[str]
    is_inline: bool
    within_database: bool


def scalar_call(site: CallSite) -> str:
    """Return the SQL of a call in an expression.

    Raises FeatureError or StatementError if its arguments don't fit the model.
    """
    call = site.call
    if call.function == "model_version":
        return _model_version(site)
    by_position = any(value.name is None and value.star is None for value in call.arguments)
    values = _values_by_position(site) if by_position else _values_by_name(site)
    return macro_call(site, call.function, values)


def _model_version(site: CallSite) -> str:
    model = site.model
    if model.tag is not None and model.tag.isdigit():
        return literal(f"{model.schema}.{model.name}@{model.tag}")
    # DuckDB's catalog knows which version the default or an alias is when the query is bound.
    macro = version_macro(model.name, model.tag)
    return f"{model.macro_sql(macro, site.within_database)}()"


def macro_call(site: CallSite, function: str, values: Values) -> str:
    """Return the call of the model's macro for PREDICT or PREDICT_PROBA."""
    model = site.model
    given = [(column, _or_null(site, column, value)) for column, value in values]
    is_prediction = function == "predict"
    if site.is_inline:
        cast = {column.name: f"CAST({value} AS {column.sql_type})" for column, value in given}
        body = prediction if is_prediction else probabilities
        return body(model.signature, model.key, cast)
    name_of = predict_macro if is_prediction else probabilities_macro
    macro = model.macro_sql(name_of(model.name, model.tag), site.within_database)
    arguments = ", ".join(f"{quote(column.name)} := {value}" for column, value in given)
    return f"{macro}({arguments})"


def _or_null(site: CallSite, column: Feature | Input, value: str) -> str:
    return "NULL" if column.name in site.blank else value


def _values_by_name(site: CallSite) -> Values:
    """Return the values that the user gave, then the columns of the other features' names."""
    call, signature = site.call, site.model.signature
    stars = [argument.star for argument in call.arguments if argument.star is not None]
    if len(stars) > 1:
        raise StatementError(
            f"PREDICT({call.model}, …) takes the columns of one alias: "
            f"there are {len(stars)} stars."
        )
    qualifier = ""
    if stars and stars[0].end > stars[0].start:
        qualifier = f"{site.source(stars[0])}."
    given: dict[Feature | Input, str] = {}
    for argument in call.arguments:
        if argument.name is None:
            continue
        feature = signature.find(argument.name)
        if feature is None:
            raise FeatureError.unknown(str(call.model), argument.name, signature.input_names)
        if feature in given:
            raise FeatureError.twice(str(call.model), feature.name)
        given[feature] = site.render(argument.value)
    rest = [column for column in signature.inputs if column not in given]
    return [*given.items(), *((column, qualifier + quote(column.name)) for column in rest)]


def _values_by_position(site: CallSite) -> Values:
    """Return the values in the order of the signature."""
    call, signature = site.call, site.model.signature
    features = signature.inputs
    if any(value.name is not None or value.star is not None for value in call.arguments):
        raise StatementError(
            f"PREDICT({call.model}, …) mixes values by position with values by name. "
            "Give all by position, or name := value for some and leave the others to their columns."
        )
    if len(call.arguments) != len(features):
        raise FeatureError.count(
            str(call.model), len(call.arguments), str(signature), len(features)
        )
    values = []
    for argument, feature in zip(call.arguments, features, strict=True):
        # A column that has the name of another feature is most likely in the wrong place.
        named = signature.find(argument.column) if argument.column is not None else None
        if named is not None and named != feature:
            raise FeatureError.swapped(str(call.model), str(argument.column), feature.name)
        values.append((feature, site.render(argument.value)))
    return values
