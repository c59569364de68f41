"""The ONNX operators that can be written as SQL."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from duckml.errors import PlainSqlError
from duckml.features.columns import INTEGER_NULL
from duckml.names import literal
from duckml.onnx_graphs.named_columns import NamedColumns
from duckml.plain_sql.expressions import (
    EncodedCategory,
    Tensor,
    as_columns,
    double,
    integer,
    sum_of,
    width_of,
)

# Databases refuse statements with more weights, or take very long to plan them.
_MOST_TERMS = 20_000

_PASS_THROUGH = frozenset({"Cast", "Identity", "Reshape", "ArgMax"})


class OperatorContext:
    """The state that operators share: the graph, the named columns, and the number of weights."""

    def __init__(self, graph: Any, columns: NamedColumns, is_classifier: bool) -> None:
        self.graph = graph
        self.columns = columns
        self.is_classifier = is_classifier
        self._terms = 0

    def count_terms(self, terms: int) -> None:
        """Count weights, and raise PlainSqlError if there are too many."""
        self._terms += terms
        if self._terms > _MOST_TERMS:
            raise PlainSqlError.too_large(_MOST_TERMS)

    def only_decides(self, tensor: str) -> bool:
        """Return whether a tensor is used for nothing but the choice of the class.

        Then only the order of its columns matters.
        """
        if tensor == self.graph.output[-1].name:
            return self.is_classifier
        nodes = [node for node in self.graph.node if tensor in node.input]
        if not all(node.op_type in _PASS_THROUGH for node in nodes):
            return False
        return all(node.op_type == "ArgMax" or self.only_decides(node.output[0]) for node in nodes)

    def weighted_sums(self, columns: list[str], weights: Any, bias: Any = None) -> list[str]:
        """Return columns @ weights + bias; the shapes of the two are (k, m) and (m,)."""
        names = self.columns.named(columns)
        weights = np.asarray(weights, dtype=np.float64)
        self.count_terms(weights.size)
        sums = []
        for position in range(weights.shape[1]):
            terms = []
            for name, weight in zip(names, weights[:, position], strict=True):
                if weight != 0:
                    terms.append(f"{name} * {double(weight)}")
            if bias is not None:
                terms.append(double(np.asarray(bias).reshape(-1)[position]))
            sums.append(sum_of(terms))
        return sums


Operator = Callable[[OperatorContext, Any, Sequence[Any]], Tensor]


def _attributes(node: Any) -> dict[str, Any]:
    from onnx import helper

    return {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute}


def _binary(sign: str) -> Operator:
    def write(context: OperatorContext, node: Any, inputs: Sequence[Tensor]) -> Tensor:
        if all(isinstance(value, np.ndarray) for value in inputs):
            raise PlainSqlError.operator(node.op_type)
        width = width_of(inputs)
        left, right = (as_columns(value, width) for value in inputs)
        return [f"({a} {sign} {b})" for a, b in zip(left, right, strict=True)]

    return write


def _unary(template: str, repeats: bool = False) -> Operator:
    """Return an operator on one tensor; `repeats` if the template mentions its column twice."""

    def write(context: OperatorContext, node: Any, inputs: Sequence[Any]) -> Tensor:
        columns = context.columns.named(inputs[0]) if repeats else inputs[0]
        return [template.format(column) for column in columns]

    return write


def _same(context: OperatorContext, node: Any, inputs: Sequence[Tensor]) -> Tensor:
    return inputs[0]


def _concat(context: OperatorContext, node: Any, inputs: Sequence[Any]) -> Tensor:
    return [column for value in inputs for column in value]


def _cast(context: OperatorContext, node: Any, inputs: Sequence[Tensor]) -> Tensor:
    from onnx import TensorProto, helper

    # Between widths of real numbers there is nothing to write. A cast to integers would round.
    to = helper.get_attribute_value(node.attribute[0])
    if to not in (TensorProto.FLOAT, TensorProto.DOUBLE):
        raise PlainSqlError.operator("Cast to another type")
    return inputs[0]


def _where(context: OperatorContext, node: Any, inputs: Sequence[Tensor]) -> Tensor:
    """Write Where(IsNaN(x), fill, x); a missing value is NULL in SQL."""
    mask, fill, value = inputs
    if not isinstance(mask, list) or mask != value or not isinstance(value, list):
        raise PlainSqlError.operator("Where")
    fills = as_columns(fill, len(value))
    return [f"COALESCE({a}, {b})" for a, b in zip(value, fills, strict=True)]


def _label_encoder(context: OperatorContext, node: Any, inputs: Sequence[Any]) -> Tensor:
    attributes = _attributes(node)
    keys = [k.decode() if isinstance(k, bytes) else k for k in attributes.get("keys_strings", ())]
    keys = keys or list(attributes.get("keys_int64s", ()))
    if "values_int64s" not in attributes or not keys:
        raise PlainSqlError.operator("LabelEncoder")
    null = literal("") if isinstance(keys[0], str) else integer(INTEGER_NULL)
    [value] = context.columns.named([f"COALESCE({inputs[0][0]}, {null})"])
    codes = dict(zip(keys, attributes["values_int64s"], strict=True))
    return EncodedCategory(value, codes, int(attributes.get("default_int64", -1)))


def _gather(context: OperatorContext, node: Any, inputs: Sequence[Any]) -> Tensor:
    """Write the row of a constant matrix that the code of a category selects."""
    matrix, category = inputs
    if not isinstance(category, EncodedCategory) or not isinstance(matrix, np.ndarray):
        raise PlainSqlError.operator("Gather")
    context.count_terms(len(category.codes))
    return [_case_of_category(category, matrix[:, at]) for at in range(matrix.shape[1])]


def _case_of_category(category: EncodedCategory, values: Any) -> str:
    """Return a CASE over the keys of a category; `values` has one number per code."""
    otherwise = float(values[category.unknown])
    keys_by_value: dict[float, list[str]] = {}
    for key, code in category.codes.items():
        value = float(values[code])
        if value != otherwise:
            text = literal(key) if isinstance(key, str) else integer(key)
            keys_by_value.setdefault(value, []).append(text)
    if not keys_by_value:
        return double(otherwise)
    cases = [
        f"WHEN {category.value} IN ({', '.join(keys)}) THEN {double(value)}"
        for value, keys in keys_by_value.items()
    ]
    return f"CASE {' '.join(cases)} ELSE {double(otherwise)} END"


def _mat_mul(context: OperatorContext, node: Any, inputs: Sequence[Any]) -> Tensor:
    columns, weights = inputs
    if not isinstance(columns, list) or not isinstance(weights, np.ndarray):
        raise PlainSqlError.operator("MatMul")
    return context.weighted_sums(columns, weights)


def _gemm(context: OperatorContext, node: Any, inputs: Sequence[Any]) -> Tensor:
    attributes = _attributes(node)
    if attributes.get("transA") or not isinstance(inputs[1], np.ndarray):
        raise PlainSqlError.operator("Gemm")
    weights = inputs[1].T if attributes.get("transB") else inputs[1]
    bias = inputs[2] * attributes.get("beta", 1.0) if len(inputs) > 2 else None
    return context.weighted_sums(inputs[0], weights * attributes.get("alpha", 1.0), bias)


def _linear_regressor(context: OperatorContext, node: Any, inputs: Sequence[Any]) -> Tensor:
    attributes = _attributes(node)
    if attributes.get("post_transform", b"NONE") != b"NONE":
        raise PlainSqlError.operator("LinearRegressor with a post_transform")
    targets = attributes.get("targets", 1)
    weights = np.array(attributes["coefficients"]).reshape(targets, -1).T
    return context.weighted_sums(inputs[0], weights, attributes.get("intercepts"))


def _softmax(context: OperatorContext, node: Any, inputs: Sequence[Any]) -> Tensor:
    if context.only_decides(node.output[0]):
        return inputs[0]  # the largest score has the largest probability
    named = context.columns.named
    scores = named(inputs[0])
    # The largest score is subtracted, so that no exponential overflows.
    largest = scores[0]
    for score in scores[1:]:
        [largest] = named([f"CASE WHEN {largest} >= {score} THEN {largest} ELSE {score} END"])
    differences = named([f"{score} - {largest}" for score in scores])
    # Bounded, because PostgreSQL raises an error for an exponential that underflows.
    powers = named([f"EXP(CASE WHEN {d} < -700 THEN -700 ELSE {d} END)" for d in differences])
    return [f"({power} / {sum_of(powers)})" for power in powers]


def _bounded(value: str, bound: int) -> str:
    below = f"WHEN {value} < -{bound} THEN -{bound}"
    above = f"WHEN {value} > {bound} THEN {bound}"
    return f"CASE {below} {above} ELSE {value} END"


_ONE = "CAST(1.0 AS DOUBLE)"
_RELU = "CASE WHEN {0} > 0 THEN {0} ELSE CAST(0.0 AS DOUBLE) END"

# Bounded for the same reason as in _softmax.
_SIGMOID = f"({_ONE} / ({_ONE} + EXP(-{_bounded('{0}', 700)})))"
_TANH = f"({_ONE} - 2 / (EXP(2 * {_bounded('{0}', 300)}) + {_ONE}))"

OPERATORS: dict[str, Operator] = {
    "Add": _binary("+"),
    "Sub": _binary("-"),
    "Mul": _binary("*"),
    "Div": _binary("/"),
    "Floor": _unary("FLOOR({})"),
    "Exp": _unary("EXP({})"),
    "Neg": _unary("(-{})"),
    "Relu": _unary(_RELU, repeats=True),
    "Sigmoid": _unary(_SIGMOID, repeats=True),
    "Tanh": _unary(_TANH, repeats=True),
    "Identity": _same,
    "Cast": _cast,
    "Reshape": _same,
    "Transpose": _same,
    "Squeeze": _same,
    "Concat": _concat,
    "IsNaN": _same,
    "Where": _where,
    "LabelEncoder": _label_encoder,
    "Gather": _gather,
    "MatMul": _mat_mul,
    "Gemm": _gemm,
    "LinearRegressor": _linear_regressor,
    "Softmax": _softmax,
}
