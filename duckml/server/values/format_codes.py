"""Format codes of the protocol: which values are in binary, and which in text."""

from __future__ import annotations

from collections.abc import Sequence

from duckml.server.errors import WireError


def binary_flags(codes: Sequence[int], count: int) -> list[bool]:
    """Return which of `count` values are in binary.

    A message has no code (all values are in text), one code for all values, or one for each.
    Raises WireError for any other number of codes, and for other codes than 0 and 1.
    """
    if any(code not in {0, 1} for code in codes) or (len(codes) > 1 and len(codes) != count):
        raise WireError("08P01", f"{len(codes)} format codes were given for {count} values.")
    if len(codes) == 1:
        return [bool(codes[0])] * count
    return [bool(code) for code in codes or [0] * count]
