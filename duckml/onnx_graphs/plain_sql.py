"""A model → plain SQL, for databases with nothing installed.

The ONNX graph is read node by node; every tensor becomes a list of SQL expressions, one per column. What is used more
than once gets a name in a subquery of its own, so that a net is written layer by layer. The text is made in DuckDB's
SQL and translated by sqlglot. Every literal is a DOUBLE: the answers differ from PREDICT's, which computes nets in
single precision, in the seventh digit.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from duckml.errors import PlainSqlError
from duckml.features.column_types import INTEGERS, type_family
from duckml.features.columns import FLOAT32_MAX, INTEGER_NULL
from duckml.features.signature import Feature, Signature
from duckml.language.model_names import model_name
from duckml.names import fold, literal, nearest, qualified, quote
from duckml.onnx_graphs.manifest import read_manifest

TESTED = ("duckdb", "postgres", "sqlite")
_MOST_TERMS = 20_000

# Days and seconds since 1970-01-01, where the functions for them differ.
_DAYS = {
    "duckdb": "CAST(date_diff('day', DATE '1970-01-01', CAST({} AS DATE)) AS DOUBLE)",
    "postgres": "CAST(CAST({} AS DATE) - DATE '1970-01-01' AS DOUBLE PRECISION)",
    "sqlite": "(JULIANDAY(DATE({})) - 2440587.5)",
}
_SECONDS = {
    "duckdb": "epoch({})",
    "postgres": "CAST(EXTRACT(EPOCH FROM {}) AS DOUBLE PRECISION)",
    "sqlite": "(STRFTIME('%s', {}) * 1.0)",
}


def select_for(onnx_bytes: bytes, name: str, dialect: str, table: str) -> str:
    """A SELECT of all columns of a table and the prediction, in the SQL of `dialect`.

    Raises PlainSqlError for a model that is too large for SQL or made of what isn't written here, and for an unknown
    dialect.
    """
    dialect = dialect.lower()
    _require_dialect(dialect)
    writer = _writer(onnx_bytes, dialect)
    values = {column.name: f"t.{quote(column.name)}" for column in writer.signature.inputs}
    output = quote(writer.signature.target.prediction)
    if dialect != "duckdb":
        writer.require_portable(dialect)
    body = _translated(
        f"SELECT t.*, ({writer.scalar(values)}) AS {output} FROM {_table(table)} AS t", dialect
    )
    tested = (
        "" if dialect in TESTED else f" The dialect {dialect} is not tested: compare some rows."
    )
    return f"-- Model {_comment(name)}: {_comment(str(writer.signature))}. Written by duckml.{tested}\n{body};\n"


def macro_for(onnx_bytes: bytes, name: str, function: str) -> str:
    """A CREATE MACRO of `function`, which predicts in any DuckDB; raises PlainSqlError as `select_for` does."""
    writer = _writer(onnx_bytes, "duckdb")
    values = {column.name: quote(column.name) for column in writer.signature.inputs}
    parameters = ", ".join(
        f"{quote(column.name)} {column.sql_type}" for column in writer.signature.inputs
    )
    header = f"-- Model {_comment(name)}: {_comment(str(writer.signature))}. Written by duckml.\n"
    return f"{header}CREATE OR REPLACE MACRO {quote(function)}({parameters}) AS ({writer.scalar(values)});\n"


def _comment(text: str) -> str:
    return " ".join(text.split())


def _table(name: str) -> str:
    """The table to read from: a name as it is written, with dots between its parts."""
    return qualified(*model_name(name).parts)


def _require_dialect(dialect: str) -> None:
    from sqlglot.dialects.dialect import Dialects

    known = [known.value for known in Dialects if known.value]
    if dialect not in known:
        close = nearest(dialect, known)
        hint = f" Did you mean '{close}'?" if close else ""
        raise PlainSqlError(
            f"Unknown dialect '{dialect}'.{hint} Tested: {', '.join(TESTED)}; others that sqlglot knows are written "
            "untested."
        )


def _translated(sql: str, dialect: str) -> str:
    """DuckDB's SQL in another dialect, a subquery per line."""
    import sqlglot
    from sqlglot import exp

    if dialect == "duckdb":
        return sql
    tree = sqlglot.parse_one(sql, dialect="duckdb")

    def replaced(node: Any) -> Any:
        for name, texts in (("DUCKML_DAYS", _DAYS), ("DUCKML_SECONDS", _SECONDS)):
            if isinstance(node, exp.Anonymous) and node.name.upper() == name:
                reader = dialect if dialect in texts else "duckdb"
                value = node.expressions[0].sql(reader)
                return sqlglot.parse_one(texts[reader].format(value), dialect=reader)
        return node

    tree = tree.transform(replaced)
    if dialect == "sqlite":
        # Else SQLite merges the subqueries, and computes what has a name once for every mention of it.
        for subquery in tree.find_all(exp.Subquery):
            if subquery.alias:
                subquery.this.limit(1, copy=False)
    return str(tree.sql(dialect, pretty=len(sql) < 200_000))


