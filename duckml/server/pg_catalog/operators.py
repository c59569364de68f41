"""Operators in queries on the catalogs whose meaning differs from DuckDB's."""

from __future__ import annotations

import re

from sqlglot import exp

from duckml.names import fold
from duckml.server.pg_catalog.casts import array_literal
from duckml.server.pg_catalog.object_ids import is_oid_column, is_vector_column

_OPERATORS: dict[str, type[exp.Binary]] = {
    "=": exp.EQ,
    "<>": exp.NEQ,
    "!=": exp.NEQ,
    "<": exp.LT,
    ">": exp.GT,
    "<=": exp.LTE,
    ">=": exp.GTE,
    "~~": exp.Like,
    "+": exp.Add,
    "-": exp.Sub,
    "||": exp.DPipe,
}

# Columns with a function: PostgreSQL has its object id there, the views have its name.
_FUNCTION_COLUMN = re.compile(
    r"typ(receive|send|input|output|subscript|analyze|modin|modout)|agg\w+fn"
)
_NAME_MACRO = re.compile(r"_pg_reg\w+_name")
_OID_MACRO = re.compile(r"to_reg\w+|_pg_regclass_oid")


def any_of_array(node: exp.Any) -> exp.Expression:
    """Replace the array of = ANY('{r,v}') and = ANY($1) by one with a type."""
    inner = node.this.this if isinstance(node.this, exp.Paren) else node.this
    if isinstance(inner, exp.Parameter | exp.Placeholder):
        array: exp.Expression = _typed_parameter(node, inner)
    else:
        items = array_literal(inner)
        if items is None:
            return node
        are_numbers = all(item.isdigit() for item in items)
        literal = exp.Literal.number if are_numbers else exp.Literal.string
        array = exp.Array(expressions=[literal(item) for item in items])
    return exp.Any(this=exp.Paren(this=array))


def _typed_parameter(node: exp.Any, parameter: exp.Expression) -> exp.Expression:
    other = node.parent.this if isinstance(node.parent, exp.EQ | exp.NEQ) else None
    is_oid = isinstance(other, exp.Column) and is_oid_column(other.name)
    return exp.cast(parameter, "UINTEGER[]" if is_oid else "VARCHAR[]", dialect="duckdb")


def item_of_vector(node: exp.Bracket) -> exp.Expression:
    """Add 1 to the index of an int2vector or oidvector.

    PostgreSQL counts their items from 0, those of arrays from 1 as DuckDB does.
    """
    vector = node.this
    if not isinstance(vector, exp.Column) or not is_vector_column(vector.name):
        return node
    # The mark keeps a node from being changed twice.
    if node.args.get("shifted"):
        return node
    one = exp.Literal.number(1)
    indexes = [
        exp.Add(this=exp.Paren(this=index.copy()), expression=one.copy())
        for index in node.expressions
    ]
    shifted = node.copy()
    shifted.set("expressions", indexes)
    shifted.set("shifted", True)
    return shifted


def named_operator(node: exp.Operator) -> exp.Expression:
    """Replace a OPERATOR(pg_catalog.~) b by the operator itself."""
    name = str(node.args["operator"]).split(".")[-1].strip()
    left, right = node.this, node.expression
    if name in {"~", "!~", "~*", "!~*"}:
        options = [exp.Literal.string("i")] if name.endswith("*") else []
        matches = exp.Anonymous(this="regexp_matches", expressions=[left, right, *options])
        return exp.not_(matches) if name.startswith("!") else matches
    return _OPERATORS[name](this=left, expression=right) if name in _OPERATORS else node


def without_collation(node: exp.Collate) -> exp.Expression:
    """Replace a COLLATE "C" by a: DuckDB compares by bytes anyway."""
    return node.this


def comparison(node: exp.EQ | exp.NEQ) -> exp.Expression:
    """Compare the names of functions, where PostgreSQL compares their object ids.

    So typreceive <> 0 becomes typreceive <> '-'. Where a cast has become the name of an object, and
    the other side its object id, both become object ids.
    """
    for name, other_name in (("this", "expression"), ("expression", "this")):
        side, other = node.args[name], node.args[other_name]
        if isinstance(side, exp.Anonymous) and isinstance(other, exp.Anonymous):
            if _NAME_MACRO.fullmatch(side.name) and _OID_MACRO.fullmatch(other.name):
                return _with_argument(node, name, side.expressions[0].copy())
        elif isinstance(side, exp.Column) and _FUNCTION_COLUMN.fullmatch(fold(side.name)):
            replacement = _function_name(other)
            if replacement is not None:
                return _with_argument(node, other_name, replacement)
    return node


def _with_argument(node: exp.Expression, argument: str, value: exp.Expression) -> exp.Expression:
    changed = node.copy()
    changed.set(argument, value)
    return changed


def _function_name(node: exp.Expression) -> exp.Expression | None:
    """Return the name of the function whose object id an expression is; '-' stands for none."""
    if isinstance(node, exp.Literal) and not node.is_string:
        return exp.Literal.string("-")
    if isinstance(node, exp.Column) and fold(node.name) == "oid":
        return exp.column("proname", table=node.table or None)
    if isinstance(node, exp.Anonymous) and node.name == "to_regproc":
        return node.expressions[0].copy()
    return None


def escaped_like(node: exp.Like | exp.ILike) -> exp.Expression:
    """Add the backslash as ESCAPE, which is PostgreSQL's default. DuckDB has none."""
    is_plain = isinstance(node.expression, exp.Literal) and "\\" not in node.expression.name
    if is_plain or isinstance(node.parent, exp.Escape):
        return node
    return exp.Escape(this=node.copy(), expression=exp.Literal.string("\\"))
