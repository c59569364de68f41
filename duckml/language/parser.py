"""Text → statements. The only file that lexes.

DuckDB's own lexer cuts the text into tokens; what is ours is found among them and kept as byte spans, everything else
is never looked at again. There is no second SQL parser here, on purpose: regenerating a user's SQL changes it.
"""

from __future__ import annotations

import functools
import re

from duckml.errors import StatementError
from duckml.language.functions import SQL_FUNCTIONS
from duckml.language.syntax import (
    Argument,
    Call,
    CopyModel,
    CreateModel,
    DescribeModel,
    DropModel,
    ExportModel,
    ModelName,
    Options,
    Query,
    RenameModel,
    RetrainModel,
    Script,
    SetAlias,
    SetDefaultVersion,
    SetOptions,
    ShowModels,
    Span,
    Statement,
    UnnamedItem,
)
from duckml.language.tokens import CLOSING_BRACKETS, OPENING_BRACKETS, Tokens, tokenize
from duckml.names import fold, unquote

# Statements that may begin as one of DuckDB's: only MODEL and a name behind the word make them ours.
_VERBS = frozenset({"drop", "describe", "desc", "alter", "export", "retrain"})

# Where one of these stands before `predict (`, the text names something of the user's.
_NAMING = frozenset(
    {
        "table",
        "into",
        "macro",
        "function",
        "view",
        "exists",
        "index",
        "update",
        "sequence",
        "type",
        "with",
        "recursive",
    }
    | {"prepare", "execute", "copy", "references", "schema", "deallocate"}
)
# Reserved words that open a part of a query; others, such as VALUES or SET, may be columns.
_CLAUSES = frozenset(
    {"select", "from", "where", "group", "order", "having", "qualify", "window", "limit", "offset"}
    | {"on", "using", "returning", "distinct", "union", "intersect", "except"}
)
_JOINS = frozenset({"from", "join", "lateral", "pivot", "unpivot", "pivot_wider", "pivot_longer"})
_FROM_IN_FUNCTIONS = frozenset({"extract", "trim", "substring", "overlay", "position"})
# What can't follow MODEL as a name: then `model` is a column of the user's.
_OPERATOR_WORDS = frozenset(
    {
        "is",
        "in",
        "not",
        "like",
        "ilike",
        "similar",
        "glob",
        "between",
        "and",
        "or",
        "collate",
        "at",
        "isnull",
        "notnull",
    }
)
_KINDS_MADE = ("table", "view", "index", "trigger", "macro", "function")
_SHORT = 10_000  # characters of a text worth remembering


def might_concern_us(sql: str) -> bool:
    """Whether the text holds a word of ours at all; False means that it is DuckDB's alone.

    Substring tests, written out, take half a microsecond: every statement of the user's passes through here.
    """
    text = sql.lower()
    return (
        "model" in text
        or "predict" in text
        or "evaluate" in text
        or "_info" in text
        or "weights" in text
        or "_explain" in text
        or "confusion_matrix" in text
        or "roc_curve" in text
        or "_data_skew" in text
    )


def parse(sql: str) -> Script:
    """The statements of a text.

    Raises StatementError where a statement of ours is misspelt and NotYetError for what later releases bring. A short
    text that comes again and again, as those of dashboards do, is read once.
    """
    return _parse_short(sql) if len(sql) <= _SHORT else _parse(sql)


def _parse(sql: str) -> Script:
    tokens = tokenize(sql)
    parts = tokens.statements()
    statements = tuple(_Parser(tokens, segment).statement() for tokens, segment in parts)
    spans = tuple(tokens.span(0, len(tokens)) for tokens, _ in parts)
    return Script(tokens.source_text, statements, spans)


_parse_short = functools.lru_cache(maxsize=256)(_parse)


def split(sql: str) -> list[str]:
    """The statements of a text, as they are written, without the semicolons between them."""
    text = sql.encode()
    return [
        text[segment.start : segment.end].decode().strip()
        for _, segment in tokenize(sql).statements()
    ]


def check_new_name(name: ModelName) -> None:
    """Raise StatementError when a new model can't have this name."""
    if name.tag is not None or "@" in name.name:
        raise StatementError(
            f"A new model can't be named '{name}': an @ means a version, which CREATE MODEL numbers."
        )


