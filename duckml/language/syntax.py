"""Values for statements, one frozen class for each of the grammar, and for the calls in a query.

Offsets are bytes of the UTF-8 text of the script, as DuckDB's lexer counts them.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import ClassVar


class Result(enum.Enum):
    """The rows that a statement returns."""

    ROW = enum.auto()
    ROWS = enum.auto()
    NOTHING = enum.auto()
    OF_DUCKDB = enum.auto()  # known to DuckDB only


@dataclass(frozen=True)
class Span:
    """A half-open range of bytes."""

    start: int
    end: int

    def contains(self, other: Span) -> bool:
        """Return whether `other` is within this range."""
        return self.start <= other.start and other.end <= self.end


@dataclass(frozen=True)
class ModelName:
    """A model as the user named it: `[database.][schema.]name[@tag]`.

    The tag is a version or an alias.
    """

    parts: tuple[str, ...]
    tag: str | None = None

    @property
    def name(self) -> str:
        """Return the last part: the model's own name."""
        return self.parts[-1]

    def __str__(self) -> str:
        return ".".join(self.parts) + (f"@{self.tag}" if self.tag is not None else "")


@dataclass(frozen=True)
class Argument:
    """One argument of a call after the model.

    `value` is the span of the value alone. `name` is set for `name := value`. `star` is the span of
    the h in `h.*`, an empty one for a bare `*`. `column` is the name in a column reference.
    """

    value: Span
    name: str | None = None
    star: Span | None = None
    column: str | None = None


@dataclass(frozen=True)
class Call:
    """A call of a duckml function in a query.

    `function` is in lower case. `explicit` is True if MODEL precedes the name, so that the call
    can't be of the user's own function. `in_from` is True where a table is expected. Then `table`
    is the span of the rows, if any, and `settings` are those of the STRUCT after it.
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
    """An item of a SELECT list that has no alias, and the name that it gets."""

    span: Span
    name: str


@dataclass(frozen=True)
class Query:
    """A statement of DuckDB with the calls of duckml in it, outermost first.

    `unnamed` are the items of SELECT lists that hold a call and have no alias. `defines` is the
    kind of object that CREATE defines, such as 'view'. `fixed_in` describes the definition, such as
    an index or a GENERATED column, in which DuckDB would fix a call for good.
    """

    result: ClassVar[Result] = Result.OF_DUCKDB
    changes_models: ClassVar[bool] = False
    trains: ClassVar[bool] = False

    span: Span
    calls: tuple[Call, ...] = ()
    unnamed: tuple[UnnamedItem, ...] = ()
    defines: str | None = None
    fixed_in: str | None = None


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
class _Creation(ModelStatement):
    """A statement that stores a version under a name."""

    command_tag: ClassVar[str] = "CREATE MODEL"
    result: ClassVar[Result] = Result.ROW

    name: ModelName
    or_replace: bool
    if_not_exists: bool


@dataclass(frozen=True)
class CreateModel(_Creation):
    """CREATE MODEL: a training query, or the import of an ONNX file if `query` is None.

    `transform` is the span of the list after TRANSFORM.
    """

    trains: ClassVar[bool] = True

    transform: Span | None
    options: Options
    query: Query | None


@dataclass(frozen=True)
class CopyModel(_Creation):
    """CREATE MODEL … FROM MODEL: a version under another name."""

    source: ModelName


@dataclass(frozen=True)
class RetrainModel(ModelStatement):
    """RETRAIN MODEL: the stored query and options again, except for the options given."""

    command_tag: ClassVar[str] = "RETRAIN MODEL"
    result: ClassVar[Result] = Result.ROW
    trains: ClassVar[bool] = True

    name: ModelName
    options: Options


@dataclass(frozen=True)
class DropModel(ModelStatement):
    """DROP MODEL: all versions, or the one that the name's tag means."""

    command_tag: ClassVar[str] = "DROP MODEL"

    name: ModelName
    if_exists: bool


@dataclass(frozen=True)
class _Alteration(ModelStatement):
    """A form of ALTER MODEL [IF EXISTS] name."""

    command_tag: ClassVar[str] = "ALTER MODEL"

    name: ModelName
    if_exists: bool


@dataclass(frozen=True)
class RenameModel(_Alteration):
    """ALTER MODEL … RENAME TO."""

    new_name: ModelName


@dataclass(frozen=True)
class SetOptions(_Alteration):
    """ALTER MODEL … SET OPTIONS: the notes of a version."""

    options: Options


@dataclass(frozen=True)
class SetDefaultVersion(_Alteration):
    """ALTER MODEL … SET DEFAULT VERSION: a number or an alias."""

    tag: str


@dataclass(frozen=True)
class SetAlias(_Alteration):
    """ALTER MODEL … SET ALIAS alias = version, or DROP ALIAS if `tag` is None."""

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
    """SHOW MODELS [LIKE pattern]."""

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
        """Return the user's text of a span."""
        return self.text[span.start : span.end].decode()

    def line(self, span: Span) -> int:
        """Return the number of lines before a span."""
        return self.text.count(b"\n", 0, span.start)

    @property
    def is_plain(self) -> bool:
        """Return whether the script has no statement or call of duckml."""
        return all(
            isinstance(statement, Query) and not statement.calls for statement in self.statements
        )
