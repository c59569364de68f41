"""What the user asked, as values: one frozen class per statement of the grammar, without behaviour.

Offsets are byte offsets into the UTF-8 text of the script, as DuckDB's lexer counts them.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import ClassVar

from duckml.features.signature import Signature
from duckml.names import qualified


class Result(enum.Enum):
    """The rows that a statement returns."""

    ROW = enum.auto()
    ROWS = enum.auto()
    NOTHING = enum.auto()
    OF_DUCKDB = enum.auto()  # a query's own


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
    """A model as the user named it: `[database.][schema.]name[@tag]`; the tag is a version or an alias."""

    parts: tuple[str, ...]
    tag: str | None = None

    @property
    def name(self) -> str:
        """The last part: the model's own name."""
        return self.parts[-1]

    def __str__(self) -> str:
        return ".".join(self.parts) + (f"@{self.tag}" if self.tag is not None else "")


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
    settings: tuple[tuple[str, Span], ...] = ()


@dataclass(frozen=True)
class UnnamedItem:
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

    result: ClassVar[Result] = Result.OF_DUCKDB
    changes_models: ClassVar[bool] = False
    trains: ClassVar[bool] = False

    span: Span
    calls: tuple[Call, ...] = ()
    unnamed: tuple[UnnamedItem, ...] = ()
    made: str | None = None
    tying: str | None = None


Options = tuple[tuple[str, Span], ...]  # names in lower case, each with the span of its value


class ModelStatement:
    """A statement about models; its subclasses override these attributes.

    `command_tag` is the name of the statement in PostgreSQL's protocol. `changes_models` is True
    if the statement stores, changes or removes a version, `trains` if it fits one.
    """

    command_tag: ClassVar[str]
    result: ClassVar[Result] = Result.NOTHING
    changes_models: ClassVar[bool] = True
    trains: ClassVar[bool] = False


@dataclass(frozen=True)
class CreateModel(ModelStatement):
    """CREATE MODEL: `transform` is the span of the list behind TRANSFORM, `query` the training query.

    Without a query it imports an ONNX file.
    """

    command_tag: ClassVar[str] = "CREATE MODEL"
    result: ClassVar[Result] = Result.ROW
    trains: ClassVar[bool] = True

    name: ModelName
    or_replace: bool
    if_not_exists: bool
    transform: Span | None
    options: Options
    query: Query | None


@dataclass(frozen=True)
class CopyModel(ModelStatement):
    """CREATE MODEL … FROM MODEL: a version under another name."""

    command_tag: ClassVar[str] = "CREATE MODEL"
    result: ClassVar[Result] = Result.ROW

    name: ModelName
    or_replace: bool
    if_not_exists: bool
    source: ModelName


@dataclass(frozen=True)
class RetrainModel(ModelStatement):
    """RETRAIN MODEL: the stored query again, with the stored options but for these."""

    command_tag: ClassVar[str] = "RETRAIN MODEL"
    result: ClassVar[Result] = Result.ROW
    trains: ClassVar[bool] = True

    name: ModelName
    options: Options


@dataclass(frozen=True)
class DropModel(ModelStatement):
    """DROP MODEL: all versions, or the one that the name carries."""

    command_tag: ClassVar[str] = "DROP MODEL"

    name: ModelName
    if_exists: bool


@dataclass(frozen=True)
class RenameModel(ModelStatement):
    """ALTER MODEL … RENAME TO."""

    command_tag: ClassVar[str] = "ALTER MODEL"

    name: ModelName
    if_exists: bool
    new_name: ModelName


@dataclass(frozen=True)
class SetOptions(ModelStatement):
    """ALTER MODEL … SET OPTIONS: what is written on a version."""

    command_tag: ClassVar[str] = "ALTER MODEL"

    name: ModelName
    if_exists: bool
    options: Options


@dataclass(frozen=True)
class SetDefaultVersion(ModelStatement):
    """ALTER MODEL … SET DEFAULT VERSION: a number or an alias."""

    command_tag: ClassVar[str] = "ALTER MODEL"

    name: ModelName
    if_exists: bool
    tag: str


@dataclass(frozen=True)
class SetAlias(ModelStatement):
    """ALTER MODEL … SET ALIAS alias = version, or with None DROP ALIAS."""

    command_tag: ClassVar[str] = "ALTER MODEL"

    name: ModelName
    if_exists: bool
    alias: str
    tag: str | None


@dataclass(frozen=True)
class ExportModel(ModelStatement):
    """EXPORT MODEL … TO 'file'."""

    command_tag: ClassVar[str] = "EXPORT MODEL"
    changes_models: ClassVar[bool] = False

    name: ModelName
    options: Options


@dataclass(frozen=True)
class ShowModels(ModelStatement):
    """SHOW MODELS, with a LIKE pattern or all."""

    command_tag: ClassVar[str] = "SHOW MODELS"
    result: ClassVar[Result] = Result.ROWS
    changes_models: ClassVar[bool] = False

    pattern: str | None


@dataclass(frozen=True)
class DescribeModel(ModelStatement):
    """DESCRIBE MODEL."""

    command_tag: ClassVar[str] = "DESCRIBE MODEL"
    result: ClassVar[Result] = Result.ROWS
    changes_models: ClassVar[bool] = False

    name: ModelName


AlterModel = RenameModel | SetOptions | SetDefaultVersion | SetAlias
Statement = (
    Query
    | CreateModel
    | CopyModel
    | RetrainModel
    | DropModel
    | AlterModel
    | ExportModel
    | ShowModels
    | DescribeModel
)


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
        return all(
            isinstance(statement, Query) and not statement.calls for statement in self.statements
        )


@dataclass(frozen=True)
class Resolved:
    """The model that a call means: where it lives, under which names, and what it takes.

    `tag` is the version or alias that the call names, None where the default version is meant, whichever that is when
    the statement runs; `version` and `key` are the version and the artifact that it means now. `registry_format` is
    that of the database.
    """

    database: str
    schema: str
    name: str
    tag: str | None
    version: int
    signature: Signature
    key: str
    registry_format: int

    def function(self, macro: str, within_database: bool = False) -> str:
        """A macro of the model as SQL; `within_database` leaves out the database, for use inside a macro of it."""
        return qualified(*([] if within_database else [self.database]), self.schema, macro)