def _writer(onnx_bytes: bytes, dialect: str) -> _Writer:
    import onnx

    model = onnx.load_from_string(onnx_bytes)
    manifest = read_manifest(model)
    signature = Signature.from_json(manifest["signature"])
    if signature.transform is not None and dialect != "duckdb":
        raise PlainSqlError(
            "The model has a TRANSFORM, which is DuckDB's SQL: it can be written for duckdb only."
        )
    return _Writer(model, signature, manifest["on_null"], dialect)


@dataclass(frozen=True)
class _Codes:
    """The output of a LabelEncoder: the text or number that is encoded, and the code of each key."""

    value: str
    codes: Mapping[Any, int]
    unknown: int


_Value = list[str] | np.ndarray | _Codes


class _Writer:
    """Writes one model.

    Every expression is over named columns; a name has a depth, one more than the deepest name that it is made of, and
    the names of one depth are the columns of one subquery.
    """

    def __init__(self, model: Any, signature: Signature, on_null: str, dialect: str) -> None:
        from onnx import numpy_helper

        self.model = model
        self.signature = signature
        self.on_null = on_null
        self.is_duckdb = dialect == "duckdb"
        # The names of columns within the statement: none that an input has, which a macro would put in its place.
        self.prefix = "dm"
        while any(fold(column.name).startswith(f"{self.prefix}_") for column in signature.inputs):
            self.prefix += "_"
        self.name = re.compile(rf"\b{self.prefix}_(?:x\d+|h\d+|refused)\b")
        self.constants = {
            tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer
        }
        self.uses = Counter(name for node in model.graph.node for name in node.input)
        self.columns: dict[str, tuple[int, str]] = {}
        self.values: dict[str, _Value] = {}
        self.terms = 0

    # The statement

    def require_portable(self, dialect: str) -> None:
        """Raise PlainSqlError where DuckDB's texts of values are what counts, which other databases write otherwise."""
        for feature in self.signature.features:
            if feature.kind == "category" and feature.sql_type not in {"VARCHAR", "BIGINT"}:
                raise PlainSqlError(
                    f'The model can\'t be written for {dialect}: its category "{feature.name}" is {feature.sql_type}, '
                    "which every database writes in its own way. Categories of text and whole numbers can."
                )

    def scalar(self, values: Mapping[str, str]) -> str:
        """A SELECT of one value, the prediction, from the values of the inputs."""
        self.columns, self.values, self.terms = {}, dict(self.constants), 0
        self.inputs(values)
        answer = f"CASE WHEN {self.prefix}_refused = 0 THEN {self.answer(self.run())} END"
        deepest = max(depth for depth, _ in self.columns.values())
        needed = set(self.name.findall(answer)) & set(self.columns)
        select = f"SELECT {answer} AS y"
        for depth in range(deepest, -1, -1):
            here = {
                name: sql
                for name, (at, sql) in self.columns.items()
                if at == depth and name in needed
            }
            handed_up = [
                name for name in sorted(needed - set(here)) if self.columns[name][0] < depth
            ]
            select += f" FROM (SELECT {', '.join([*handed_up, *(f'{sql} AS {name}' for name, sql in here.items())])}"
            needed = {name for sql in here.values() for name in self.name.findall(sql)} | set(
                handed_up
            )
            needed &= set(self.columns)
        return select + "".join(f") AS l{depth}" for depth in range(deepest + 1))

    def inputs(self, values: Mapping[str, str]) -> None:
        """Name the features, and the flag that is 0 where a prediction is made."""
        missing, infinite = [], []
        for position, feature in enumerate(self.signature.features):
            sql = self.feature(feature, values)
            self.columns[f"{self.prefix}_x{position}"] = (0, sql)
            self.values[feature.name] = [f"{self.prefix}_x{position}"]
            missing.append(f"{self.prefix}_x{position} IS NULL")
            if feature.storage == "DOUBLE" and feature.kind == "number":
                infinite.append(f"ABS({self.prefix}_x{position}) > {_double(FLOAT32_MAX)}")
        joint = " AND " if self.on_null == "impute" else " OR "
        conditions = [f"({joint.join(missing)})", *infinite]
        self.columns[f"{self.prefix}_refused"] = (
            1,
            f"CASE WHEN {' OR '.join(conditions)} THEN 1 ELSE 0 END",
        )

    def feature(self, feature: Feature, values: Mapping[str, str]) -> str:
        """A feature as the graph reads it."""
        transform = self.signature.transform
        value = (
            values[feature.name]
            if transform is None
            else f"({transform.features[feature.name].render(values)})"
        )
        if feature.kind == "date":
            return _DAYS["duckdb"].format(value) if self.is_duckdb else f"DUCKML_DAYS({value})"
        if feature.kind == "timestamp":
            return (
                _SECONDS["duckdb"].format(value) if self.is_duckdb else f"DUCKML_SECONDS({value})"
            )
        if feature.kind == "boolean":
            return f"CASE WHEN {value} THEN {_double(1)} WHEN NOT {value} THEN {_double(0)} END"
        return f"CAST({feature.stored_as(value)} AS {feature.storage})"

    def answer(self, output: list[str]) -> str:
        """The prediction from the last tensor: a number, or the label of the largest probability."""
        labels = self.signature.target.labels
        if labels is None:
            return output[0]
        names, sql_type = self.named(output), self.signature.target.sql_type
        cases = []
        for position, label in enumerate(labels[:-1]):
            larger = " AND ".join(
                f"{names[position]} >= {other}" for other in names[position + 1 :]
            )
            cases.append(f"WHEN {larger} THEN {_label(label, sql_type)}")
        return f"CASE {' '.join(cases)} ELSE {_label(labels[-1], sql_type)} END"

    def named(self, expressions: Sequence[str]) -> list[str]:
        """Columns that hold the expressions, one level above everything that they are made of."""
        if all(self.name.fullmatch(sql) for sql in expressions):
            return list(expressions)
        used = {
            name for sql in expressions for name in self.name.findall(sql) if name in self.columns
        }
        depth = 1 + max((self.columns[name][0] for name in used), default=0)
        names = []
        for sql in expressions:
            name = f"{self.prefix}_h{len(self.columns)}"
            self.columns[name] = (depth, sql)
            names.append(name)
        return names

    # The graph

    def run(self) -> list[str]:
        """Read the nodes in order; the tensor that the model answers, of a classifier the probabilities."""
        for node in self.model.graph.node:
            operator = _OPERATORS.get(node.op_type)
            if operator is None:
                if node.op_type == "ArgMax" or node.input[0] not in self.values:
                    continue  # what only leads to the label, which is read from the probabilities
                raise PlainSqlError.operator(node.op_type)
            inputs = [self.values[name] for name in node.input if name in self.values]
            if len(inputs) < len(node.input):
                continue
            value = operator(self, node, inputs)
            if isinstance(value, list) and self.uses[node.output[0]] > 1:
                value = self.named(value)
            self.values[node.output[0]] = value
            if self.terms > _MOST_TERMS:
                raise PlainSqlError.too_large(_MOST_TERMS)
        output = self.model.graph.output[1 if self.signature.target.labels is not None else 0].name
        found = self.values.get(output)
        if not isinstance(found, list):
            raise PlainSqlError.operator("more than chains of known operators")
        return found

    def only_decides(self, name: str) -> bool:
        """Whether a tensor leads to the answer of a classifier and nowhere else: then only its order counts."""
        if name == self.model.graph.output[-1].name:
            return self.signature.target.labels is not None
        nodes = [node for node in self.model.graph.node if name in node.input]
        passed_on = all(node.op_type in {"Cast", "Identity", "Reshape", "ArgMax"} for node in nodes)
        return passed_on and all(
            node.op_type == "ArgMax" or self.only_decides(node.output[0]) for node in nodes
        )

    def matrix(self, columns: list[str], weights: Any, bias: Any = None) -> list[str]:
        """Columns @ weights + bias, of shape (k, m) and (m,)."""
        names = self.named(columns)
        weights = np.asarray(weights, dtype=np.float64)
        self.terms += weights.size
        if self.terms > _MOST_TERMS:
            raise PlainSqlError.too_large(_MOST_TERMS)
        sums = []
        for position in range(weights.shape[1]):
            terms = [
                f"{name} * {_double(weight)}"
                for name, weight in zip(names, weights[:, position], strict=True)
                if weight != 0
            ]
            if bias is not None:
                terms.append(_double(np.asarray(bias).reshape(-1)[position]))
            sums.append(_sum(terms))
        return sums


