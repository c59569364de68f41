"""The parts of numbers and dates, each a column of the matrix.

The formulas are plain arithmetic on doubles, so that an ONNX graph can contain them. They are exact
for every date that DuckDB supports.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from duckml.features.signature import Feature

Doubles = npt.NDArray[np.float64]

SECONDS_PER_DAY = 86_400.0


def parts_of(feature: Feature) -> Sequence[str]:
    """Return the names of the parts of a number, boolean, date or timestamp."""
    if feature.kind == "date":
        return ("day", "month", "weekday")
    if feature.kind == "timestamp":
        return ("seconds_day", "seconds_month", "seconds_weekday", "seconds_hour")
    return ("value",)


def _value(values: Doubles) -> Doubles:
    return values


def day(days: Doubles) -> Doubles:
    """Return the day number: whole days since 1970-01-01."""
    return np.floor(days)


def weekday(days: Doubles) -> Doubles:
    """Return the day of the week: 0 is Sunday."""
    shifted = np.floor(days) + 4.0
    return shifted - 7.0 * np.floor(shifted / 7.0)


def month(days: Doubles) -> Doubles:
    """Return the month, 1 to 12, of the proleptic Gregorian calendar.

    Source: H. Hinnant, "chrono-compatible low-level date algorithms" (2013).
    """
    shifted = np.floor(days) + 719_468.0
    era_day = shifted - 146_097.0 * np.floor(shifted / 146_097.0)
    leap = (
        np.floor(era_day / 36_524.0) - np.floor(era_day / 1_460.0) - np.floor(era_day / 146_096.0)
    )
    year = np.floor((era_day + leap) / 365.0)
    year_day = era_day - (365.0 * year + np.floor(year / 4.0) - np.floor(year / 100.0))
    # The year of the algorithm starts in March, so that the leap day is its last day.
    from_march = np.floor((5.0 * year_day + 2.0) / 153.0)
    return from_march + 3.0 - 12.0 * np.floor((from_march + 2.0) / 12.0)


def hour(seconds: Doubles) -> Doubles:
    """Return the hour of the day, 0 to 23, of seconds since 1970-01-01."""
    days = np.floor(seconds / SECONDS_PER_DAY)
    return np.floor((seconds - SECONDS_PER_DAY * days) / 3_600.0)


PARTS: dict[str, Callable[[Doubles], Doubles]] = {
    "value": _value,
    "day": day,
    "month": month,
    "weekday": weekday,
    "seconds_day": lambda seconds: day(seconds / SECONDS_PER_DAY),
    "seconds_month": lambda seconds: month(seconds / SECONDS_PER_DAY),
    "seconds_weekday": lambda seconds: weekday(seconds / SECONDS_PER_DAY),
    "seconds_hour": hour,
}
