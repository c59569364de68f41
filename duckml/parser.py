"""Text → statements. The only file that lexes.

DuckDB's own lexer cuts the text into tokens; what is ours is found among them and kept as byte spans, everything else
is never looked at again. There is no second SQL parser here, on purpose: regenerating a user's SQL changes it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import cast

import duckdb

from duckml.errors import NotYetError, StatementError
from duckml.names import fold, unquote
from duckml.statements import (
    Argument,
    Call,
    CreateModel,
    DescribeModel,
    DropModel,
    Function,
    ModelName,
    Query,
    Script,
    ShowModels,
    Span,
    Statement,
)

# A text without any of these can't hold anything of ours. A substring test costs less than a microsecond, so that
# ordinary SQL pays nothing for duckml.
_WORDS = ("model", "predict", "evaluate", "training_info", "feature_info")

_FUNCTIONS = frozenset({"predict", "model_version", "evaluate", "training_info", "feature_info"})
_LATER_FUNCTIONS = {
    "predict_proba": "PREDICT_PROBA",
    "weights": "WEIGHTS",
    "global_explain": "GLOBAL_EXPLAIN",
    "explain_predict": "EXPLAIN_PREDICT",
    "confusion_matrix": "CONFUSION_MATRIX",
    "roc_curve": "ROC_CURVE",
    "trial_info": "TRIAL_INFO",
    "validate_data_skew": "VALIDATE_DATA_SKEW",
}
_LATER_STATEMENTS = {"alter": "ALTER MODEL", "export": "EXPORT MODEL", "retrain": "RETRAIN MODEL"}

# Where one of these stands before `predict (`, the text names something of the user's.
_NAMING = frozenset({"table", "into", "macro", "function", "view", "exists", "index", "update", "sequence", "type"})
_CLAUSES = frozenset(
    {"select", "from", "where", "group", "order", "having", "qualify", "window", "limit", "offset", "values", "set"}
    | {"on", "using", "returning", "join", "by", "partition", "distinct", "union", "intersect", "except"}
)
_ENDS_ITEM = frozenset(
    {"from", "into", "where", "group", "having", "window", "qualify", "order", "limit", "offset"}
    | {"union", "intersect", "except", "using", "fetch"}
)
_JOINS = frozenset({"from", "join", "lateral"})
_FROM_IN_FUNCTIONS = frozenset({"extract", "trim", "substring", "overlay", "position"})
_OPENING = {"(": ")", "[": "]", "{": "}"}
_CLOSING = frozenset(_OPENING.values())


@dataclass(frozen=True)
class Token:
    """One token and where its bytes lie."""

    start: int
    end: int
    text: str
    word: str


def might_concern_us(sql: str) -> bool:
    """Whether the text holds a word of ours at all; False means that it is DuckDB's alone."""
    lowered = sql.lower()
    return any(word in lowered for word in _WORDS)


def tokenize(text: bytes) -> list[Token]:
    """DuckDB's tokens of a text, without the comments, with their ends and a folded form to compare with."""
    found = duckdb.tokenize(text.decode())
    comment = duckdb.token_type.comment
    tokens = []
    for index, (start, kind) in enumerate(found):
        if kind == comment:
            continue
        stop = found[index + 1][0] if index + 1 < len(found) else len(text)
        word = text[start:stop].decode().rstrip()
        tokens.append(Token(start, start + len(word.encode()), word, fold(word)))
    return tokens


def parse(sql: str) -> Script:
    """The statements of a text.

    Raises StatementError where a statement of ours is misspelt and NotYetError for what later releases bring.
    """
    text = sql.encode()
    parts = _split(tokenize(text))
    statements = tuple(_Parser(text, tokens).statement() for tokens in parts)
    return Script(text, statements, tuple(Span(tokens[0].start, tokens[-1].end) for tokens in parts))


def _split(tokens: list[Token]) -> list[list[Token]]:
    """The tokens of each statement, without the semicolons between them."""
    statements: list[list[Token]] = [[]]
    for token in tokens:
        if token.text == ";":
            statements.append([])
        else:
            statements[-1].append(token)
    return [statement for statement in statements if statement]