def _label(label: str, sql_type: str) -> str:
    """A class label as SQL."""
    family = type_family(sql_type)
    if family == "BOOLEAN" or family in INTEGERS:
        return label
    return (
        literal(label) if family in {"VARCHAR", "ENUM"} else f"CAST({literal(label)} AS {sql_type})"
    )


def _double(value: Any) -> str:
    return f"CAST({float(value)!r} AS DOUBLE)"


def _sum(terms: Sequence[str]) -> str:
    """A sum in brackets that halve it, so that no expression nests deeper than a database allows."""
    if not terms:
        return _double(0)
    if len(terms) <= 8:
        return "(" + " + ".join(terms) + ")"
    half = len(terms) // 2
    return f"({_sum(terms[:half])} + {_sum(terms[half:])})"


def _texts(value: _Value, length: int) -> list[str]:
    """A tensor as `length` expressions; a constant of one element counts for all."""
    if isinstance(value, list):
        return value * length if len(value) == 1 else value
    assert not isinstance(value, _Codes)
    numbers = np.asarray(value, dtype=np.float64).reshape(-1)
    return [
        _double(number) for number in (np.resize(numbers, length) if len(numbers) == 1 else numbers)
    ]


Operator = Callable[[_Writer, Any, Sequence[Any]], _Value]


