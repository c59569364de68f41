"""PostgreSQL's patterns of dates, for to_char, to_date and to_timestamp, in the words of DuckDB's strftime.

The words are those of PostgreSQL's manual, table 9.31, but for centuries, Julian days, time zones and ordinals, which
are refused. A pattern is translated when a statement is bound: it has to be a constant, or a parameter.
"""

from __future__ import annotations

import re

import duckdb

from duckml.database import sessions

# PostgreSQL's words in lower case, and strftime's.
_WORDS = {
    **{
        "iyyy": "%G",
        "yyyy": "%Y",
        "yy": "%y",
        "mm": "%m",
        "ddd": "%j",
        "dd": "%d",
        "hh24": "%H",
        "hh12": "%I",
    },
    **{"hh": "%I", "mi": "%M", "ss": "%S", "ms": "%g", "us": "%f", "iw": "%V", "id": "%u"},
}
# Those whose case is that of what is written, which strftime has in one only: what to_char puts in for the mark.
_CASED = {"FMMonth": "%B", "FMDay": "%A", "Mon": "%b", "Dy": "%a", "AM": "%p", "PM": "%p"}
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
_MARKS = {
    word: chr(0xE000 + index) for index, word in enumerate(_VALUES)
}  # letters for private use
_UNKNOWN = "\uf8ff"
_ANY_MARK = f"[{min(_MARKS.values())}-{max(_MARKS.values())}]"
_PIECE = re.compile(
    r'"(?P<quoted>[^"]*)"|(?P<fm>FM)?(?P<name>(?i:month|mon|day|dy|am|pm))'
    r"|(?P<plain_fm>FM)?(?P<word>(?i:iyyy|yyyy|yy|mm|ddd|dd|hh24|hh12|hh|mi|ss(?!ss)|ms|us|iw|id|ww|w|q|d))|(?P<other>[^A-Za-z\"])"
)


def in_strftime_words(pattern: str) -> str:
    """A pattern for strftime, with marks for what that has no word for; `_UNKNOWN` where a word isn't known."""
    words, position = [], 0
    while position < len(pattern):
        found = _PIECE.match(pattern, position)
        if found is None:
            return _UNKNOWN
        position = found.end()
        if found["word"]:
            words.append(_number(found["word"].lower(), bool(found["plain_fm"])))
        elif found["name"]:
            name = (found["fm"] or "") + found["name"]
            word = _CASED.get(name) or _MARKS.get(name)
            if word is None:
                return _UNKNOWN
            words.append(word)
        else:
            words.append((found["quoted"] or found["other"] or "").replace("%", "%%"))
    return "".join(words)


def _number(word: str, is_unpadded: bool) -> str:
    found = _WORDS.get(word) or _MARKS[word]
    return found.replace("%", "%-") if is_unpadded and found[-1] in "mdjHIMS" else found


def add_patterns(con: duckdb.DuckDBPyConnection) -> None:
    """Make to_char, to_date and to_timestamp."""
    con.create_function("_pg_pattern", in_strftime_words, ["VARCHAR"], "VARCHAR")
    text = "text"
    for word, meaning in _VALUES.items():
        # The condition is a constant: what a pattern doesn't have costs little.
        shown = f"CASE WHEN contains(pattern, '{_MARKS[word]}') THEN {meaning} ELSE '' END"
        text = f"replace({text}, '{_MARKS[word]}', {shown})"
    refused = (
        "error('The pattern ' || pattern || ' is not here. DuckDB has strftime and strptime.')"
    )
    for sql in (
        f"CREATE MACRO _pg_filled(value, text, pattern) AS {text}",
        f"CREATE MACRO to_char(value, pattern) AS CASE WHEN _pg_pattern(pattern) = '{_UNKNOWN}' THEN {refused} "
        f"WHEN regexp_matches(_pg_pattern(pattern), '{_ANY_MARK}') THEN _pg_filled(value::TIMESTAMP, "
        "strftime(value::TIMESTAMP, _pg_pattern(pattern)), _pg_pattern(pattern)) "
        "ELSE strftime(value::TIMESTAMP, _pg_pattern(pattern)) END",
        f"CREATE MACRO _pg_parsed(value, pattern) AS CASE WHEN _pg_pattern(pattern) = '{_UNKNOWN}' "
        f"OR regexp_matches(_pg_pattern(pattern), '{_ANY_MARK}') THEN {refused} "
        "ELSE strptime(value, _pg_pattern(pattern)) END",
        "CREATE MACRO to_date(value, pattern) AS _pg_parsed(value, pattern)::DATE",
        "CREATE MACRO to_timestamp(seconds) AS system.main.to_timestamp(seconds), "
        "(value, pattern) AS _pg_parsed(value, pattern)::TIMESTAMPTZ",
    ):
        sessions.write(con, sql)
