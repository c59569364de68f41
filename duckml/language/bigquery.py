"""BigQuery SQL → DuckDB's, with BigQuery ML's statements in our spelling.

Asked for by name only (`dialect='bigquery'`): here, and nowhere else, a user's query is regenerated, by sqlglot,
because it is in another language. The calls of ML functions are cut out first, each becomes a plain name for as long
as sqlglot reads the text, and comes back in our grammar.
"""

from __future__ import annotations

import contextlib
import logging
import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import Any

from duckml.errors import NotYetError, StatementError
from duckml.language.functions import SQL_FUNCTIONS, TRANSFORM_FUNCTIONS
from duckml.names import fold, literal, qualified, quote

_CALL = "__duckml_call_{}__"
_CALLED = re.compile(r"__duckml_call_(\d+)__")
_FUNCTION = "__DUCKML_ML_"  # stands for `ML.` before the name of a function of TRANSFORM
_STRUCT = "__DUCKML_STRUCT"
_TUNING = re.compile(r"\bHPARAM_(RANGE|CANDIDATES)\b", re.IGNORECASE)


@dataclass(frozen=True)
class _Token:
    """A token of BigQuery's, and where its characters lie.

    `word` is its text in lower case, '' for a string: what stands in one is never a bracket or a keyword.
    """

    text: str
    word: str
    start: int
    end: int


def translate(sql: str, databases: Collection[str]) -> str:
    """A script in BigQuery's SQL as one in ours.

    `databases` are the attached ones: the project of a name is left out unless it is one of them. Raises StatementError
    for what isn't BigQuery SQL, NotYetError for what a later release brings.
    """
    if not isinstance(sql, str):
        raise StatementError("With dialect = 'bigquery' the statement is a text.")
    explained = re.match(r"\s*EXPLAIN\b", sql, re.IGNORECASE)
    if explained:  # which sqlglot takes for a command, with the rest as a text
        return "EXPLAIN " + translate(sql[explained.end() :], databases)
    translator = _Translator(sql, {fold(name) for name in databases})
    return ";\n".join(translator.statement(tokens) for tokens in _statements(_tokens(sql)))


def _tokens(sql: str) -> list[_Token]:
    from sqlglot.dialects.bigquery import BigQuery
    from sqlglot.errors import TokenError

    try:
        found = BigQuery().tokenize(sql)
    except TokenError as error:
        raise _unreadable(error) from error
    return [
        _Token(
            token.text,
            "" if "STRING" in token.token_type.name else token.text.lower(),
            token.start,
            token.end + 1,
        )
        for token in found
    ]


def _statements(tokens: list[_Token]) -> Iterator[list[_Token]]:
    current: list[_Token] = []
    for token in tokens:
        if token.word == ";":
            if current:
                yield current
            current = []
        else:
            current.append(token)
    if current:
        yield current


def _unreadable(error: Exception) -> StatementError:
    detail = re.sub(
        r"\x1b\[[0-9;]*m", "", str(error)
    ).strip()  # sqlglot underlines with escape sequences
    return StatementError(f"This is not read as BigQuery SQL: {detail}")


