"""What a column of DuckDB's is to a model: Arrow values of any type → float64, int64 or text.

Training and prediction both read their columns here, so that they can't differ. Dates become days and timestamps
seconds since 1970-01-01; an infinite date is an infinite number.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from duckml.errors import FeatureError
from duckml.features.signature import Feature

# Beyond it a number is refused like an infinity: the net computes in float32.
FLOAT32_MAX = float(np.finfo(np.float32).max)

_INFINITE_DAYS = 2**31 - 1  # how DuckDB stores 'infinity'::DATE; -infinity is the negative
_INFINITE_TICKS = 2**63 - 1  # … and 'infinity'::TIMESTAMP
_TICKS_PER_SECOND = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}


def read_column(feature: Feature, column: pa.Array) -> pa.Array:
    """The values of a feature as the model reads them: float64, int64, or text (perhaps dictionary-encoded).

    Raises FeatureError when the column has a type that the feature doesn't take.
    """
    kind = column.type
    if isinstance(kind, pa.BaseExtensionType):
        # With SET arrow_lossless_conversion DuckDB marks the types that Arrow doesn't have, a BOOLEAN as arrow.bool8.
        column = (
            column.storage.cast(pa.bool_())
            if kind.extension_name == "arrow.bool8"
            else column.storage
        )
        kind = column.type
    if feature.storage == "DOUBLE":
        if kind == pa.float64() and feature.kind == "number":
            return column
        return _number(feature, column)
    if pa.types.is_null(kind):
        return pa.nulls(len(column), pa.int64() if feature.storage == "BIGINT" else pa.string())
    if feature.storage == "BIGINT":
        if not pa.types.is_integer(kind):
            raise FeatureError.wrong_type(feature.name, feature.sql_type, str(kind))
        return column if kind == pa.int64() else column.cast(pa.int64(), safe=False)
    texts = kind.value_type if pa.types.is_dictionary(kind) else kind
    if pa.types.is_string_view(texts):
        return column.cast(pa.string())
    if not (pa.types.is_string(texts) or pa.types.is_large_string(texts)):
        raise FeatureError.wrong_type(feature.name, feature.sql_type, str(kind))
    return column


def _number(feature: Feature, column: pa.Array) -> pa.Array:
    kind = column.type
    if pa.types.is_null(kind):
        return pa.nulls(len(column), pa.float64())
    if feature.kind == "date" and pa.types.is_date32(kind):
        return _scaled(column.view(pa.int32()), 1.0, _INFINITE_DAYS)
    if feature.kind == "timestamp" and pa.types.is_timestamp(kind):
        return _scaled(
            column.view(pa.int64()), float(_TICKS_PER_SECOND[kind.unit]), _INFINITE_TICKS
        )
    if feature.kind == "boolean" and pa.types.is_boolean(kind):
        return column.cast(pa.int8()).cast(pa.float64())
    is_number = pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)
    if feature.kind == "number" and is_number:
        return column.cast(pa.float64(), safe=False)
    raise FeatureError.wrong_type(feature.name, feature.sql_type, str(kind))


def _scaled(ticks: pa.Array, per_unit: float, infinite: int) -> pa.Array:
    """Whole numbers as doubles in a larger unit, DuckDB's infinities as infinities."""
    values = pc.fill_null(ticks, 0).to_numpy().astype(np.float64)
    extreme = np.abs(values) >= infinite
    scaled = np.where(extreme, np.copysign(np.inf, values), values / per_unit)
    null = ticks.is_null().to_numpy(zero_copy_only=False) if ticks.null_count else None
    return pa.array(scaled, pa.float64(), mask=null)
