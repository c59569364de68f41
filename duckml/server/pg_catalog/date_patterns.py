"""PostgreSQL's patterns for to_char, to_date and to_timestamp, translated to those of strftime.

The words are those of PostgreSQL's manual, table 9.31, without centuries, Julian days, time zones
and ordinals, which are refused. A pattern is translated when a statement is bound, so it has to be
a constant or a parameter.
"""

from __future__ import annotations

import re

import duckdb

from duckml.database import sessions

# PostgreSQL's words in lower case, and strftime's.
_NUMBERS = {
    "iyyy": "%G",
    "yyyy": "%Y",
    "yy": "%y",
    "mm": "%m",
    "ddd": "%j",
    "dd": "%d",
    "hh24": "%H",
    "hh12": "%I",
    "hh": "%I",
    "mi": "%M",
    "ss": "%S",
    "ms": "%g",
    "us": "%f",
    "iw": "%V",
    "id": "%u",
}
_UNPADDABLE = "mdjHIMS"  # the letters that strftime has with a minus, without zeros before

# The case of a name is that of the result. strftime has each name in one case.
_NAMES = {"FMMonth": "%B", "FMDay": "%A", "Mon": "%b", "Dy": "%a", "AM": "%p", "PM": "%p"}

# Words that strftime doesn't have, and their values. Marks take their places in its pattern.
_VALUES = {
    "FMMONTH": "upper(strftime(value, '%B'))",
    "FMmonth": "lower(strftime(value, '%B'))",
    "FMDAY": "upper(strftime(value, '%A'))",
    "FMday": "lower(strftime(value, '%A'))",
    "MONTH": "rpad(upper(strftime(value, '%B')), 9, ' ')",
    "month": "rpad(lower(strftime(value, '%B')), 9, ' ')",
    "Month": "rpad(strftime(value, '%B'), 9, ' ')",
    "MON": "upper(strftime(value, '%b'))",
    "mon": "lower(strftime(value, '%b'))",
    "DAY": "rpad(upper(strftime(value, '%A')), 9, ' ')",
    "day": "rpad(lower(strftime(value, '%A')), 9, ' ')",
    "Day": "rpad(strftime(value, '%A'), 9, ' ')",
    "DY": "upper(strftime(value, '%a'))",
    "dy": "lower(strftime(value, '%a'))",
    "am": "lower(strftime(value, '%p'))",
    "pm": "lower(strftime(value, '%p'))",
    "ww": "lpad(((dayofyear(value) - 1) // 7 + 1)::VARCHAR, 2, '0')",
    "w": "((day(value) - 1) // 7 + 1)::VARCHAR",
    "q": "quarter(value)::VARCHAR",
    "d": "(dayofweek(value) + 1)::VARCHAR",
}
# Letters for private use, which no pattern has.
_MARKS = {word: chr(0xE000 + index) for index, word in enumerate(_VALUES)}
_ANY_MARK = f"[{min(_MARKS.values())}-{max(_MARKS.values())}]"
_UNKNOWN = "\uf8ff"

_PIECE = re.compile(
    r'"(?P<quoted>[^"]*)"'
    r"|(?P<fm>FM)?(?P<name>(?i:month|mon|day|dy|am|pm))"
    r"|(?P<plain_fm>FM)?(?P<word>(?i:iyyy|yyyy|yy|mm|ddd|dd|hh24|hh12|hh|mi|ss(?!ss)|ms|us|iw|id"
    r"|ww|w|q|d))"
    r'|(?P<other>[^A-Za-z"])'
)

# Conditions on constants: DuckDB computes them once, when it binds a statement.
_REFUSED = (
    "error('The pattern ' || pattern || ' is not supported. Use DuckDB''s strftime or strptime.')"
)
_MACROS = (
    f"""
    CREATE MACRO to_char(value, pattern) AS CASE
        WHEN _pg_pattern(pattern) = '{_UNKNOWN}' THEN {_REFUSED}
        WHEN regexp_matches(_pg_pattern(pattern), '{_ANY_MARK}')
            THEN _pg_filled(value::TIMESTAMP, strftime(value::TIMESTAMP, _pg_pattern(pattern)),
                _pg_pattern(pattern))
        ELSE strftime(value::TIMESTAMP, _pg_pattern(pattern)) END
    """,
    f"""
    CREATE MACRO _pg_parsed(value, pattern) AS CASE
        WHEN _pg_pattern(pattern) = '{_UNKNOWN}'
            OR regexp_matches(_pg_pattern(pattern), '{_ANY_MARK}') THEN {_REFUSED}
        ELSE strptime(value, _pg_pattern(pattern)) END
    """,
    "CREATE MACRO to_date(value, pattern) AS _pg_parsed(value, pattern)::DATE",
    """
    CREATE MACRO to_timestamp(seconds) AS system.main.to_timestamp(seconds),
        (value, pattern) AS _pg_parsed(value, pattern)::TIMESTAMPTZ
    """,
)


def create_pattern_macros(con: duckdb.DuckDBPyConnection) -> None:
    """Create to_char, to_date and to_timestamp."""
    # DuckDB calls it once for a constant pattern, when it binds the statement.
    con.create_function("_pg_pattern", strftime_pattern, ["VARCHAR"], "VARCHAR")
    sessions.write(con, f"CREATE MACRO _pg_filled(value, text, pattern) AS {_filled_marks()}")
    for macro in _MACROS:
        sessions.write(con, macro)


def strftime_pattern(pattern: str) -> str:
    """Return the pattern for strftime, with marks for words that it doesn't have.

    Returns `_UNKNOWN` if the pattern has a word that isn't supported.
    """
    words = []
    position = 0
    while position < len(pattern):
        found = _PIECE.match(pattern, position)
        word = None if found is None else _strftime_word(found)
        if found is None or word is None:
            return _UNKNOWN
        words.append(word)
        position = found.end()
    return "".join(words)


def _strftime_word(found: re.Match[str]) -> str | None:
    """Return strftime's word for a piece of a pattern, None for a name that isn't supported."""
    if found["word"]:
        word = found["word"].lower()
        known = _NUMBERS.get(word) or _MARKS[word]
        is_unpadded = found["plain_fm"] and known[-1] in _UNPADDABLE
        return known.replace("%", "%-") if is_unpadded else known
    if found["name"]:
        name = (found["fm"] or "") + found["name"]
        return _NAMES.get(name) or _MARKS.get(name)
    return (found["quoted"] or found["other"] or "").replace("%", "%%")


def _filled_marks() -> str:
    """Return the expression that replaces the marks in `text` by their values."""
    text = "text"
    for word, value in _VALUES.items():
        # The condition is a constant: words that a pattern doesn't have cost little.
        shown = f"CASE WHEN contains(pattern, '{_MARKS[word]}') THEN {value} ELSE '' END"
        text = f"replace({text}, '{_MARKS[word]}', {shown})"
    return text
