"""Option values in Python's own types."""

from __future__ import annotations

import decimal
from typing import Any


def plain_value(value: Any) -> Any:
    """Return an option's value without NumPy's types and decimals, so that it fits JSON."""
    if isinstance(value, list | tuple):
        return [plain_value(item) for item in value]
    if isinstance(value, dict):
        return {name: plain_value(item) for name, item in value.items()}
    if isinstance(value, decimal.Decimal):
        return float(value)
    return value.tolist() if hasattr(value, "tolist") else value
