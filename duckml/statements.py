"""What the user asked, as values: one frozen class per statement of the grammar, without behaviour.

Offsets are byte offsets into the UTF-8 text of the script, as DuckDB's lexer counts them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from duckml.names import literal, qualified
from duckml.signature import Signature

# The one function of the engine that predicts; the macros of all models call it.
PREDICT_FUNCTION = "duckml_predict_double"

# Functions of the grammar that a later release brings.
LATER_FUNCTIONS = frozenset(
    {"predict_proba", "weights", "global_explain", "explain_predict", "confusion_matrix", "roc_curve", "trial_info"}
    | {"validate_data_skew"}
)


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

    `name` is set for `name := value`; `star` is the span of the h in `h.*`, an empty one for a bare `*`;
    `column` holds the name when the value is nothing but a column reference. `value` is the span of the value alone.
    """

    value: Span
    name: str | None = None
    star: Span | None = None
    column: str | None = None


@dataclass(frozen=True)
class Call:
    """A duckml function in a query: which one (in lower case), of which model, with what.

    `explicit` says that the text can't mean a function of the user's own, because MODEL stands in it. `in_from` says
    that it stands where a table is wanted; then `table` is the span of its input, if it has one.
    """

    function: str
    model: ModelName
    span: Span
    arguments: tuple[Argument, ...]
    explicit: bool
    in_from: bool
    table: Span | None


@dataclass(frozen=True)
class Item:
    """An item of a SELECT list without an alias, and the name that it gets."""

    span: Span
    name: str


@dataclass(frozen=True)
class Query:
    """A statement that is DuckDB's, with the calls in it that are ours, outermost first.

    `unnamed` are the items of SELECT lists that hold a call and have no alias. `made` is what a CREATE makes. `tying`
    names what would tie the user's table to a model, where a call stands in such a thing: an index, a GENERATED column
    and the like.
    """

    span: Span
    calls: tuple[Call, ...] = ()
    unnamed: tuple[Item, ...] = ()
    made: str | None = None
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

    def source(self, span: Span) -> str:
        """The user's own text of a span."""
        return self.text[span.start : span.end].decode()

    def line(self, span: Span) -> int:
        """The number of lines before a span."""
        return self.text.count(b"\n", 0, span.start)

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

    def function(self, macro: str, within_database: bool = False) -> str:
        """A macro of the model as SQL; `within_database` leaves out the database, for use inside a macro of it."""
        return qualified(*([] if within_database else [self.database]), self.schema, macro)


def prediction_call(key: str, values: Iterable[str]) -> str:
    """The call of the one function that every prediction comes from, as SQL: the model's key, then its features."""
    return f"system.main.{PREDICT_FUNCTION}({literal(key)}, {', '.join(values)})"


def with_prediction(alias: str, prediction: str, output: str, source: str) -> str:
    """A SELECT of all columns of `source`, which goes by `alias`, and then the prediction as `output`.

    The condition is a constant for the binder, and an error when the input has a column of that name: DuckDB alone
    knows the columns, of a CTE too, and would silently rename the second of two equal ones.
    """
    return (
        f"SELECT {alias}.*, {prediction} AS {output} FROM {source} "
        f"WHERE typeof(struct_insert({alias}, {output} := 0)) IS NOT NULL"
    )


def predict_macro(model: str, version: int | None = None) -> str:
    """The name of the macro that predicts with a model: of the default version, or of a given one."""
    return f"predict_{model}" if version is None else f"predict_{model}@{version}"


def version_macro(model: str) -> str:
    """The name of the macro that answers the default version of a model."""
    return f"model_version_{model}"