class _Translator:
    """Translates the statements of one script."""

    def __init__(self, sql: str, databases: set[str]) -> None:
        self.sql = sql
        self.databases = databases

    def text(self, tokens: list[_Token]) -> str:
        """The user's text of some tokens."""
        return self.sql[tokens[0].start : tokens[-1].end] if tokens else ""

    def statement(self, tokens: list[_Token]) -> str:
        """One statement."""
        try:
            return self.any_statement(tokens)
        except IndexError as error:
            raise StatementError(f"The statement ends too early: {self.text(tokens)}") from error

    def any_statement(self, tokens: list[_Token]) -> str:
        """One statement; raises IndexError where it ends before it should."""
        words = [token.word for token in tokens[:4]]
        if (
            words[0] == "create"
            and "model" in (words[1:2] + words[3:4])
            and (words[1] in {"model", "or"})
        ):
            return self.create_model(tokens, words.index("model"))
        if words[:2] == ["alter", "model"] or words[:2] in (["drop", "model"], ["export", "model"]):
            return self.of_a_model(tokens)
        return self.query(tokens)

    # Statements of BigQuery ML

    def create_model(self, tokens: list[_Token], model: int) -> str:
        """CREATE [OR REPLACE] MODEL [IF NOT EXISTS] name [TRANSFORM (…)] [OPTIONS (…)] [AS query]."""
        position = model + 1
        head = self.text(tokens[:position])
        if tokens[position].word == "if":
            head, position = f"{head} IF NOT EXISTS", position + 3
        name, position = self.name(tokens, position)
        parts = [head, name]
        options: dict[str, str] = {}
        given: set[str] = set()
        while position < len(tokens) and tokens[position].word in {"transform", "options"}:
            stop = _closing(tokens, position + 1)
            inner = tokens[position + 2 : stop]
            if tokens[position].word in given:
                raise StatementError(f"{tokens[position].text} is given twice.")
            given.add(tokens[position].word)
            if tokens[position].word == "transform":
                parts.append(f"TRANSFORM ({self.transform(inner)})")
            else:
                options = self.options(inner)
            position = stop + 1
        _say_the_label(options)
        parts.append(
            "OPTIONS ("
            + ", ".join(f"{option} = {value}" for option, value in options.items())
            + ")"
        )
        if position < len(tokens):
            if tokens[position].word != "as":
                raise StatementError(
                    f'Expected OPTIONS (…) or AS and a query, found "{tokens[position].text}".'
                )
            parts += ["AS", self.query(tokens[position + 1 :])]
        return " ".join(parts)

    def of_a_model(self, tokens: list[_Token]) -> str:
        """ALTER, DROP or EXPORT MODEL."""
        head, position = self.text(tokens[:2]), 2
        if tokens[2].word == "if":
            head, position = f"{head} IF EXISTS", 4
        name, position = self.name(tokens, position)
        rest = tokens[position:]
        opening = next((i for i, token in enumerate(rest) if token.word == "options"), None)
        if opening is not None:
            options = self.options(rest[opening + 2 : _closing(rest, opening + 1)])
            given = ", ".join(f"{option} = {value}" for option, value in options.items())
            return f"{head} {name} {self.text(rest[:opening])} OPTIONS ({given})"
        if [token.word for token in rest[:2]] == ["rename", "to"]:
            new_name, _ = self.name(rest, 2)
            return f"{head} {name} RENAME TO {new_name}"
        return f"{head} {name} {self.text(rest)}"

    def name(self, tokens: list[_Token], position: int) -> tuple[str, int]:
        """A model's name as ours, and the index behind it: quoted as a whole or in parts, dashes in the project."""
        pieces: list[str] = []
        while position < len(tokens):
            token = tokens[position]
            before = pieces[-1] if pieces else "."
            # sqlglot takes `123.` in my-project-123.dataset for a number.
            if not (token.text in {".", "-"} or before[-1:] in {".", "-"}):
                break
            if token.text in {",", ")", "("}:
                break
            if pieces and token.start != tokens[position - 1].end:
                break
            pieces.append(token.text)
            position += 1
        if not pieces:
            raise StatementError("Expected the name of a model behind MODEL.")
        parts = "".join(pieces).split(".")
        if len(parts) == 3 and fold(parts[0]) not in self.databases:
            parts = parts[1:]
        tag = ""
        if "@" in parts[-1]:  # back-ticks around a version
            parts[-1], _, version = parts[-1].partition("@")
            tag = f"@{quote(version)}"
        if position + 1 < len(tokens) and tokens[position].text == "@":
            tag, position = f"@{tokens[position + 1].text}", position + 2
        elif (
            position < len(tokens)
            and tokens[position].text.startswith("@")
            and len(tokens[position].text) > 1
        ):
            tag, position = tokens[position].text, position + 1
        return qualified(*parts) + tag, position

    def options(self, tokens: list[_Token]) -> dict[str, str]:
        """The options in a list: the SQL of the value by name."""
        options = {}
        for item in _split(tokens):
            if len(item) < 3 or item[1].text != "=":
                raise StatementError(f"Expected an option, name = value, found: {self.text(item)}")
            text = self.text(item[2:])
            if item[0].word in options:
                raise StatementError(f'The option "{item[0].text}" is given twice.')
            if _TUNING.search(text):
                raise NotYetError.of(
                    "Hyperparameter tuning (HPARAM_RANGE, HPARAM_CANDIDATES)",
                    "Train versions with different options and compare them: docs/how-to/compare-versions.md.",
                )
            options[item[0].word] = self.translated(f"SELECT {text}").removeprefix("SELECT ")
        return options

    def transform(self, tokens: list[_Token]) -> str:
        """The list of a TRANSFORM."""
        text = self.cut(tokens, self.mangled)
        sql = self.translated(f"SELECT {text}").removeprefix("SELECT ")
        return re.sub(_FUNCTION, "ML.", sql, flags=re.IGNORECASE).replace(_STRUCT, "STRUCT")

    def mangled(self, tokens: list[_Token], position: int) -> tuple[str, int] | None:
        """ML.NAME, and STRUCT, as names that sqlglot leaves alone."""
        words = [token.word for token in tokens[position : position + 4]]
        if words[:2] == ["ml", "."] and words[3:] == ["("]:
            return _FUNCTION + words[2].upper(), position + 3
        if words[:2] == ["struct", "("]:
            return _STRUCT, position + 1
        return None

    # Queries

    def query(self, tokens: list[_Token]) -> str:
        """A query, or any other statement, with the calls of ML functions in it."""
        calls: list[str] = []

        def named(tokens: list[_Token], position: int) -> tuple[str, int] | None:
            words = [token.word for token in tokens[position : position + 5]]
            if (
                words[:1]
                and words[0] in SQL_FUNCTIONS
                and SQL_FUNCTIONS[words[0]].is_scalar
                and words[1:3] != ["(", "model"]
                and words[1:2] == ["("]
            ):
                if position and tokens[position - 1].word == ".":
                    return None
                stop = _closing(tokens, position + 1)
                calls.append(self.scalar(words[0], tokens[position + 2 : stop]))
                return _CALL.format(len(calls) - 1), stop + 1
            prefixed = words[:2] == ["ml", "."] and words[3:4] == ["("]
            if not prefixed and not (words[:1] == ["predict"] and words[1:3] == ["(", "model"]):
                return None
            opening = position + (3 if prefixed else 1)
            function = words[2] if prefixed else words[0]
            if function not in SQL_FUNCTIONS or not SQL_FUNCTIONS[function].is_table:
                raise StatementError(_misplaced(function))
            stop = _closing(tokens, opening)
            if stop == opening + 1:
                raise StatementError(
                    f"ML.{function.upper()} needs a model: ML.{function.upper()}(MODEL name, …)."
                )
            calls.append(self.call(function, tokens[opening + 1 : stop]))
            return _CALL.format(len(calls) - 1), stop + 1

        if not tokens:
            raise StatementError("Expected a query.")
        sql = self.translated(self.cut(tokens, named))
        return _CALLED.sub(lambda found: calls[int(found[1])], sql)

    def call(self, function: str, tokens: list[_Token]) -> str:
        """The call of an ML function in our spelling; `tokens` are its arguments."""
        arguments = _split(tokens)
        if arguments[0][0].word != "model":
            raise StatementError(
                f"ML.{function.upper()} begins with MODEL and its name, not {self.text(arguments[0])}."
            )
        name, stop = self.name(arguments[0], 1)
        self.require_end(arguments[0], stop)
        rendered = [f"MODEL {name}"]
        for argument in arguments[1:]:
            first = argument[0].word
            if first == "table":
                table, stop = self.name(argument, 1)
                self.require_end(argument, stop)
                rendered.append(f"TABLE {table}")
            elif first == "(":
                rendered.append(f"({self.query(argument[1:-1])})")
            elif first == "struct":
                rendered.append(self.settings(argument))
            else:
                rendered.append(
                    self.translated(f"SELECT {self.text(argument)}").removeprefix("SELECT ")
                )
        return f"{function.upper()}({', '.join(rendered)})"

    def scalar(self, function: str, tokens: list[_Token]) -> str:
        """PREDICT and its kin as expressions, which BigQuery doesn't have: model, then values, by name or in order."""
        arguments = _split(tokens)
        if not arguments:
            raise StatementError(f"{function.upper()} needs a model: {function.upper()}(name).")
        first = 1 if arguments[0][0].word == "model" else 0
        name, stop = self.name(arguments[0], first)
        self.require_end(arguments[0], stop)
        rendered = [name]
        for argument in arguments[1:]:
            named = len(argument) > 2 and argument[1].text == ":="
            value = self.text(argument[2 if named else 0 :])
            translated = self.translated(f"SELECT {value}").removeprefix("SELECT ")
            rendered.append(f"{quote(argument[0].text)} := {translated}" if named else translated)
        return f"{function.upper()}({', '.join(rendered)})"

    def require_end(self, tokens: list[_Token], position: int) -> None:
        """Raise StatementError when something stands behind a name."""
        if position < len(tokens):
            raise StatementError(
                f"Expected nothing behind the name in {self.text(tokens)}. A query in brackets can select: (SELECT …)."
            )

    def settings(self, tokens: list[_Token]) -> str:
        """STRUCT(value AS name, …) or STRUCT(value name), the values translated."""
        items = []
        for item in _split(tokens[2:-1]):
            behind = 2 if len(item) > 2 and item[-2].word == "as" else 1
            if tokens[1].word != "(" or len(item) <= behind:
                raise StatementError(f"Expected STRUCT(value AS name), found {self.text(tokens)}.")
            value = self.translated(f"SELECT {self.text(item[:-behind])}").removeprefix("SELECT ")
            items.append(f"{value} AS {item[-1].text}")
        return f"STRUCT({', '.join(items)})"

    def cut(
        self, tokens: list[_Token], replace: Callable[[list[_Token], int], tuple[str, int] | None]
    ) -> str:
        """The text of tokens with some of them replaced: `replace` gives a text and the index to go on at, or None."""
        pieces, position, copied = [], 0, tokens[0].start
        while position < len(tokens):
            found = replace(tokens, position)
            if found is None:
                position += 1
                continue
            text, stop = found
            pieces += [self.sql[copied : tokens[position].start], text]
            copied, position = tokens[stop - 1].end, stop
        return "".join([*pieces, self.sql[copied : tokens[-1].end]])

    def translated(self, sql: str) -> str:
        """A statement without ML calls as DuckDB's, on one line."""
        import sqlglot
        from sqlglot import exp
        from sqlglot.errors import SqlglotError

        try:
            tree = sqlglot.parse_one(sql, dialect="bigquery")
        except SqlglotError as error:
            raise _unreadable(error) from error
        if isinstance(tree, exp.Command):
            raise StatementError(
                f"This statement of BigQuery's is not known here: {sql.split(maxsplit=1)[0]}."
            )
        with _quiet():
            return str(tree.transform(self.mended).sql("duckdb"))

    def mended(self, node: Any) -> Any:
        """What sqlglot leaves as it is and DuckDB doesn't know, or would answer otherwise."""
        import sqlglot
        from sqlglot import exp

        if (
            isinstance(node, exp.Table)
            and node.catalog
            and fold(node.catalog) not in self.databases
        ):
            node.set("catalog", None)
        if isinstance(node, exp.FarmFingerprint) or (
            isinstance(node, exp.Anonymous) and node.name.upper() == "FARM_FINGERPRINT"
        ):
            # Another hash, for the same purpose: to split rows for good.
            value = (node.expressions[0] if node.expressions else node.this).sql("duckdb")
            hashed = f"CASE WHEN {value} IS NOT NULL THEN CAST(hash({value}) >> 1 AS BIGINT) END"
            return sqlglot.parse_one(hashed, dialect="duckdb")
        if isinstance(node, exp.Extract) and node.name.upper() == "DAYOFWEEK":
            # BigQuery counts from 1 for Sunday, DuckDB from 0.
            return sqlglot.parse_one(
                f"(dayofweek({node.expression.sql('duckdb')}) + 1)", dialect="duckdb"
            )
        if isinstance(node, exp.TimestampDiff):
            # BigQuery counts whole units, DuckDB's date_diff the boundaries between.
            unit = node.args["unit"].name.lower()
            parts = (node.expression.sql("duckdb"), node.this.sql("duckdb"))
            return sqlglot.parse_one(
                f"date_sub('{unit}', {parts[0]}, {parts[1]})", dialect="duckdb"
            )
        if isinstance(node, exp.GenerateSeries) and node.args.get("step") is not None:
            return _series(node)
        if isinstance(node, exp.Dot) and node.name and node.this.name.upper() == "SAFE":
            return sqlglot.parse_one(f"TRY({node.expression.sql('duckdb')})", dialect="duckdb")
        if isinstance(node, exp.From) and isinstance(node.this, exp.Unnest):
            return _unnested(node)
        return node