def model_name(text: str) -> ModelName:
    """The model that a text such as 'schema.name@3' names.

    Raises StatementError when it isn't a name.
    """
    if not isinstance(text, str):
        raise StatementError(f"A model's name is a text, not {text!r}.")
    tokens = tokenize(text)
    found = None if text.startswith("'") else _Parser(tokens, Span(0, 0)).match_name(0)
    if found is None or found[1] != len(tokens):
        # In a text a name needs no quotes for its spaces: 'my schema.my model@2'.
        if plain := re.fullmatch(r"([^\"@.]+(?:\.[^\"@.]+){0,2})(?:@([^@.\"]+))?", text):
            return ModelName(tuple(plain[1].split(".")), plain[2])
        raise StatementError(
            f"'{text}' is not a model's name. Write name, schema.name or name@version."
        )
    return found[0]


def select_list(text: str) -> list[tuple[str, str]]:
    """The items of a SELECT list: the text of each, and the same without its alias."""
    parser = _Parser(tokenize(text), Span(0, 0))
    found = []
    for first, stop in parser.tokens.items(0, len(parser.tokens)):
        if first == stop:
            raise StatementError(f"An item is missing between two commas: ({text}).")
        begin, end = first, stop
        if parser.tokens.word(first + 1) == ":" and parser.tokens.is_identifier(first):
            begin = first + 2
        elif parser.tokens.word(stop - 2) == "as":
            end = stop - 2
        elif (
            stop - first > 1
            and parser.has_own_name(first, stop)
            and parser.tokens.word(first) != "*"
        ):
            end = stop - 1
        found.append((parser.tokens.source(first, stop), parser.tokens.source(begin, end)))
    return found


def arguments_of(text: str) -> list[str]:
    """The arguments of the call that a text begins with, as they are written."""
    parser = _Parser(tokenize(text), Span(0, 0))
    opening = next(index for index in range(len(parser.tokens)) if parser.tokens.word(index) == "(")
    items = parser.tokens.items(opening + 1, parser.tokens.closing(opening))
    return [parser.tokens.source(first, stop) for first, stop in items if first < stop]


def argument_value(text: str) -> str:
    """The value of an argument, without the `name :=` before it."""
    parser = _Parser(tokenize(text), Span(0, 0))
    begin = 2 if parser.tokens.word(1) in {":=", "=>"} else 0
    return parser.tokens.source(begin, len(parser.tokens))


# Called with words of SQL between their arguments, which they may not be behind a dot.
_WITH_WORDS = frozenset({"substring", "overlay", "position", "trim", "extract", "cast", "try_cast"})


def words_before_brackets(text: str) -> dict[int, str]:
    """The words with a bracket behind them and no dot before, in lower case, by the byte that they start at."""
    tokens = tokenize(text)
    return {
        token.start: token.word
        for position, token in enumerate(tokens[:-1])
        if tokens[position + 1].text == "("
        and token.word not in _WITH_WORDS
        and (position == 0 or tokens[position - 1].text != ".")
    }


