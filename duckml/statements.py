"""What the user asked, as values: one frozen class per statement of the grammar, without behaviour.

Offsets are byte offsets into the UTF-8 text of the script, as DuckDB's lexer counts them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from duckml.names import literal, qualified
from duckml.signature import Signature

Function = Literal["predict", "model_version", "evaluate", "training_info", "feature_info"]


@dataclass(frozen=True)
class Span:
    """A half-open range of bytes."""

    start: int
    end: int

    def contains(self, other: Span) -> bool:
        """Whether `other` lies within this range."""
        return self.start <= other.start and other.end <= self.end


@dataclass(frozen=True)
class ModelName:
    """A model as the user named it: `[database.][schema.]name[@version]`."""

    parts: tuple[str, ...]
    version: str | None = None

    @property
    def name(self) -> str:
        """The last part: the model's own name."""
        return self.parts[-1]

    def __str__(self) -> str:
        return ".".join(self.parts) + (f"@{self.version}" if self.version is not None else "")


@dataclass(frozen=True)
class Argument:
    """One argument of a call behind the model.

    `name` is set for `name := value`; `star` holds the qualifier of `h.*` ('' for a bare `*`); `column` holds the name
    when the value is nothing but a column reference. `value` is the span of the value alone.
    """

    value: Span
    name: str | None = None
    star: Span | None = None
    column: str | None = None


@dataclass(frozen=True)
class Call:
    """A duckml function in a query: which one, of which model, with what.

    `explicit` says that the text can't mean a function of the user's own (MODEL or ML. stands in it). `in_from` says
    that it stands where a table is wanted; then `table` is the span of its input, if it has one. `lone` says that it is
    a whole item of a SELECT list without an alias.
    """

    function: Function
    model: ModelName
    span: Span
    arguments: tuple[Argument, ...]
    explicit: bool
    in_from: bool
    table: Span | None
    lone: bool


@dataclass(frozen=True)
class Query:
    """A statement that is DuckDB's, with the calls in it that are ours, outermost first.

    `tying` names what would tie the user's table to a model, where a call stands in such a thing: an index, a GENERATED
    column and the like.
    """

    span: Span
    calls: tuple[Call, ...] = ()
    tying: str | None = None


@dataclass(frozen=True)
class CreateModel:
    """CREATE MODEL: `options` are (name, span of the value), `query` the training query."""

    name: ModelName
    or_replace: bool
    if_not_exists: bool
    options: tuple[tuple[str, Span], ...]
    query: Query


@dataclass(frozen=True)
class DropModel:
    """DROP MODEL: all versions, or the one that the name carries."""

    name: ModelName
    if_exists: bool


@dataclass(frozen=True)
class ShowModels:
    """SHOW MODELS, with a LIKE pattern or all."""

    pattern: str | None


@dataclass(frozen=True)
class DescribeModel:
    """DESCRIBE MODEL."""

    name: ModelName


Statement = Query | CreateModel | DropModel | ShowModels | DescribeModel


@dataclass(frozen=True)
class Script:
    """The statements of one text in order, and the span of each."""

    text: bytes
    statements: tuple[Statement, ...]
    spans: tuple[Span, ...]

    def placed(self, span: Span) -> str:
        """The text of a span, on the line that it has in the script, so that DuckDB's errors name the right one."""
        return "\n" * self.text[: span.start].count(b"\n") + self.text[span.start : span.end].decode()

    @property
    def is_plain(self) -> bool:
        """Whether nothing in it is duckml's, so that the text may go to DuckDB as it is."""
        return all(isinstance(statement, Query) and not statement.calls for statement in self.statements)


@dataclass(frozen=True)
class Resolved:
    """The model that a call means: where it lives, under which names, and what it takes.

    `version` is None where the default version is meant, whichever that is when the statement runs; `key` is the
    artifact that it has now.
    """

    database: str
    schema: str
    name: str
    version: int | None
    signature: Signature
    key: str

    @property
    def function(self) -> str:
        """The macro that predicts, as SQL."""
        return qualified(self.database, self.schema, predict_macro(self.name, self.version))


def prediction_call(key: str, values: Iterable[str]) -> str:
    """The call of the one function that every prediction comes from, as SQL: the model's key, then its features."""
    return f"system.main.duckml_predict_double({literal(key)}, {', '.join(values)})"


def predict_macro(model: str, version: int | None = None) -> str:
    """The name of the macro that predicts with a model: of the default version, or of a given one."""
    return f"predict_{model}" if version is None else f"predict_{model}@{version}"


def version_macro(model: str) -> str:
    """The name of the macro that answers the default version of a model."""
    return f"model_version_{model}"
