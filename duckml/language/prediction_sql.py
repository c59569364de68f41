"""Expressions that compute predictions, and the names of the macros that contain them.

All predictions of macros, views and queries are one of these expressions. They call the functions
of the engine, which identify a model by its key, and DuckDB's, all by their full names: a user's
macro called list_extract must not change a prediction.
"""

from __future__ import annotations

from collections.abc import Mapping

from duckml.features.signature import Signature, Target
from duckml.names import literal, quote

# Functions of the engine. A classifier's prediction is the number of a class, from 0.
PREDICT_FUNCTION = "duckml_predict_double"
PROBABILITIES_FUNCTION = "duckml_predict_doubles"

_INPUTS = "__duckml_inputs"
_SYSTEM = "system.main."


def predict_macro(model: str, tag: str | int | None = None) -> str:
    """Return the name of the macro for predictions of a version, an alias, or the default."""
    return f"predict_{model}" if tag is None else f"predict_{model}@{tag}"


def probabilities_macro(model: str, tag: str | int | None = None) -> str:
    """Return the name of the macro for the probabilities of classes."""
    return predict_macro(f"proba_{model}", tag)


def version_macro(model: str, tag: str | int | None = None) -> str:
    """Return the name of the macro for the version that a model or an alias means."""
    return f"model_version_{model}" if tag is None else f"model_version_{model}@{tag}"


def prediction(signature: Signature, key: str, values: Mapping[str, str]) -> str:
    """Return the prediction: a number, or a label in the type of the target.

    `values` are the SQL of each input.
    """
    call = _engine_call(PREDICT_FUNCTION, signature, key, values)
    if signature.target.labels is None:
        return call
    return f"{_SYSTEM}list_extract({labels(signature.target)}, CAST({call} AS INTEGER) + 1)"


def probabilities(signature: Signature, key: str, values: Mapping[str, str]) -> str:
    """Return a MAP from label to probability, a DOUBLE; NULL if there is no prediction."""
    call = _engine_call(PROBABILITIES_FUNCTION, signature, key, values)
    return f"{_SYSTEM}map({labels(signature.target)}, {call})"


def labels(target: Target) -> str:
    """Return the labels of a classifier as a list in the type of its target."""
    values = ", ".join(literal(label) for label in target.labels or ())
    return f"CAST([{values}] AS {target.sql_type}[])"


def output_columns(
    target: Target, prediction: str, probabilities: str, threshold: str | None = None
) -> dict[str, str]:
    """Return the SQL of the columns that PREDICT in FROM adds, by name.

    `prediction` and `probabilities` are the calls that compute them. The probabilities of a
    classifier become a list of (label, prob), the likeliest first, as in BigQuery ML. With
    `threshold` the second of two classes is the prediction if its probability reaches it.
    """
    if target.labels is None:
        return {target.prediction: prediction}
    if threshold is not None:
        reached = f"{_SYSTEM}map_values({probabilities})[2] >= ({threshold})"
        chosen = f"CASE {reached} WHEN true THEN 2 WHEN false THEN 1 END"
        prediction = f"{_SYSTEM}list_extract({labels(target)}, {chosen})"
    ranked = _ranked_pairs(probabilities)
    return {target.prediction: prediction, target.probabilities: ranked}


def _ranked_pairs(probabilities: str) -> str:
    """Return a MAP from label to probability as a list of (label, prob), the likeliest first."""
    # DuckDB sorts structs by their first field. A parameter of a lambda is accessed by a function,
    # because a column named __duckml_item would take precedence before a dot.
    pair = f"{{'prob': {_item_field('value')}, 'label': {_item_field('key')}}}"
    turned = f"{{'label': {_item_field('label')}, 'prob': {_item_field('prob')}}}"
    entries = f"{_SYSTEM}map_entries({probabilities})"
    pairs = f"{_SYSTEM}list_transform({entries}, lambda __duckml_item: {pair})"
    ranked = f"{_SYSTEM}list_reverse_sort({pairs})"
    return f"{_SYSTEM}list_transform({ranked}, lambda __duckml_item: {turned})"


def _item_field(name: str) -> str:
    return f"{_SYSTEM}struct_extract(__duckml_item, {literal(name)})"


def with_columns(alias: str, columns: Mapping[str, str], source: str) -> str:
    """Return a SELECT of all columns of `source`, whose alias is given, and of other columns.

    If `source` has a column of one of these names, DuckDB would rename the second silently. Only
    DuckDB knows the columns, as of a CTE. The condition, a constant, makes its binder fail instead.
    """
    added = ", ".join(f"{value} AS {quote(name)}" for name, value in columns.items())
    free = ", ".join(f"{quote(name)} := 0" for name in columns)
    with_names = f"{_SYSTEM}typeof({_SYSTEM}struct_insert({alias}, {free}))"
    return f"SELECT {alias}.*, {added} FROM {source} WHERE {with_names} IS NOT NULL"


def _engine_call(function: str, signature: Signature, key: str, values: Mapping[str, str]) -> str:
    """Return the call of a function of the engine: the key, then the features."""
    transform = signature.transform
    if transform is None:
        features = [feature.stored_as(values[feature.name]) for feature in signature.features]
        return f"{_SYSTEM}{function}({', '.join([literal(key), *features])})"
    # Inputs become fields of a struct, the parameter of a lambda, so that each is evaluated once
    # even if a TRANSFORM reads it many times.
    fields = ", ".join(
        f"{literal(i.name)}: CAST({values[i.name]} AS {i.sql_type})" for i in transform.inputs
    )
    references = {column.name: f"{_INPUTS}.{quote(column.name)}" for column in transform.inputs}
    features = []
    for feature in signature.features:
        expression = transform.features[feature.name].render(references)
        features.append(feature.stored_as(f"CAST({expression} AS {feature.sql_type})"))
    call = f"{_SYSTEM}{function}({', '.join([literal(key), *features])})"
    return f"{_SYSTEM}list_transform([{{{fields}}}], lambda {_INPUTS}: {call})[1]"