class _Parser:
    """The tokens of one statement and the means to read them."""

    def __init__(self, tokens: Tokens, segment: Span) -> None:
        self.tokens = tokens
        self.segment = segment

    # Reading tokens

    def match_name(self, index: int) -> tuple[ModelName, int] | None:
        """A model's name at `index` and the index behind it, or None when there is no name."""
        token = self.tokens[index] if index < len(self.tokens) else None
        if token is None:
            return None
        if token.text.startswith("'"):
            try:
                return model_name(token.text[1:-1].replace("''", "'")), index + 1
            except StatementError:
                return None
        parts: list[str] = []
        while self.tokens.is_identifier(index) and len(parts) < 3:
            parts.append(unquote(self.tokens[index].text))
            index += 1
            if self.tokens.word(index) != ".":
                break
            index += 1
        if not parts or self.tokens.word(index - 1) == ".":
            return None
        tag = None
        if self.tokens.word(index) == "@" and index + 1 < len(self.tokens):
            tag = unquote(self.tokens[index + 1].text)
            index += 2
        return ModelName(tuple(parts), tag), index

    def expect_name(self, index: int, what: str = "the name of a model") -> tuple[ModelName, int]:
        """A model's name at `index`; an error when there is none."""
        found = self.match_name(index)
        if found is None:
            raise self.tokens.unexpected(index, what)
        return found

    # Statements

    def statement(self) -> Statement:
        """The statement that these tokens are."""
        first, second = self.tokens.word(0), self.tokens.word(1)
        if first == "create" and (
            second == "model"
            or (second, self.tokens.word(2), self.tokens.word(3)) == ("or", "replace", "model")
        ):
            return self.create_model()
        if first == "create" and second in {"temp", "temporary"} and self.tokens.word(2) == "model":
            raise self.tokens.error(
                1,
                "A model is stored in a database file; there are no temporary ones. Write CREATE MODEL.",
            )
        if (
            second == "model"
            and self.tokens.is_identifier(2) | self.tokens.word(2).startswith("'")
            and first in _VERBS
        ):
            return self.of_a_model(first)
        if first in {"drop", "alter", "export", "retrain"} and second == "model":
            raise self.tokens.error(2, "Expected the name of a model.")
        if first == "show" and second == "models":
            return self.show_models()
        if (
            first == "explain"
            and "model" in (self.tokens.word(2), self.tokens.word(4))
            and self.tokens.word(1) == "create"
        ):
            raise self.tokens.error(
                0, "CREATE MODEL has no plan to explain. EXPLAIN its query instead."
            )
        return self.query(0)

    def of_a_model(self, verb: str) -> Statement:
        """A statement `verb MODEL name …`."""
        if verb == "drop":
            return self.drop_model()
        if verb == "alter":
            return self.alter_model()
        name, index = self.expect_name(2)
        if verb == "retrain":
            options, index = (
                self.options(index + 1) if self.tokens.word(index) == "options" else ((), index)
            )
            self.tokens.require_end(index)
            return RetrainModel(name, options)
        if verb == "export":
            return self.export_model(name, index)
        self.tokens.require_end(index)
        return DescribeModel(name)

    def create_model(self) -> CreateModel | CopyModel:
        """CREATE [OR REPLACE] MODEL [IF NOT EXISTS] name [TRANSFORM (…)] [OPTIONS (…)] AS query, or FROM MODEL."""
        or_replace = self.tokens.word(1) == "or"
        index = 4 if or_replace else 2
        if_not_exists = self.tokens.word(index) == "if"
        if if_not_exists:
            index = self.tokens.require(index + 1, "not", "NOT EXISTS")
            index = self.tokens.require(index, "exists", "EXISTS")
        if or_replace and if_not_exists:
            raise self.tokens.error(
                index - 1, "OR REPLACE and IF NOT EXISTS contradict each other: choose one."
            )
        name, index = self.expect_name(index)
        check_new_name(name)
        if self.tokens.word(index) == "from" and self.tokens.word(index + 1) == "model":
            source, index = self.expect_name(index + 2)
            self.tokens.require_end(index)
            return CopyModel(name, or_replace, if_not_exists, source)
        transform: Span | None = None
        options: Options = ()
        while self.tokens.word(index) in {
            "transform",
            "options",
        }:  # BigQuery ML writes them in this order, people in either
            if self.tokens.word(index) == "options":
                if options:
                    raise self.tokens.error(index, "OPTIONS is given twice.")
                options, index = self.options(index + 1)
            else:
                if transform is not None:
                    raise self.tokens.error(index, "TRANSFORM is given twice.")
                transform, index = self.transform(index + 1)
        if (
            index >= len(self.tokens)
            and transform is None
            and any(option == "model_path" for option, _ in options)
        ):
            return CreateModel(name, or_replace, if_not_exists, None, options, None)
        index = self.tokens.require(
            index, "as", "AS and a query" if options else "OPTIONS (…) or AS and a query"
        )
        if index >= len(self.tokens):
            raise self.tokens.error(index, "Expected the training query behind AS.")
        for late in range(index + 1, len(self.tokens) - 1):
            if (
                self.tokens.word(late) == "options"
                and self.tokens.word(late + 1) == "("
                and self.tokens.closing(late + 1) == len(self.tokens) - 1
            ):
                raise self.tokens.error(
                    late, "OPTIONS (…) stands before AS: CREATE MODEL name OPTIONS (…) AS SELECT …."
                )
        return CreateModel(name, or_replace, if_not_exists, transform, options, self.query(index))

    def transform(self, index: int) -> tuple[Span, int]:
        """The list in the brackets at `index`, and the index behind them."""
        self.tokens.require(index, "(", '"(" behind TRANSFORM')
        stop = self.tokens.closing(index)
        if stop == index + 1:
            raise self.tokens.error(
                stop,
                "Expected expressions, as in a SELECT list: TRANSFORM (ln(area) AS area, price).",
            )
        return self.tokens.span(index + 1, stop), stop + 1

    def alter_model(self) -> Statement:
        """ALTER MODEL [IF EXISTS] name, and what is to change."""
        if_exists = self.tokens.word(2) == "if" and self.tokens.word(3) == "exists"
        name, index = self.expect_name(4 if if_exists else 2)
        words = (self.tokens.word(index), self.tokens.word(index + 1))
        if words == ("rename", "to"):
            new_name, index = self.expect_name(index + 2, "the new name")
            self.tokens.require_end(index)
            check_new_name(new_name)
            return RenameModel(name, if_exists, new_name)
        if words == ("set", "options"):
            options, index = self.options(index + 2)
            self.tokens.require_end(index)
            return SetOptions(name, if_exists, options)
        if words == ("set", "default"):
            index = self.tokens.require(index + 2, "version", "VERSION")
            tag, index = self.tag(index)
            self.tokens.require_end(index)
            return SetDefaultVersion(name, if_exists, tag)
        if words == ("set", "alias"):
            alias, index = self.alias(index + 2)
            index = self.tokens.require(index, "=", '"=" and a version behind the alias')
            tag, index = self.tag(index)
            self.tokens.require_end(index)
            return SetAlias(name, if_exists, alias, tag)
        if words == ("drop", "alias"):
            alias, index = self.alias(index + 2)
            self.tokens.require_end(index)
            return SetAlias(name, if_exists, alias, None)
        raise self.tokens.unexpected(
            index,
            "RENAME TO name, SET DEFAULT VERSION n, SET ALIAS alias = n, DROP ALIAS alias or SET OPTIONS (…)",
        )

    def tag(self, index: int) -> tuple[str, int]:
        """A version or an alias, with or without an @ before it, and the index behind it."""
        index += self.tokens.word(index) == "@"
        if not (self.tokens.is_identifier(index) or self.tokens.word(index).isdigit()):
            raise self.tokens.unexpected(index, "the number of a version or an alias")
        return unquote(self.tokens[index].text), index + 1

    def alias(self, index: int) -> tuple[str, int]:
        """The name of an alias, and the index behind it."""
        index += self.tokens.word(index) == "@"
        if not self.tokens.is_identifier(index):
            raise self.tokens.unexpected(index, "an alias, a name such as champion")
        name = unquote(self.tokens[index].text)
        if not name or "@" in name or name.isdigit() or fold(name) == "default":
            raise self.tokens.error(
                index, "An alias is a name without @ that is no number, and not the word default."
            )
        return name, index + 1

    def export_model(self, name: ModelName, index: int) -> ExportModel:
        """EXPORT MODEL name TO 'file' [(option …)], or in BigQuery ML's words OPTIONS (uri = 'file')."""
        if self.tokens.word(index) == "options":
            options, index = self.options(index + 1)
            self.tokens.require_end(index)
            return ExportModel(name, options)
        index = self.tokens.require(index, "to", "TO 'file.onnx'")
        if index >= len(self.tokens) or not self.tokens[index].text.startswith("'"):
            raise self.tokens.error(
                index, "Expected the path of a file in single quotes behind TO."
            )
        path: Options = (("uri", self.tokens.span(index, index + 1)),)
        options, index = (
            self.options(index + 1, copy=True)
            if self.tokens.word(index + 1) == "("
            else ((), index + 1)
        )
        self.tokens.require_end(index)
        return ExportModel(name, (*path, *options))

    def options(self, index: int, copy: bool = False) -> tuple[Options, int]:
        """The options in the brackets at `index`, and the index behind them; `copy` writes them as COPY does."""
        self.tokens.require(index, "(", '"(" behind OPTIONS')
        stop = self.tokens.closing(index)
        options: list[tuple[str, Span]] = []
        for first, end in self.tokens.items(index + 1, stop):
            if first == end or not self.tokens.is_identifier(first):
                raise self.tokens.error(first, "Expected an option: name = value.")
            with_sign = self.tokens.word(first + 1) in {"=", ":="}
            value = first + 1 + with_sign
            if not (with_sign or copy) or value >= end:
                raise self.tokens.error(
                    min(first + 1, end),
                    f'Expected "= value" behind the option "{self.tokens[first].text}".',
                )
            name = fold(unquote(self.tokens[first].text))
            if any(name == given for given, _ in options):
                raise self.tokens.error(first, f'The option "{name}" is given twice.')
            options.append((name, self.tokens.span(value, end)))
        return tuple(options), stop + 1

    def drop_model(self) -> DropModel:
        """DROP MODEL [IF EXISTS] name."""
        if_exists = self.tokens.word(2) == "if" and self.tokens.word(3) == "exists"
        name, stop = self.expect_name(4 if if_exists else 2)
        self.tokens.require_end(stop)
        return DropModel(name, if_exists)

    def show_models(self) -> ShowModels:
        """SHOW MODELS [LIKE 'pattern']."""
        if len(self.tokens) == 2:
            return ShowModels(None)
        index = self.tokens.require(2, "like", "LIKE 'pattern' or the end of the statement")
        text = self.tokens[index].text if index < len(self.tokens) else ""
        if not (len(text) > 1 and text[0] == text[-1] == "'"):
            raise self.tokens.error(
                index, "Expected a pattern in single quotes behind LIKE, such as 'house%'."
            )
        self.tokens.require_end(index + 1)
        return ShowModels(text[1:-1].replace("''", "'"))

    # Queries and the calls in them

    def query(self, first: int) -> Query:
        """The tokens from `first` on as a query of DuckDB's with our calls in it."""
        calls = tuple(
            call
            for index in range(first, len(self.tokens))
            if (call := self.call(index)) is not None
        )
        span = Span(self.tokens[first].start if first else self.segment.start, self.segment.end)
        return Query(span, calls, self.unnamed_items(calls), self.made(), self.tying(first, calls))

    def call(self, index: int) -> Call | None:
        """The call whose name stands at `index`, or None when there is none of ours."""
        word = self.tokens.word(index)
        if self.tokens.word(index + 1) != "(":
            return None
        if word not in SQL_FUNCTIONS:
            if (
                self.tokens.word(index - 1) == "."
                and self.tokens.word(index - 2) == "ml"
                and self.tokens.word(index + 2) == "model"
            ):
                raise self.tokens.error(
                    index,
                    f"ML.{word.upper()} is not here: docs/not-here.md says why and what to use.",
                )
            return None
        with_prefix = (
            self.tokens.word(index - 1) == "."
            and self.tokens.word(index - 2) == "ml"
            and self.tokens.word(index - 3) != "."
        )
        start = index - 2 if with_prefix else index
        closing = self.tokens.closing(index + 1)
        if self.is_a_name(start, closing):
            return None
        items = self.tokens.items(index + 2, closing)
        model = self.model_argument(*items[0]) if items else None
        if model is None:
            return None
        name, explicit = model
        in_from = self.in_from(start)
        return Call(
            function=word,
            model=name,
            span=self.tokens.span(start, closing + 1),
            arguments=() if in_from else tuple(self.argument(*item) for item in items[1:]),
            explicit=explicit,
            in_from=in_from,
            table=self.table_argument(word, items[1:]) if in_from else None,
            settings=self.settings(word, items[1:]) if in_from else (),
        )

    def is_a_name(self, start: int, closing: int) -> bool:
        """Whether `predict (…)` is a name of the user's with a list behind it, and no call.

        As in FROM t predict(a), FROM t AS predict(a), WITH predict(a) AS (…), INSERT INTO predict (a).
        """
        before = self.tokens.word(start - 1)
        if before == "." or before in _NAMING:
            return True
        if before == "as":
            return not self.is_body(start - 1)
        if before == "on" and self.made() == "index":
            return True
        if self.tokens.word(closing + 1) == "as" and self.tokens.word(closing + 2) in {
            "(",
            "materialized",
            "not",
        }:
            return True
        previous = self.tokens[start - 1] if start else None
        if previous is None:
            return False
        if previous.text == ")":
            clause = self.clause_before(start)
            return clause is None or not self.is_distinct_on(clause)
        return previous.is_identifier or previous.text.endswith('"')

    def is_body(self, index: int) -> bool:
        """Whether the AS at `index` is the one behind which the body of a macro stands."""
        return self.made() in {"macro", "function"} and not any(
            self.tokens.word(position) == "as"
            for position in range(index)
            if self.clause_before(position) is None
        )

    def made(self) -> str | None:
        """What a CREATE statement makes: 'table', 'view', 'index' …; None in other statements."""
        if self.tokens.word(0) != "create":
            return None
        words = (self.tokens.word(index) for index in range(1, 7))
        return next((word for word in words if word in _KINDS_MADE), None)

    def model_argument(self, first: int, stop: int) -> tuple[ModelName, bool] | None:
        """The model that the first argument names and whether MODEL stands before it, or None."""
        if first >= stop:
            return None
        follows = self.tokens[first + 1] if stop - first > 1 else None
        with_model = (
            self.tokens.word(first) == "model"
            and follows is not None
            and (follows.text.startswith("'") or self.tokens.is_identifier(first + 1))
            and follows.word not in _OPERATOR_WORDS
        )
        found = self.match_name(first + with_model)
        if found is not None and found[1] == stop:
            return found[0], with_model
        if with_model:
            raise self.tokens.error(first + 1, "Expected the name of a model behind MODEL.")
        return None

    def argument(self, first: int, stop: int) -> Argument:
        """The argument of a scalar call between two tokens."""
        if first >= stop:
            raise self.tokens.error(first, "Expected an argument.")
        if self.tokens.word(first) == "table" and stop - first > 1:
            first += 1  # sqlglot writes predict('m', a) as PREDICT(MODEL 'm', TABLE a)
        if self.tokens.word(first + 1) in {":=", "=>"} and self.tokens.is_identifier(first):
            if first + 2 >= stop:
                raise self.tokens.error(
                    first + 2, f"Expected an expression behind {self.tokens[first].text} :=."
                )
            return Argument(
                self.tokens.span(first + 2, stop), name=unquote(self.tokens[first].text)
            )
        value = self.tokens.span(first, stop)
        if self.tokens.word(stop - 1) == "*" and (
            stop - first == 1 or self.tokens.word(stop - 2) == "."
        ):
            qualifier = (
                self.tokens.span(first, stop - 2)
                if stop - first > 2
                else Span(value.start, value.start)
            )
            return Argument(value, star=qualifier)
        is_column = (
            all(
                (self.tokens.word(i) == ".") if (i - first) % 2 else self.tokens.is_identifier(i)
                for i in range(first, stop)
            )
            and (stop - first) % 2 == 1
        )
        return Argument(value, column=unquote(self.tokens[stop - 1].text) if is_column else None)

    def table_argument(self, function: str, items: list[tuple[int, int]]) -> Span | None:
        """The input of a call in FROM: `TABLE t`, a name, a table function, or a query in brackets."""
        if not items or self.is_setting(items[0][0]):
            return None
        first, stop = items[0]
        if len(items) > 2 or (len(items) > 1 and not self.is_setting(items[1][0])):
            raise self.tokens.error(
                items[-1][0],
                f"{function.upper()} takes a model, one table or query, and settings: STRUCT(value AS name).",
            )
        if self.tokens.word(first) == "table" and stop - first > 1:
            first += 1
        wanted = f"In FROM, {function.upper()} takes a table or a query in brackets: {function.upper()}(MODEL m, "
        if first >= stop or not self.is_table(first, stop):
            raise self.tokens.error(min(first, stop), f"{wanted}TABLE t) or (MODEL m, (SELECT …)).")
        return self.tokens.span(first, stop)

    def is_setting(self, index: int) -> bool:
        """Whether an argument is a STRUCT of settings or a list of thresholds."""
        return self.tokens.word(index) in {"[", "{"} or (
            self.tokens.word(index) in {"struct", "generate_series", "range", "list_value"}
            and self.tokens.word(index + 1) == "("
        )

    def settings(self, function: str, items: list[tuple[int, int]]) -> Options:
        """What STRUCT(value AS name, …) behind the input sets; a list is the thresholds of ROC_CURVE."""
        if not items or not self.is_setting(items[-1][0]):
            return ()
        first, stop = items[-1]
        if self.tokens.word(first) == "{":  # as sqlglot writes a STRUCT
            return tuple(
                self.field(function, begin, end)
                for begin, end in self.tokens.items(first + 1, stop - 1)
            )
        if self.tokens.word(first) != "struct":
            return (("thresholds", self.tokens.span(first, stop)),)
        found = []
        for begin, end in self.tokens.items(first + 2, stop - 1):
            if end - begin < 3 or self.tokens.word(end - 2) != "as":
                raise self.tokens.error(
                    begin, f"Expected STRUCT(value AS name) in {function.upper()}."
                )
            found.append(
                (fold(unquote(self.tokens[end - 1].text)), self.tokens.span(begin, end - 2))
            )
        return tuple(found)

    def field(self, function: str, begin: int, end: int) -> tuple[str, Span]:
        """A setting written as a field of a struct: 'name': value."""
        if end - begin < 3 or self.tokens.word(begin + 1) != ":":
            raise self.tokens.error(begin, f"Expected STRUCT(value AS name) in {function.upper()}.")
        return fold(self.tokens[begin].text.strip("'\"")), self.tokens.span(begin + 2, end)

    def is_table(self, first: int, stop: int) -> bool:
        """Whether tokens are a name, a table function, a text, or something in brackets."""
        if self.tokens.word(first) == "(" or self.tokens[first].text.startswith("'"):
            return self.tokens.word(first) != "(" or self.tokens.closing(first) == stop - 1
        if self.tokens.word(first) in {"select", "with", "from", "values"}:
            return True  # a query whose brackets a tool has dropped
        index = first
        while self.tokens.is_identifier(index) and index < stop:
            index += 1
            if self.tokens.word(index) != ".":
                break
            index += 1
        return index == stop or (
            self.tokens.word(index) == "("
            and index > first
            and self.tokens.closing(index) == stop - 1
        )

    def clause_before(self, index: int) -> int | None:
        """The nearest reserved word that opens a clause before `index`, at the same depth; None inside a function."""
        position = self.boundary(index)
        while position is not None and self.tokens.word(position) == ",":
            position = self.boundary(position)
        return (
            None if position is None or self.tokens[position].text in OPENING_BRACKETS else position
        )

    def is_clause(self, index: int) -> bool:
        """Whether the word at `index` opens a clause: not t.from, not IS DISTINCT FROM."""
        word = self.tokens.word(index)
        if word not in _CLAUSES or self.tokens.word(index - 1) == ".":
            return False
        if word == "distinct":
            return self.tokens.word(index - 1) not in {"is", "not"}
        return not (word == "from" and self.tokens.word(index - 1) == "distinct")

    def is_distinct_on(self, index: int) -> bool:
        """Whether the word at `index` is the ON of SELECT DISTINCT ON."""
        return self.tokens.word(index) == "on" and self.tokens.word(index - 1) == "distinct"

    def in_from(self, start: int) -> bool:
        """Whether what starts at a token stands where a table is wanted."""
        before = self.tokens.word(start - 1)
        if before in _JOINS:
            return not (
                before == "from"
                and (self.tokens.word(start - 2) == "distinct" or self.in_function_from(start - 1))
            )
        if before == "using":
            return self.tokens.word(0) in {"merge", "delete"}
        if before == ":":
            return self.in_from(start - 2)  # FROM p: PREDICT(…)
        if before == "(":
            return self.in_from(start - 1)  # FROM (PREDICT(…) JOIN …)
        if before != ",":
            return False
        clause = self.clause_before(start)
        if clause is None or self.is_distinct_on(clause):
            return False
        return self.tokens.word(clause) in {"from", "on", "using"} and not self.in_function_from(
            clause
        )

    def in_function_from(self, index: int) -> bool:
        """Whether the FROM at `index` belongs to a function, as in extract(year FROM d)."""
        depth = 0
        for position in range(index - 1, 0, -1):
            text = self.tokens[position].text
            if text in CLOSING_BRACKETS:
                depth += 1
            elif text in OPENING_BRACKETS:
                depth -= 1
                if depth < 0:
                    return self.tokens.word(position - 1) in _FROM_IN_FUNCTIONS
        return False

    # Names of columns

    def unnamed_items(self, calls: tuple[Call, ...]) -> tuple[UnnamedItem, ...]:
        """The items of SELECT lists that hold a call and have no alias, each with the name that it gets.

        DuckDB would name them after the rewritten text, with every feature in it.
        """
        items: dict[Span, UnnamedItem] = {}
        for call in calls:
            bounds = None if call.in_from else self.select_item(call.span)
            if bounds is None or self.has_own_name(*bounds):
                continue
            span = self.tokens.span(*bounds)
            text = self.tokens.source_text[span.start : span.end].decode()
            whole = text.strip("() ") == self.tokens.source_text[
                call.span.start : call.span.end
            ].decode().strip("() ")
            name = f"{call.function}({call.model})" if whole else " ".join(text.split())
            items.setdefault(span, UnnamedItem(span, name))
        return tuple(items.values())

    def select_item(self, call: Span) -> tuple[int, int] | None:
        """The item of a SELECT list that holds a call, as its first token and the one behind it; None elsewhere."""
        first = next(index for index, token in enumerate(self.tokens) if token.start == call.start)
        while True:
            boundary = self.boundary(first)
            if boundary is None:
                return None
            if self.tokens[boundary].text in OPENING_BRACKETS:
                first = boundary  # out of a function, a list or brackets
                continue
            clause = self.clause_before(boundary) if self.tokens.word(boundary) == "," else boundary
            if clause is not None:
                break
            opening = self.enclosing(boundary)
            if opening is None:
                return None
            first = opening
        begin = (
            self.tokens.closing(boundary + 1) + 1 if self.is_distinct_on(boundary) else boundary + 1
        )
        if self.is_distinct_on(clause):
            clause -= 1
        if self.tokens.word(clause) == "distinct":
            clause -= 1
        begin += self.tokens.word(begin) == "all"
        if self.tokens.word(clause) not in {"select", "returning"} or begin > first:
            return None
        return begin, self.item_end(begin)

    def boundary(self, first: int) -> int | None:
        """The nearest comma, clause or opening bracket before a token, at the same depth; None at the start."""
        depth = 0
        for position in range(first - 1, -1, -1):
            text = self.tokens[position].text
            if text in CLOSING_BRACKETS:
                depth += 1
            elif text in OPENING_BRACKETS:
                if depth == 0:
                    return position
                depth -= 1
            elif depth == 0 and (text == "," or self.is_clause(position)):
                return position
        return None

    def enclosing(self, index: int) -> int | None:
        """The bracket that is open at `index`, or None."""
        boundary: int | None = index
        while boundary is not None and self.tokens[boundary].text not in OPENING_BRACKETS:
            boundary = self.boundary(boundary)
        return boundary

    def item_end(self, first: int) -> int:
        """The index behind the item of a SELECT list that starts at `first`."""
        depth = 0
        for index in range(first, len(self.tokens)):
            text = self.tokens[index].text
            depth += (text in OPENING_BRACKETS) - (text in CLOSING_BRACKETS)
            ends = (
                text == "," or self.tokens.word(index) in {"into", "fetch"} or self.is_clause(index)
            )
            if depth < 0 or (depth == 0 and ends):
                return index
        return len(self.tokens)

    def has_own_name(self, first: int, stop: int) -> bool:
        """Whether an item has an alias, or can't be given one, as a star. In doubt, yes."""
        depth = 0
        for index in range(first, stop):
            text = self.tokens[index].text
            depth += (text in OPENING_BRACKETS) - (text in CLOSING_BRACKETS)
            star = text == "*" and (index == first or self.tokens.word(index - 1) == ".")
            if self.tokens.word(index) == "columns" or (
                depth == 0 and (star or self.tokens.word(index) in {"as", ":"})
            ):
                return True
        if stop - first < 2:
            return False
        last, before = self.tokens[stop - 1], self.tokens[stop - 2]
        can_be_alias = last.word != "end" and (
            self.tokens.is_identifier(stop - 1) or last.text.startswith("'")
        )
        ends_value = (
            before.text in CLOSING_BRACKETS
            or before.is_identifier
            or before.text[0] in "'\"0123456789?$"
        )
        return can_be_alias and (ends_value or before.word == "end")

    def tying(self, first: int, calls: tuple[Call, ...]) -> str | None:
        """What would tie a table to the model of a call (an index, a GENERATED column …), or None."""
        if first or not calls:
            return None
        if self.tokens.word(0) == "alter" and self.tokens.word(1) == "table":
            return "ALTER TABLE"
        made = self.made()
        if made in {"index", "trigger"}:
            return f"{'an' if made == 'index' else 'a'} {made.upper()}"
        opening = next(
            (i for i in range(len(self.tokens)) if self.tokens.word(i) in {"(", "as"}), None
        )
        if made == "table" and opening is not None and self.tokens.word(opening) == "(":
            columns = self.tokens.span(opening, self.tokens.closing(opening) + 1)
            if any(columns.contains(call.span) for call in calls):
                return "the definition of a table (GENERATED, CHECK or DEFAULT)"
        return None