def _misplaced(function: str) -> str:
    """What to say of an ML function that is no table function here."""
    if function in TRANSFORM_FUNCTIONS:
        return (
            f"ML.{function.upper()} stands in TRANSFORM (…) of CREATE MODEL, and nowhere else here."
        )
    return f"ML.{function.upper()} is not here: docs/not-here.md says why and what to use."


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep sqlglot from writing to standard error."""
    logger = logging.getLogger("sqlglot")
    before = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(before)


def _unnested(node: Any) -> Any:
    """FROM UNNEST(x) [AS a] [WITH OFFSET [AS o]], which counts from 0 and shows the fields of structs as columns."""
    import sqlglot
    from sqlglot import exp

    unnest = node.this
    values = unnest.expressions[0].sql("duckdb")
    alias = unnest.args.get("alias")
    names = [column.name for column in alias.columns] if alias is not None else []
    offset = unnest.args.get("offset") or None
    if not names and offset is None:
        text = f"SELECT * FROM (SELECT UNNEST({values}, max_depth := 2))"
    else:
        position = offset.name if isinstance(offset, exp.Expression) else "offset"
        counted = (
            "" if offset is None else f", generate_subscripts({values}, 1) - 1 AS {quote(position)}"
        )
        text = f"SELECT * FROM (SELECT UNNEST({values}) AS {quote(names[0] if names else 'value')}{counted})"
    return sqlglot.parse_one(text, dialect="duckdb").find(exp.From)


def _series(node: Any) -> Any:
    """GENERATE_ARRAY of numbers that aren't whole, which DuckDB's series doesn't take."""
    import sqlglot

    try:
        start, stop, step = (float(node.args[name].sql()) for name in ("start", "end", "step"))
    except ValueError:
        return node
    if all(number == int(number) for number in (start, stop, step)) or step == 0:
        return node
    count = int((stop - start) / step + 1e-9) + 1
    values = ", ".join(repr(round(start + i * step, 12)) for i in range(max(count, 0)))
    return sqlglot.parse_one(f"[{values}]", dialect="duckdb")