def _columns_of(inputs: Sequence[_Value]) -> int:
    return max(len(v) if isinstance(v, list) else int(np.asarray(v).size) for v in inputs)


def _binary(sign: str) -> Operator:
    def write(writer: _Writer, node: Any, inputs: Sequence[_Value]) -> _Value:
        if all(isinstance(value, np.ndarray) for value in inputs):
            raise PlainSqlError.operator(node.op_type)
        length = _columns_of(inputs)
        left, right = (_texts(value, length) for value in inputs)
        return [f"({a} {sign} {b})" for a, b in zip(left, right, strict=True)]

    return write


def _unary(template: str, repeats: bool = False) -> Operator:
    def write(writer: _Writer, node: Any, inputs: Sequence[Any]) -> _Value:
        columns = writer.named(inputs[0]) if repeats else inputs[0]
        return [template.format(column) for column in columns]

    return write


def _same(writer: _Writer, node: Any, inputs: Sequence[_Value]) -> _Value:
    return inputs[0]


def _concat(writer: _Writer, node: Any, inputs: Sequence[Any]) -> _Value:
    return [column for value in inputs for column in value]


def _cast(writer: _Writer, node: Any, inputs: Sequence[_Value]) -> _Value:
    """A change of width; one to whole numbers would round."""
    from onnx import TensorProto, helper

    if helper.get_attribute_value(node.attribute[0]) not in (TensorProto.FLOAT, TensorProto.DOUBLE):
        raise PlainSqlError.operator("Cast to another type")
    return inputs[0]


def _where(writer: _Writer, node: Any, inputs: Sequence[_Value]) -> _Value:
    """Where(IsNaN(x), fill, x): what is missing is NULL here."""
    mask, fill, value = inputs
    if not isinstance(mask, list) or mask != value or not isinstance(value, list):
        raise PlainSqlError.operator("Where")
    return [f"COALESCE({a}, {b})" for a, b in zip(value, _texts(fill, len(value)), strict=True)]


def _is_nan(writer: _Writer, node: Any, inputs: Sequence[_Value]) -> _Value:
    return inputs[0]


def _label_encoder(writer: _Writer, node: Any, inputs: Sequence[Any]) -> _Value:
    from onnx import helper

    attributes = {
        attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute
    }
    keys = [k.decode() if isinstance(k, bytes) else k for k in attributes.get("keys_strings", ())]
    keys = keys or list(attributes.get("keys_int64s", ()))
    if "values_int64s" not in attributes or not keys:
        raise PlainSqlError.operator("LabelEncoder")
    null = literal("") if isinstance(keys[0], str) else f"({INTEGER_NULL + 1} - 1)"
    [value] = writer.named([f"COALESCE({inputs[0][0]}, {null})"])
    codes = dict(zip(keys, attributes["values_int64s"], strict=True))
    return _Codes(value, codes, int(attributes.get("default_int64", -1)))


