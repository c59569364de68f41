"""The training query before it runs: the names, types and roles of its columns.

Everything that can be refused without the rows is refused here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import FrameType

import duckdb

from duckml.database import binding
from duckml.database.binding import Column
from duckml.database.sessions import Native
from duckml.errors import OptionError, StatementError, TrainingDataError
from duckml.features.column_types import is_number, type_family
from duckml.features.roles import Roles, infer_signature, resolve_column
from duckml.features.signature import Signature
from duckml.names import listed, quote
from duckml.options.training_options import TrainingOptions
from duckml.training.request import Request
from duckml.training.transform.items import read_transform
from duckml.training.transform.plan import TransformPlan

# The column with the predictions of the current default version, for make_default = 'if_better'.
BEFORE = "__duckml_before"

_NO_CLASS = frozenset({"LIST", "STRUCT", "MAP", "BLOB"})


@dataclass(frozen=True)
class TrainingQuery:
    """A training query with the TRANSFORM in it, and its columns."""

    sql: str
    columns: Sequence[Column]
    roles: Roles
    signature: Signature
    options: TrainingOptions
    plan: TransformPlan | None

    @property
    def types(self) -> dict[str, str]:
        """Return the type of each column."""
        return {column.name: column.sql_type for column in self.columns}

    @property
    def is_classification(self) -> bool:
        """Return whether the target is a class."""
        if self.options.is_own:
            from sklearn.base import is_classifier

            return bool(is_classifier(self.options.own_estimator))
        return self.options.estimator is not None and self.options.estimator.classes

    def select_list(self) -> str:
        """Return the expressions that give each column the type that the training reads."""
        features = {feature.name: feature for feature in self.signature.features}
        items = []
        for column in self.columns:
            reference = quote(column.name)
            feature = features.get(column.name)
            if feature is not None:
                value = feature.stored_as(f"CAST({reference} AS {feature.sql_type})")
            else:
                value = self._value(reference, column)
            items.append(f"{value} AS {reference}")
        return ", ".join(items)

    def _value(self, reference: str, column: Column) -> str:
        """Return a column that is no feature as SQL."""
        is_sequential = self.options.data_split_method == "seq"
        if column.name == self.roles.split and is_sequential:
            return _sortable(reference, column.sql_type)
        is_target = column.name in {self.roles.target, BEFORE}
        is_class = is_target and self.is_classification
        return f"CAST({reference} AS {'VARCHAR' if is_class else 'DOUBLE'})"


def _sortable(reference: str, sql_type: str) -> str:
    """Return a column to order by, as a DOUBLE in SQL."""
    family = type_family(sql_type)
    if family == "DATE" or family.startswith("TIMESTAMP"):
        return f"epoch({reference})"
    if not is_number(sql_type):
        raise OptionError(
            f"data_split_col {reference} is {sql_type}; "
            "a sequential split needs a number or a date."
        )
    return f"CAST({reference} AS DOUBLE)"


def training_columns(con: Native, sql: str, request: Request, frame: FrameType) -> list[Column]:
    """Return the columns of a training query, without running it.

    Raises OptionError if two of them have the same name.
    """
    columns = binding.query_columns(con, sql, request.rows.parameters, frame)
    repeated = binding.repeated_names(con, sql, columns)
    if repeated:
        raise OptionError(
            f"The training query returns {listed(repeated)} more than once: give each its own name."
        )
    return columns


def check_query(
    con: Native,
    sql: str,
    columns: Sequence[Column],
    has_before: bool,
    request: Request,
    frame: FrameType,
) -> TrainingQuery:
    """Check a training query, and return it with its TRANSFORM and the roles of its columns.

    `columns` are those of `sql`; `has_before` states that `BEFORE` was added to them. Raises
    OptionError, TrainingDataError and StatementError.
    """
    plan = None
    if request.transform is not None:
        visible = [column for column in columns if column.name != BEFORE]
        plan = read_transform(con, request.transform, visible)
        sql = _transformed(plan, sql, columns, has_before, request.options)
        columns = _transformed_columns(con, sql, request, frame)
        plan.require_plain(_named_columns(request.options))
    types = {column.name: column.sql_type for column in columns}
    roles, options = _roles(request.options, types, has_before)
    signature = infer_signature([*types], [*types.values()], roles)
    query = TrainingQuery(sql, columns, roles, signature, options, plan)
    _check_types(query)
    return query


def _named_columns(options: TrainingOptions) -> list[str]:
    names = (options.target, *options.categorical)
    return [name for name in names if name is not None]


def _transformed(
    plan: TransformPlan,
    sql: str,
    columns: Sequence[Column],
    has_before: bool,
    options: TrainingOptions,
) -> str:
    """Return the training query with the items of TRANSFORM computed.

    Columns that an option names pass through if no item has their name.
    """
    raw = [column.name for column in columns]
    made = [item.name for item in plan.items]
    named = {
        "target": options.target,
        "sample_weight_col": options.sample_weight_col,
        "data_split_col": options.data_split_col,
    }
    passed = [
        resolve_column(option, name, [*made, *raw])
        for option, name in named.items()
        if name is not None
    ]
    if has_before:
        passed.append(BEFORE)
    return plan.query(sql, list(dict.fromkeys(name for name in passed if name not in made)))


def _transformed_columns(con: Native, sql: str, request: Request, frame: FrameType) -> list[Column]:
    try:
        return binding.query_columns(con, sql, request.rows.parameters, frame)
    except duckdb.Error as error:
        # Only the first line: DuckDB shows SQL that the user hasn't written.
        message = str(error).splitlines()[0]
        raise StatementError(f"TRANSFORM can't be computed: {message}") from error


def _roles(
    options: TrainingOptions, types: dict[str, str], has_before: bool
) -> tuple[Roles, TrainingOptions]:
    """Return the roles of the columns, and the options with the estimator that the target needs."""
    names = [*types]
    if options.target is None:
        raise OptionError.missing_target(names)
    target = resolve_column("target", options.target, names)
    options = options.for_target(types[target])

    def optional(option: str, name: str | None) -> str | None:
        return None if name is None else resolve_column(option, name, names)

    roles = Roles(
        target=target,
        categorical=frozenset(
            resolve_column("categorical", name, names) for name in options.categorical
        ),
        weight=optional("sample_weight_col", options.sample_weight_col),
        split=optional("data_split_col", options.data_split_col),
        before=BEFORE if has_before else None,
    )
    if roles.weight == target:
        raise OptionError(f'"{target}" can\'t be both target and sample_weight_col.')
    if target in roles.categorical:
        raise OptionError(f'The target "{target}" can\'t also be listed in categorical.')
    return roles, options


def _check_types(query: TrainingQuery) -> None:
    """Raise an error for a target, a weight or a split column of an unsuitable type."""
    _check_target(query)
    types, roles = query.types, query.roles
    if roles.weight is not None and not is_number(types[roles.weight]):
        raise OptionError(
            f'sample_weight_col "{roles.weight}" is {types[roles.weight]}, '
            "but a weight is a number."
        )
    is_custom = query.options.data_split_method == "custom"
    if roles.split is not None and is_custom and types[roles.split] != "BOOLEAN":
        raise OptionError(
            f'data_split_col "{roles.split}" is {types[roles.split]}; a custom split needs a '
            "BOOLEAN, true for rows that are held out."
        )


def _check_target(query: TrainingQuery) -> None:
    target = query.roles.target
    sql_type = query.types[target]
    family = type_family(sql_type)
    if query.is_classification:
        if family in _NO_CLASS:
            raise TrainingDataError(
                f'The target "{target}" is {sql_type}, which can\'t be a class.'
            )
        return
    if query.options.class_weight is not None:
        raise OptionError(
            "class_weight is for classifiers, and this one predicts a number: "
            "sample_weight_col weighs rows."
        )
    if is_number(sql_type):
        return
    hint = "Choose a numeric column, or convert it in the query: CAST(… AS DOUBLE)."
    if family in {"VARCHAR", "ENUM", "BOOLEAN"}:
        hint = (
            "To predict a class, take estimator = 'mlp_classifier' or 'logistic_regression'. "
            f"If it holds numbers, convert it in the query: CAST({target} AS DOUBLE)."
        )
    raise TrainingDataError.target_type(target, sql_type, hint)
