"""Domains: the values that an option or a parameter accepts."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from duckml.errors import OptionError


@dataclass(frozen=True)
class Domain:
    """A set of values, and its name in error messages and in docs/reference/options.md.

    `read` converts a value from SQL or Python. It raises ValueError, TypeError or OverflowError for
    a value outside of the domain.
    """

    read: Callable[[Any], Any]
    wanted: str

    def check(self, option: str, value: Any) -> Any:
        """Return the value as `read` converts it; raise OptionError for a bad one."""
        try:
            return self.read(value)
        except (TypeError, ValueError, OverflowError) as error:
            raise OptionError.bad_value(option, value, self.wanted) from error


def number(
    value: Any, *, above: float = -math.inf, least: float = -math.inf, below: float = math.inf
) -> float:
    """Return a number within bounds as a float; raise ValueError or TypeError for anything else."""
    if isinstance(value, bool | str):
        raise TypeError
    read = float(value)
    if not (above < read < below and least <= read):  # NaN fails too
        raise ValueError
    return read


def whole_number(value: Any, least: int = 1) -> int:
    """Return a whole number, also of type float; raise ValueError or TypeError for others."""
    if isinstance(value, bool | str) or int(value) != value or value < least:
        raise ValueError
    return int(value)


def boolean(value: Any) -> bool:
    """Return a boolean; raise TypeError for anything else."""
    if not isinstance(value, bool):
        raise TypeError
    return value


def one_of(*names: str) -> Domain:
    """Return the domain of names, in any case."""

    def read(value: Any) -> str:
        if not isinstance(value, str) or value.lower() not in names:
            raise ValueError
        return value.lower()

    *others, last = [f"'{name}'" for name in names]
    return Domain(read, f"{', '.join(others)} or {last}")


BOOLEAN = Domain(boolean, "true or false")
