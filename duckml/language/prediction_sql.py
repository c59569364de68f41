"""The SQL that serves a model: the names and bodies of its macros, and what a prediction is made of.

Everything that predicts, in a macro, a view or a query, is one of the expressions built here. They name nothing but the
functions of the engine, which know a model by the SHA-256 of its bytes, and DuckDB's own, all of them by their full
names: a macro of the user's that is called list_extract must not change a prediction.
"""

from __future__ import annotations

from collections.abc import Mapping

from duckml.features.signature import Signature, Target
from duckml.names import literal, quote

# The functions of the engine: a number (of a classifier the code of the class), and the probabilities of the classes.
PREDICT_FUNCTION = "duckml_predict_double"
PROBABILITIES_FUNCTION = "duckml_predict_doubles"

_INPUTS = "__duckml_inputs"
_SYSTEM = "system.main."


def predict_macro(model: str, tag: str | int | None = None) -> str:
    """The name of the macro that predicts with a model: of the default version, of a given one, or of an alias."""
    return f"predict_{model}" if tag is None else f"predict_{model}@{tag}"


def probabilities_macro(model: str, tag: str | int | None = None) -> str:
    """The name of the macro that gives the probabilities of the classes."""
    return predict_macro(f"proba_{model}", tag)


def version_macro(model: str, tag: str | int | None = None) -> str:
    """The name of the macro that answers the version which a model, or an alias of it, means."""
    return f"model_version_{model}" if tag is None else f"model_version_{model}@{tag}"


def prediction(signature: Signature, key: str, values: Mapping[str, str]) -> str:
    """A prediction from the value of each input, as SQL: a number, or a label in the type of the target."""
    call = _call(PREDICT_FUNCTION, signature, key, values)
    if signature.target.labels is None:
        return call
    return f"{_SYSTEM}list_extract({labels(signature.target)}, CAST({call} AS INTEGER) + 1)"


def probabilities(signature: Signature, key: str, values: Mapping[str, str]) -> str:
    """The probability of each class, as a MAP from label to DOUBLE; NULL where there is no prediction."""
    return f"{_SYSTEM}map({labels(signature.target)}, {_call(PROBABILITIES_FUNCTION, signature, key, values)})"


def labels(target: Target) -> str:
    """The labels of a classifier as a list in the type of its target."""
    return f"CAST([{', '.join(literal(label) for label in target.labels or ())}] AS {target.sql_type}[])"


def output_columns(
    target: Target, prediction: str, probabilities: str, threshold: str | None = None
) -> dict[str, str]:
    """The columns that the table form adds, by name: the prediction, and the probabilities of a classifier.

    `prediction` and `probabilities` are the calls to take them from. The probabilities become a list of (label, prob),
    the likeliest first, as in BigQuery ML. With `threshold` the second of two classes is the prediction where its
    probability reaches it.
    """
    if target.labels is None:
        return {target.prediction: prediction}
    # Parameters of lambdas without dots behind them: a column of their name would come first.
    field = f"{_SYSTEM}struct_extract(__duckml_item, {{}})"
    pair = f"{{'prob': {field.format(literal('value'))}, 'label': {field.format(literal('key'))}}}"
    pairs = f"{_SYSTEM}list_transform({_SYSTEM}map_entries({probabilities}), lambda __duckml_item: {pair})"
    turned = (
        f"{{'label': {field.format(literal('label'))}, 'prob': {field.format(literal('prob'))}}}"
    )
    ranked = f"{_SYSTEM}list_transform({_SYSTEM}list_reverse_sort({pairs}), lambda __duckml_item: {turned})"
    if threshold is not None:
        reached = f"{_SYSTEM}map_values({probabilities})[2] >= ({threshold})"
        chosen = f"CASE {reached} WHEN true THEN 2 WHEN false THEN 1 END"
        prediction = f"{_SYSTEM}list_extract({labels(target)}, {chosen})"
    return {target.prediction: prediction, target.probabilities: ranked}


def with_columns(alias: str, columns: Mapping[str, str], source: str) -> str:
    """A SELECT of all columns of `source`, which goes by `alias`, and then of the given ones.

    The condition is a constant for the binder, and an error when the input has a column of such a name: DuckDB alone
    knows the columns, of a CTE too, and would silently rename the second of two equal ones.
    """
    added = ", ".join(f"{value} AS {quote(name)}" for name, value in columns.items())
    free = ", ".join(f"{quote(name)} := 0" for name in columns)
    with_names = f"{_SYSTEM}typeof({_SYSTEM}struct_insert({alias}, {free}))"
    return f"SELECT {alias}.*, {added} FROM {source} WHERE {with_names} IS NOT NULL"


def _call(function: str, signature: Signature, key: str, values: Mapping[str, str]) -> str:
    """The call of a function of the engine: the model's key, then its features.

    A TRANSFORM stands in a lambda over a struct of its inputs, so that each is evaluated once, however often it is
    mentioned.
    """
    transform = signature.transform
    if transform is None:
        arguments = [feature.stored_as(values[feature.name]) for feature in signature.features]
        return f"system.main.{function}({', '.join([literal(key), *arguments])})"
    fields = ", ".join(
        f"{literal(i.name)}: CAST({values[i.name]} AS {i.sql_type})" for i in transform.inputs
    )
    within = {column.name: f"{_INPUTS}.{quote(column.name)}" for column in transform.inputs}
    features = [
        feature.stored_as(
            f"CAST({transform.features[feature.name].render(within)} AS {feature.sql_type})"
        )
        for feature in signature.features
    ]
    call = f"system.main.{function}({', '.join([literal(key), *features])})"
    return f"{_SYSTEM}list_transform([{{{fields}}}], lambda {_INPUTS}: {call})[1]"
