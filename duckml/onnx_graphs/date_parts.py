"""The parts of dates and timestamps as ONNX nodes: day, month, weekday and hour.

The arithmetic is the same as in estimators/preprocessing.py, operation for operation, so that
both give the same bits. Days and seconds count from 1970-01-01.
"""

from __future__ import annotations

from duckml.estimators.parts import SECONDS_PER_DAY
from duckml.onnx_graphs.graph import Graph


def add_part(graph: Graph, name: str, value: str) -> str:
    """Add the nodes for a part of a number and return the name of its tensor.

    `name` is a key of parts.PARTS.
    """
    if name == "value":
        return value
    if name == "seconds_hour":
        return _hour(graph, value)
    if name.startswith("seconds_"):
        value = graph.add("Div", [value, graph.double(SECONDS_PER_DAY)])
    functions = {"day": _day, "month": _month, "weekday": _weekday}
    return functions[name.removeprefix("seconds_")](graph, value)


def _day(graph: Graph, days: str) -> str:
    return graph.add("Floor", [days])


def _weekday(graph: Graph, days: str) -> str:
    # 1970-01-01 was a Thursday.
    shifted = _plus(graph, _day(graph, days), 4.0)
    weeks = _floor_of_quotient(graph, shifted, 7.0)
    return _minus(graph, shifted, _times(graph, weeks, 7.0))


def _month(graph: Graph, days: str) -> str:
    """Add the month in the Gregorian calendar, counted in years that start in March.

    The leap day is then the last day of a year. An era is 400 years, 146,097 days; 719,468 days
    lie between 0000-03-01 and 1970-01-01.
    """
    shifted = _plus(graph, _day(graph, days), 719_468.0)
    eras = _floor_of_quotient(graph, shifted, 146_097.0)
    era_day = _minus(graph, shifted, _times(graph, eras, 146_097.0))
    centuries = _floor_of_quotient(graph, era_day, 36_524.0)
    leap_days = _minus(graph, centuries, _floor_of_quotient(graph, era_day, 1_460.0))
    leap_days = _minus(graph, leap_days, _floor_of_quotient(graph, era_day, 146_096.0))
    year = _floor_of_quotient(graph, graph.add("Add", [era_day, leap_days]), 365.0)
    days_before = _times(graph, year, 365.0)
    days_before = graph.add("Add", [days_before, _floor_of_quotient(graph, year, 4.0)])
    days_before = _minus(graph, days_before, _floor_of_quotient(graph, year, 100.0))
    year_day = _minus(graph, era_day, days_before)
    # From March on, the months have 153 days in groups of five.
    numerator = _plus(graph, _times(graph, year_day, 5.0), 2.0)
    from_march = _floor_of_quotient(graph, numerator, 153.0)
    years_later = _floor_of_quotient(graph, _plus(graph, from_march, 2.0), 12.0)
    wrapped = _times(graph, years_later, 12.0)
    return _minus(graph, _plus(graph, from_march, 3.0), wrapped)


def _hour(graph: Graph, seconds: str) -> str:
    days = _floor_of_quotient(graph, seconds, SECONDS_PER_DAY)
    midnight = _times(graph, days, SECONDS_PER_DAY)
    return _floor_of_quotient(graph, _minus(graph, seconds, midnight), 3_600.0)


def _plus(graph: Graph, value: str, number: float) -> str:
    return graph.add("Add", [value, graph.double(number)])


def _times(graph: Graph, value: str, number: float) -> str:
    return graph.add("Mul", [value, graph.double(number)])


def _floor_of_quotient(graph: Graph, value: str, number: float) -> str:
    return graph.add("Floor", [graph.add("Div", [value, graph.double(number)])])


def _minus(graph: Graph, value: str, other: str) -> str:
    return graph.add("Sub", [value, other])
