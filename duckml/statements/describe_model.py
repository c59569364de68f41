"""DESCRIBE MODEL: one row per property of a version, then its signature."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from duckml.engines.choice import engine_description
from duckml.features.signature import Signature
from duckml.language.syntax import DescribeModel
from duckml.names import listed, literal
from duckml.registry import lookup
from duckml.registry.stored_model import StoredModel
from duckml.registry.stored_version import StoredVersion, details
from duckml.statements.context import Context

Row = tuple[str, str]


def described(context: Context, statement: DescribeModel) -> str:
    """Return the query whose rows are names and values of a version's properties."""
    stored = lookup.require(context.con, statement.name)
    rows = [
        ("model", stored.full_name),
        ("artifact_key", stored.key),
        *_properties(details(context.con, stored)),
        *_serving(context, stored),
        *_signature(stored.signature),
    ]
    values = ", ".join(f"({literal(name)}, {literal(value)})" for name, value in rows)
    return f"SELECT * FROM (VALUES {values}) AS described(name, value)"


def _properties(fields: Mapping[str, Any]) -> Iterator[Row]:
    """Yield the stored fields of a version as strings."""
    for name, value in fields.items():
        if name == "metrics":
            for metric, number in value.items():
                yield f"metric {metric}", f"{number:.10g}"
        elif name == "warnings":
            for warning in value:
                yield f"warning {warning['code']}", warning["message"]
        elif value is not None:
            yield name, _text(value)


def _text(value: Any) -> str:
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False, default=str)
    return str(value)


def _serving(context: Context, stored: StoredVersion) -> Iterator[Row]:
    """Yield the aliases of a version, and the engine and device that serve it."""
    known = StoredModel.of(context.con, stored).aliases()
    aliases = [alias for alias, version in known.items() if version == stored.version]
    if aliases:
        yield "aliases", ", ".join(aliases)
    engine = context.state.engine
    yield "engine", engine_description(engine)
    yield "device", engine.device_of(stored.key)


def _signature(signature: Signature) -> Iterator[Row]:
    transform = signature.transform
    if transform is not None:
        yield "transform", transform.text
        for column in transform.inputs:
            yield f"input {column.name}", column.sql_type
    for feature in signature.features:
        yield f"feature {feature.name}", f"{feature.sql_type}, {feature.kind}"
    target = signature.target
    classes = "" if target.labels is None else f", one of {listed(target.labels)}"
    yield f"target {target.name}", target.sql_type + classes