def _say_the_label(options: dict[str, str]) -> None:
    """Name the target as we do: in BigQuery ML it may be `labels`, and is the column `label` where none is named."""
    if "labels" in options and not re.search(r"[({]", options["labels"]):
        options.setdefault("input_label_cols", options.pop("labels"))
    is_import = "model_path" in options
    if not is_import and not {"input_label_cols", "target"} & set(options):
        options["input_label_cols"] = f"[{literal('label')}]"


def _closing(tokens: list[_Token], opening: int) -> int:
    """The index of the bracket that closes the one at `opening`."""
    depth = 0
    for position in range(opening, len(tokens)):
        depth += (tokens[position].word in {"(", "["}) - (tokens[position].word in {")", "]"})
        if depth == 0 and position > opening:
            return position
        if position == opening and depth == 0:
            break
    raise StatementError("Expected a bracket, or one is never closed.")


def _split(tokens: list[_Token]) -> list[list[_Token]]:
    """The comma-separated items of a list; a comma may stand behind the last."""
    items: list[list[_Token]] = [[]]
    depth = 0
    for token in tokens:
        depth += (token.word in {"(", "["}) - (token.word in {")", "]"})
        if token.word == "," and depth == 0:
            items.append([])
        else:
            items[-1].append(token)
    return [item for item in items if item]
