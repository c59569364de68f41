"""Values of a DuckDB column as a model reads them: Arrow values → float64, int64 or strings.

Training and prediction both read their columns with `read_column`. Dates become days and
timestamps become seconds since 1970-01-01. An infinite date becomes an infinite number.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from duckml.errors import FeatureError
from duckml.features.signature import Feature

# NULL among the int64 inputs of a model. Among strings it is '', among doubles NaN.
INTEGER_NULL = -(2**63)
# The net computes in float32, so larger numbers are refused as infinities are.
FLOAT32_MAX = float(np.finfo(np.float32).max)

# DuckDB stores 'infinity'::DATE and 'infinity'::TIMESTAMP as these; -infinity as the negatives.
_INFINITE_DAYS = 2**31 - 1
_INFINITE_TICKS = 2**63 - 1
_TICKS_PER_SECOND = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}


def read_column(feature: Feature, column: pa.Array) -> pa.Array:
    """Return the values of a feature as the model reads them.

    The result is float64, int64 or string, which can be dictionary-encoded. Raises FeatureError
    if the column has a type that the feature doesn't accept.
    """
    column = _without_extension_type(column)
    kind = column.type
    if feature.storage == "DOUBLE":
        if kind == pa.float64() and feature.kind == "number":
            return column
        return _number(feature, column)
    if pa.types.is_null(kind):
        return pa.nulls(len(column), pa.int64() if feature.storage == "BIGINT" else pa.string())
    if feature.storage == "BIGINT":
        return _integer(feature, column)
    return _string(feature, column)


def _without_extension_type(column: pa.Array) -> pa.Array:
    """Return the column in its storage type.

    With SET arrow_lossless_conversion DuckDB marks the types that Arrow lacks. A BOOLEAN is
    marked as arrow.bool8.
    """
    kind = column.type
    if not isinstance(kind, pa.BaseExtensionType):
        return column
    if kind.extension_name == "arrow.bool8":
        return column.storage.cast(pa.bool_())
    return column.storage


def _number(feature: Feature, column: pa.Array) -> pa.Array:
    kind = column.type
    if pa.types.is_null(kind):
        return pa.nulls(len(column), pa.float64())
    if feature.kind == "date" and pa.types.is_date32(kind):
        return _scaled(column.view(pa.int32()), 1.0, _INFINITE_DAYS)
    if feature.kind == "timestamp" and pa.types.is_timestamp(kind):
        ticks_per_second = float(_TICKS_PER_SECOND[kind.unit])
        return _scaled(column.view(pa.int64()), ticks_per_second, _INFINITE_TICKS)
    if feature.kind == "boolean" and pa.types.is_boolean(kind):
        return column.cast(pa.int8()).cast(pa.float64())
    is_number = pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)
    if feature.kind == "number" and is_number:
        return column.cast(pa.float64(), safe=False)
    raise FeatureError.wrong_type(feature.name, feature.sql_type, str(kind))


def _integer(feature: Feature, column: pa.Array) -> pa.Array:
    kind = column.type
    if not pa.types.is_integer(kind):
        raise FeatureError.wrong_type(feature.name, feature.sql_type, str(kind))
    return column if kind == pa.int64() else column.cast(pa.int64(), safe=False)


def _string(feature: Feature, column: pa.Array) -> pa.Array:
    kind = column.type
    texts = kind.value_type if pa.types.is_dictionary(kind) else kind
    if pa.types.is_string_view(texts):
        return column.cast(pa.string())
    if not (pa.types.is_string(texts) or pa.types.is_large_string(texts)):
        raise FeatureError.wrong_type(feature.name, feature.sql_type, str(kind))
    return column


def _scaled(ticks: pa.Array, per_unit: float, infinite: int) -> pa.Array:
    """Return ticks as doubles in a larger unit, with DuckDB's infinities as infinities."""
    values = pc.fill_null(ticks, 0).to_numpy().astype(np.float64)
    extreme = np.abs(values) >= infinite
    scaled = np.where(extreme, np.copysign(np.inf, values), values / per_unit)
    null = ticks.is_null().to_numpy(zero_copy_only=False) if ticks.null_count else None
    return pa.array(scaled, pa.float64(), mask=null)