def _gather(writer: _Writer, node: Any, inputs: Sequence[Any]) -> _Value:
    """A row of a constant matrix, picked by the code of a category."""
    matrix, codes = inputs
    if not isinstance(codes, _Codes) or not isinstance(matrix, np.ndarray):
        raise PlainSqlError.operator("Gather")
    writer.terms += len(codes.codes)
    columns = []
    for position in range(matrix.shape[1]):
        by_value: dict[float, list[str]] = {}
        otherwise = float(matrix[codes.unknown, position])
        for key, code in codes.codes.items():
            value = float(matrix[code, position])
            if value != otherwise:
                text = (
                    literal(key)
                    if isinstance(key, str)
                    else str(key)
                    if key != INTEGER_NULL
                    else f"({key + 1} - 1)"
                )
                by_value.setdefault(value, []).append(text)
        cases = "".join(
            f"WHEN {codes.value} IN ({', '.join(k)}) THEN {_double(v)} "
            for v, k in by_value.items()
        )
        columns.append(
            f"CASE {cases}ELSE {_double(otherwise)} END" if cases else _double(otherwise)
        )
    return columns


def _mat_mul(writer: _Writer, node: Any, inputs: Sequence[Any]) -> _Value:
    columns, weights = inputs
    if not isinstance(columns, list) or not isinstance(weights, np.ndarray):
        raise PlainSqlError.operator("MatMul")
    return writer.matrix(columns, weights)


def _gemm(writer: _Writer, node: Any, inputs: Sequence[Any]) -> _Value:
    from onnx import helper

    attributes = {
        attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute
    }
    if attributes.get("transA") or not isinstance(inputs[1], np.ndarray):
        raise PlainSqlError.operator("Gemm")
    weights = inputs[1].T if attributes.get("transB") else inputs[1]
    bias = inputs[2] * attributes.get("beta", 1.0) if len(inputs) > 2 else None
    return writer.matrix(inputs[0], weights * attributes.get("alpha", 1.0), bias)


def _linear_regressor(writer: _Writer, node: Any, inputs: Sequence[Any]) -> _Value:
    from onnx import helper

    attributes = {
        attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute
    }
    if attributes.get("post_transform", b"NONE") != b"NONE":
        raise PlainSqlError.operator("LinearRegressor with a post_transform")
    targets = attributes.get("targets", 1)
    weights = np.array(attributes["coefficients"]).reshape(targets, -1).T
    return writer.matrix(inputs[0], weights, attributes.get("intercepts"))


def _softmax(writer: _Writer, node: Any, inputs: Sequence[Any]) -> _Value:
    if writer.only_decides(node.output[0]):
        return inputs[0]  # the largest score has the largest probability
    scores = writer.named(inputs[0])
    # Less the largest, so that no exponential overflows.
    largest = scores[0]
    for score in scores[1:]:
        [largest] = writer.named(
            [f"CASE WHEN {largest} >= {score} THEN {largest} ELSE {score} END"]
        )
    below = writer.named([f"{score} - {largest}" for score in scores])
    powers = writer.named(
        [f"EXP(CASE WHEN {score} < -700 THEN -700 ELSE {score} END)" for score in below]
    )
    return [f"({power} / {_sum(powers)})" for power in powers]


_ONE = "CAST(1.0 AS DOUBLE)"


def _between(value: str, bound: int) -> str:
    return f"CASE WHEN {value} < -{bound} THEN -{bound} WHEN {value} > {bound} THEN {bound} ELSE {value} END"


_OPERATORS: dict[str, Operator] = {
    "Add": _binary("+"),
    "Sub": _binary("-"),
    "Mul": _binary("*"),
    "Div": _binary("/"),
    "Floor": _unary("FLOOR({})"),
    "Exp": _unary("EXP({})"),
    "Neg": _unary("(-{})"),
    "Relu": _unary("CASE WHEN {0} > 0 THEN {0} ELSE CAST(0.0 AS DOUBLE) END", repeats=True),
    # Bounded, so that no exponential overflows, or underflows, which PostgreSQL takes for an error.
    "Sigmoid": _unary(f"({_ONE} / ({_ONE} + EXP(-{_between('{0}', 700)})))", repeats=True),
    "Tanh": _unary(f"({_ONE} - 2 / (EXP(2 * {_between('{0}', 300)}) + {_ONE}))", repeats=True),
    "Identity": _same,
    "Cast": _cast,
    "Reshape": _same,
    "Transpose": _same,
    "Squeeze": _same,
    "Concat": _concat,
    "IsNaN": _is_nan,
    "Where": _where,
    "LabelEncoder": _label_encoder,
    "Gather": _gather,
    "MatMul": _mat_mul,
    "Gemm": _gemm,
    "LinearRegressor": _linear_regressor,
    "Softmax": _softmax,
}
