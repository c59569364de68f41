"""COPY … TO STDOUT: its query and its options, in both of PostgreSQL's spellings."""

from __future__ import annotations

from duckml.server.errors import WireError
from duckml.server.session.commands import Command, CopyOut
from duckml.server.session.sql_statement import sql_statement
from duckml.server.session.statement_reader import StatementReader
from duckml.server.values.copy_format import CopyFormat

_SKIPPED = frozenset({"with", "(", ")", ",", "as"})
_FORMATS = frozenset({"text", "csv", "binary"})
_WITH_VALUE = frozenset({"format", "delimiter", "null", "quote", "escape", "encoding"})
_HEADER_VALUES = frozenset({"true", "false", "on", "off", "1", "0", "match"})


def parse_copy(reader: StatementReader) -> Command:
    """Parse COPY { (query) | table [(columns)] } TO STDOUT [WITH] [(option, …)].

    Other forms of COPY are statements for DuckDB.
    """
    stop = _direction_index(reader)
    if stop is None:
        return reader.as_sql("copy")
    direction, target = reader.word(stop), reader.word(stop + 1)
    if direction == "from" and target == "stdin":
        raise WireError(
            "0A000",
            "COPY … FROM STDIN is not supported.",
            "INSERT rows, or let DuckDB read the file.",
        )
    if direction != "to" or target != "stdout":
        return reader.as_sql("copy")
    # In both spellings, (FORMAT csv, HEADER) and CSV HEADER, each option begins with its name.
    options = _options(reader, stop + 2)
    if reader.word(1) == "(":
        return CopyOut(reader.query(2, stop - 1), _copy_format(options))
    opening = next((index for index in range(1, stop) if reader.word(index) == "("), stop)
    columns = reader.source(opening + 1, stop - 1) if opening < stop else "*"
    query = f"SELECT {columns} FROM {reader.source(1, opening)}"
    return CopyOut(sql_statement(query, "select"), _copy_format(options))


def _direction_index(reader: StatementReader) -> int | None:
    """Return the index of the TO or FROM outside brackets, None if there is none."""
    outside = reader.tokens.forward(0)
    return next((index for index in outside if reader.word(index) in {"to", "from"}), None)


def _options(reader: StatementReader, start: int) -> dict[str, str]:
    options: dict[str, str] = {}
    index = start
    while index < len(reader):
        word = reader.word(index)
        if word not in _SKIPPED:
            index = _read_option(reader, index, options)
        else:
            index += 1
    return options


def _read_option(reader: StatementReader, index: int, options: dict[str, str]) -> int:
    """Store the option at a token; return the index of the token after it."""
    word, following = reader.word(index), reader.word(index + 1)
    if word in _FORMATS:
        options["format"] = word
        return index + 1
    if word == "force_quote" or (word == "force" and following == "quote"):
        options["force_quote"] = "true"
        return _force_quote_end(reader, index + (2 if word == "force" else 1))
    if word == "header":
        has_value = following in _HEADER_VALUES
        options["header"] = following if has_value else "true"
        return index + (2 if has_value else 1)
    if word in _WITH_VALUE and following:
        value = index + (2 if following == "as" else 1)
        if value >= len(reader):
            raise reader.missing("A value")
        options[word] = reader.unquoted(value)
        return value + 1
    found = reader.tokens[index].text
    raise WireError("42601", f'COPY … TO STDOUT has no option "{found}".')


def _force_quote_end(reader: StatementReader, index: int) -> int:
    """Return the index after the columns of FORCE QUOTE: *, a list in brackets, or a list."""
    if reader.word(index) == "*":
        return index + 1
    if reader.word(index) == "(":
        following = range(index, len(reader))
        closing = next((at for at in following if reader.word(at) == ")"), len(reader) - 1)
        return closing + 1
    while reader.word(index + 1) == ",":
        index += 2
    return index + 1


def _copy_format(options: dict[str, str]) -> CopyFormat:
    kind = options.get("format", "text").lower()
    if kind not in _FORMATS:
        message = f"COPY has no format '{kind}'. Its formats are text, csv and binary."
        raise WireError("22023", message)
    if options.get("encoding", "utf8").lower().replace("-", "") not in {"utf8", "unicode"}:
        raise WireError("0A000", "COPY only supports the encoding UTF8.")
    # The defaults are PostgreSQL's, which differ between text and csv.
    is_csv = kind == "csv"
    quote = options.get("quote", '"')
    how = CopyFormat(
        kind,
        options.get("delimiter", "," if is_csv else "\t"),
        options.get("null", "" if is_csv else "\\N"),
        options.get("header", "false") not in {"false", "off", "0"},
        quote,
        options.get("escape", quote),
        options.get("force_quote") == "true",
    )
    if len(how.delimiter) != 1 or len(how.quote) != 1 or len(how.escape) != 1:
        raise WireError("22023", "The delimiter, quote and escape of COPY are one character each.")
    return how