def model_name(text: str) -> ModelName:
    """The model that a text such as 'schema.name@3' names.

    Raises StatementError when it isn't a name.
    """
    tokens = tokenize(text.encode())
    parser = _Parser(text.encode(), tokens)
    found = parser.match_name(0)
    if found is None or found[1] != len(tokens):
        # In a text a name needs no quotes for its spaces: 'my schema.my model@2'.
        if plain := re.fullmatch(r"([^\"@.]+(?:\.[^\"@.]+){0,2})(?:@(\w+))?", text):
            return ModelName(tuple(plain[1].split(".")), plain[2])
        raise StatementError(f"'{text}' is not a model's name. Write name, schema.name or name@version.")
    return found[0]


class _Parser:
    """The tokens of one statement and the means to read them."""

    def __init__(self, text: bytes, tokens: list[Token]) -> None:
        self.text = text
        self.tokens = tokens

    # Reading tokens

    def word(self, index: int) -> str:
        """The folded text of a token, '' outside the statement."""
        return self.tokens[index].word if 0 <= index < len(self.tokens) else ""

    def span(self, first: int, stop: int) -> Span:
        """The bytes from token `first` up to, not including, token `stop`."""
        return Span(self.tokens[first].start, self.tokens[stop - 1].end)

    def fail(self, index: int, message: str) -> StatementError:
        """An error that points at a token, or at the end of the statement."""
        offset = self.tokens[index].start if index < len(self.tokens) else self.tokens[-1].end
        return StatementError.at(self.text.decode(), offset, message)

    def expect(self, index: int, word: str, wanted: str) -> int:
        """The index behind `word`, which must stand at `index`."""
        if self.word(index) != word:
            found = f'"{self.tokens[index].text}"' if index < len(self.tokens) else "the end of the statement"
            raise self.fail(index, f"Expected {wanted}, found {found}.")
        return index + 1

    def closing(self, opening: int) -> int:
        """The index of the bracket that closes the one at `opening`; an error when there is none."""
        depth = 0
        for index in range(opening, len(self.tokens)):
            if self.tokens[index].text in _OPENING:
                depth += 1
            elif self.tokens[index].text in _CLOSING:
                depth -= 1
                if depth == 0:
                    return index
        raise self.fail(opening, "This bracket is never closed.")

    def items(self, first: int, stop: int) -> list[tuple[int, int]]:
        """The comma-separated items between two tokens, as pairs of indexes."""
        items = []
        depth, start = 0, first
        for index in range(first, stop):
            text = self.tokens[index].text
            if text in _OPENING:
                depth += 1
            elif text in _CLOSING:
                depth -= 1
            elif text == "," and depth == 0:
                items.append((start, index))
                start = index + 1
        if start < stop or items:
            items.append((start, stop))
        return items

    def is_identifier(self, index: int) -> bool:
        """Whether a token can be a name: a quoted identifier or a word."""
        text = self.tokens[index].text if index < len(self.tokens) else ""
        return bool(text) and (text[0] == '"' or text[0] == "_" or text[0].isalpha() or ord(text[0]) > 127)

    def match_name(self, index: int) -> tuple[ModelName, int] | None:
        """A model's name at `index` and the index behind it, or None when there is no name."""
        token = self.tokens[index] if index < len(self.tokens) else None
        if token is None:
            return None
        if token.text.startswith("'") and token.text.endswith("'") and len(token.text) > 1:
            return model_name(token.text[1:-1].replace("''", "'")), index + 1
        parts: list[str] = []
        while self.is_identifier(index) and len(parts) < 3:
            parts.append(unquote(self.tokens[index].text))
            index += 1
            if self.word(index) != ".":
                break
            index += 1
        if not parts or self.word(index - 1) == ".":
            return None
        version = None
        if self.word(index) == "@" and index + 1 < len(self.tokens):
            version = unquote(self.tokens[index + 1].text)
            index += 2
        return ModelName(tuple(parts), version), index

    def expect_name(self, index: int, what: str = "the name of a model") -> tuple[ModelName, int]:
        """A model's name at `index`; an error when there is none."""
        found = self.match_name(index)
        if found is None:
            self.expect(index, "\0", what)
        assert found is not None
        return found

    def expect_end(self, index: int) -> None:
        """An error unless the statement ends at `index`."""
        if index < len(self.tokens):
            raise self.fail(index, f'Expected the end of the statement, found "{self.tokens[index].text}".')

    # Statements

    def statement(self) -> Statement:
        """The statement that these tokens are."""
        first, second = self.word(0), self.word(1)
        if first == "create" and (
            second == "model" or (second, self.word(2), self.word(3)) == ("or", "replace", "model")
        ):
            return self.create_model()
        if first == "create" and second in {"temp", "temporary"} and self.word(2) == "model":
            raise self.fail(1, "A model is stored in a database file; there are no temporary ones. Write CREATE MODEL.")
        if second == "model" and self.is_identifier(2) | self.word(2).startswith("'"):
            if first == "drop":
                return self.drop_model()
            if first in {"describe", "desc"}:
                name, stop = self.expect_name(2)
                self.expect_end(stop)
                return DescribeModel(name)
            if first in _LATER_STATEMENTS:
                raise NotYetError.of(_LATER_STATEMENTS[first])
        if first == "drop" and second == "model":
            raise self.fail(2, "Expected the name of a model.")
        if first == "show" and second == "models":
            return self.show_models()
        if first == "explain" and "model" in (self.word(2), self.word(4)) and self.word(1) == "create":
            raise self.fail(0, "CREATE MODEL has no plan to explain. EXPLAIN its query instead.")
        return self.query(0)

    def create_model(self) -> CreateModel:
        """CREATE [OR REPLACE] MODEL [IF NOT EXISTS] name [TRANSFORM (…)] [OPTIONS (…)] AS query."""
        or_replace = self.word(1) == "or"
        index = 4 if or_replace else 2
        if_not_exists = self.word(index) == "if"
        if if_not_exists:
            index = self.expect(index + 1, "not", "NOT EXISTS")
            index = self.expect(index, "exists", "EXISTS")
        if or_replace and if_not_exists:
            raise self.fail(index - 1, "OR REPLACE and IF NOT EXISTS contradict each other: choose one.")
        name, index = self.expect_name(index)
        if name.version is not None:
            raise self.fail(index - 1, "Versions are numbered by CREATE MODEL itself: leave out the @.")
        options: tuple[tuple[str, Span], ...] = ()
        if self.word(index) == "transform":
            raise NotYetError.of("TRANSFORM", "Compute the columns in the query behind AS.")
        if self.word(index) == "options":
            options, index = self.options(index + 1)
        if self.word(index) == "from" and self.word(index + 1) == "model":
            raise NotYetError.of("CREATE MODEL … FROM MODEL")
        if index >= len(self.tokens) and any(option == "model_path" for option, _ in options):
            raise NotYetError.of("Importing an ONNX file (model_type = 'onnx')")
        if self.word(index) == "transform":
            raise NotYetError.of("TRANSFORM", "Compute the columns in the query behind AS.")
        index = self.expect(index, "as", "OPTIONS (…) or AS and a query")
        if index >= len(self.tokens):
            raise self.fail(index, "Expected the training query behind AS.")
        return CreateModel(name, or_replace, if_not_exists, options, self.query(index))

    def options(self, index: int) -> tuple[tuple[tuple[str, Span], ...], int]:
        """The options in the brackets at `index`, and the index behind them."""
        self.expect(index, "(", '"(" behind OPTIONS')
        stop = self.closing(index)
        options: list[tuple[str, Span]] = []
        for first, end in self.items(index + 1, stop):
            if first == end or not self.is_identifier(first):
                raise self.fail(first, "Expected an option: name = value.")
            if self.word(first + 1) not in {"=", ":="} or first + 2 >= end:
                raise self.fail(
                    min(first + 1, end), f'Expected "= value" behind the option "{self.tokens[first].text}".'
                )
            name = fold(unquote(self.tokens[first].text))
            if any(name == given for given, _ in options):
                raise self.fail(first, f'The option "{name}" is given twice.')
            options.append((name, self.span(first + 2, end)))
        return tuple(options), stop + 1

    def drop_model(self) -> DropModel:
        """DROP MODEL [IF EXISTS] name."""
        if_exists = self.word(2) == "if" and self.word(3) == "exists"
        name, stop = self.expect_name(4 if if_exists else 2)
        self.expect_end(stop)
        return DropModel(name, if_exists)

    def show_models(self) -> ShowModels:
        """SHOW MODELS [LIKE 'pattern']."""
        if len(self.tokens) == 2:
            return ShowModels(None)
        index = self.expect(2, "like", "LIKE 'pattern' or the end of the statement")
        text = self.tokens[index].text if index < len(self.tokens) else ""
        if not (len(text) > 1 and text[0] == text[-1] == "'"):
            raise self.fail(index, "Expected a pattern in single quotes behind LIKE, such as 'house%'.")
        self.expect_end(index + 1)
        return ShowModels(text[1:-1].replace("''", "'"))

    # Queries and the calls in them

    def query(self, first: int) -> Query:
        """The tokens from `first` on as a query of DuckDB's with our calls in it."""
        calls = tuple(call for index in range(first, len(self.tokens)) if (call := self.call(index)) is not None)
        return Query(self.span(first, len(self.tokens)), calls, self.tying(first, calls))

    def call(self, index: int) -> Call | None:
        """The call whose name stands at `index`, or None when there is none of ours."""
        word = self.word(index)
        if (word not in _FUNCTIONS and word not in _LATER_FUNCTIONS) or self.word(index + 1) != "(":
            return None
        start = index
        with_prefix = self.word(index - 1) == "." and self.word(index - 2) == "ml" and self.word(index - 3) != "."
        if with_prefix:
            start = index - 2
        elif self.word(index - 1) == "." or self.word(index - 1) in _NAMING:
            return None
        closing = self.closing(index + 1)
        if not with_prefix and self.is_alias(index, closing):
            return None
        items = self.items(index + 2, closing)
        if not items:
            return None
        model = self.model_argument(*items[0])
        if model is None:
            return None
        name, with_model = model
        explicit = with_prefix or with_model
        if word in _LATER_FUNCTIONS:
            if explicit:
                raise NotYetError.of(_LATER_FUNCTIONS[word])
            return None
        in_from = self.in_from(start)
        table = self.table_argument(items[1:]) if in_from else None
        arguments = () if in_from else tuple(self.argument(*item) for item in items[1:])
        return Call(
            function=cast(Function, word),
            model=name,
            span=self.span(start, closing + 1),
            arguments=arguments,
            explicit=explicit,
            in_from=in_from,
            table=table,
            lone=not in_from and self.is_lone_item(start, closing),
        )

    def is_alias(self, index: int, closing: int) -> bool:
        """Whether `predict (…)` is a name with a column list: FROM t AS predict(a), WITH predict(a) AS (…)."""
        if self.word(index - 1) == "as":
            return self.word(0) != "create"
        is_cte = self.word(closing + 1) == "as" and self.word(closing + 2) in {"(", "materialized", "not"}
        return is_cte or self.word(index - 1) in {"with", "recursive"}

    def model_argument(self, first: int, stop: int) -> tuple[ModelName, bool] | None:
        """The model that the first argument names and whether MODEL stands before it, or None."""
        if first >= stop:
            return None
        with_model = self.word(first) == "model" and stop - first > 1 and self.word(first + 1) not in {".", "@"}
        found = self.match_name(first + with_model)
        if found is not None and found[1] == stop:
            return found[0], with_model
        if with_model:
            raise self.fail(first + 1, "Expected the name of a model behind MODEL.")
        return None

    def argument(self, first: int, stop: int) -> Argument:
        """The argument of a scalar call between two tokens."""
        if first >= stop:
            raise self.fail(first, "Expected an argument.")
        if self.word(first + 1) == ":=" and self.is_identifier(first):
            if first + 2 >= stop:
                raise self.fail(first + 2, f"Expected an expression behind {self.tokens[first].text} :=.")
            return Argument(self.span(first + 2, stop), name=unquote(self.tokens[first].text))
        if self.word(first) == "table" and stop - first > 1:
            first += 1  # sqlglot writes predict('m', a) as PREDICT(MODEL 'm', TABLE a)
        value = self.span(first, stop)
        if self.word(stop - 1) == "*" and (stop - first == 1 or self.word(stop - 2) == "."):
            qualifier = self.span(first, stop - 2) if stop - first > 2 else Span(value.start, value.start)
            return Argument(value, star=qualifier)
        is_column = (
            all((self.word(i) == ".") if (i - first) % 2 else self.is_identifier(i) for i in range(first, stop))
            and (stop - first) % 2 == 1
        )
        return Argument(value, column=unquote(self.tokens[stop - 1].text) if is_column else None)

    def table_argument(self, items: list[tuple[int, int]]) -> Span | None:
        """The input of a call in FROM: `TABLE t`, a name, or a query in brackets."""
        if not items:
            return None
        first, stop = items[0]
        if len(items) > 1:
            raise NotYetError.of("A STRUCT of settings behind the input")
        if first >= stop:
            raise self.fail(first, "Expected TABLE t or a query in brackets.")
        if self.word(first) == "table" and stop - first > 1:
            first += 1
        if self.word(first) in {"select", "from", "with", "values"}:
            raise self.fail(first, "A query as the input stands in brackets of its own: PREDICT(MODEL m, (SELECT …)).")
        if self.word(first) == ":=" or self.word(first + 1) == ":=":
            raise self.fail(first, "In FROM, PREDICT takes a table or a query: PREDICT(MODEL m, TABLE t).")
        return self.span(first, stop)

    def clause_before(self, index: int) -> int | None:
        """The nearest keyword that opens a clause before `index`, at the same depth; None inside a function."""
        depth = 0
        for position in range(index - 1, -1, -1):
            text = self.tokens[position].text
            if text in _CLOSING:
                depth += 1
            elif text in _OPENING:
                depth -= 1
                if depth < 0:
                    return None
            elif depth == 0 and self.word(position) in _CLAUSES:
                return position
        return None

    def in_from(self, start: int) -> bool:
        """Whether the call that starts at a token stands where a table is wanted."""
        before = self.word(start - 1)
        if before in _JOINS:
            return not (before == "from" and (self.word(start - 2) == "distinct" or self.in_function_from(start - 1)))
        if before != ",":
            return False
        clause = self.clause_before(start)
        return clause is not None and self.word(clause) in {"from", "join", "on", "using"}

    def in_function_from(self, index: int) -> bool:
        """Whether the FROM at `index` belongs to a function, as in extract(year FROM d)."""
        depth = 0
        for position in range(index - 1, 0, -1):
            text = self.tokens[position].text
            if text in _CLOSING:
                depth += 1
            elif text in _OPENING:
                depth -= 1
                if depth < 0:
                    return self.word(position - 1) in _FROM_IN_FUNCTIONS
        return False

    def is_lone_item(self, start: int, closing: int) -> bool:
        """Whether tokens `start` to `closing` are a whole item of a SELECT list, without an alias."""
        after = self.word(closing + 1)
        if not (after in {"", ",", ")"} or after in _ENDS_ITEM):
            return False
        before = self.word(start - 1)
        if before not in {"select", "distinct", "all", "returning", ",", ")"}:
            return False
        clause = self.clause_before(start)
        if clause is None:
            return False
        if self.word(clause) == "on" and self.word(clause - 1) == "distinct":
            clause -= 2  # SELECT DISTINCT ON (a) PREDICT(m)
        elif before == ")":
            return False
        elif self.word(clause) == "distinct":
            clause -= 1
        return self.word(clause) in {"select", "returning"}

    def tying(self, first: int, calls: tuple[Call, ...]) -> str | None:
        """What would tie a table to the model of a call (an index, a GENERATED column …), or None."""
        words = [self.word(index) for index in range(first, min(first + 6, len(self.tokens)))]
        if not calls or words[0] not in {"create", "alter"} or "macro" in words or "function" in words:
            return None
        if words[0] == "alter":
            return "ALTER TABLE" if "table" in words else None
        if "index" in words:
            return "an INDEX"
        if "trigger" in words:
            return "a TRIGGER"
        opening = next((i for i in range(first, len(self.tokens)) if self.word(i) in {"(", "as"}), None)
        if "table" in words and opening is not None and self.word(opening) == "(":
            columns = self.span(opening, self.closing(opening) + 1)
            if any(columns.contains(call.span) for call in calls):
                return "the definition of a table (GENERATED, CHECK or DEFAULT)"
        return None
