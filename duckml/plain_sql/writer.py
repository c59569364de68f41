"""The SQL expression of a model's prediction, written from its ONNX graph node by node."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from duckml.errors import PlainSqlError
from duckml.features.columns import FLOAT32_MAX
from duckml.features.signature import Feature, Signature
from duckml.onnx_graphs.named_columns import NamedColumns
from duckml.plain_sql.dialects import DAYS, DAYS_FUNCTION, SECONDS, SECONDS_FUNCTION
from duckml.plain_sql.expressions import Tensor, double, label_literal
from duckml.plain_sql.operators import OPERATORS, OperatorContext


class SqlWriter:
    """A writer of one model for one dialect."""

    def __init__(self, model: Any, signature: Signature, on_null: str, dialect: str) -> None:
        from onnx import numpy_helper

        self.signature = signature
        self._graph = model.graph
        self._on_null = on_null
        self._is_duckdb = dialect == "duckdb"
        self._is_classifier = signature.target.labels is not None
        self._constants = {
            tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer
        }
        self._uses = Counter(name for node in model.graph.node for name in node.input)

    def prediction(self, values: Mapping[str, str]) -> str:
        """Return a SELECT of the prediction alone, given the SQL of each input.

        Raises PlainSqlError if the model is too large or has an unsupported operator.
        """
        columns = NamedColumns(column.name for column in self.signature.inputs)
        tensors: dict[str, Tensor] = dict(self._constants)
        refused = self._add_features(columns, tensors, values)
        output = self._run_graph(columns, tensors)
        value = self._most_probable_label(columns, output) if self._is_classifier else output[0]
        return columns.select(f"CASE WHEN {refused} = 0 THEN {value} END")

    def _add_features(
        self, columns: NamedColumns, tensors: dict[str, Tensor], values: Mapping[str, str]
    ) -> str:
        """Name the features, and return the name of a flag: 1 for a row without a prediction."""
        missing, infinite = [], []
        for position, feature in enumerate(self.signature.features):
            name = columns.add(f"x{position}", 0, self._feature(feature, values))
            tensors[feature.name] = [name]
            missing.append(f"{name} IS NULL")
            if feature.storage == "DOUBLE" and feature.kind == "number":
                infinite.append(f"ABS({name}) > {double(FLOAT32_MAX)}")
        conjunction = " AND " if self._on_null == "impute" else " OR "
        conditions = [f"({conjunction.join(missing)})", *infinite]
        flag = f"CASE WHEN {' OR '.join(conditions)} THEN 1 ELSE 0 END"
        return columns.add("refused", 1, flag)

    def _feature(self, feature: Feature, values: Mapping[str, str]) -> str:
        """Return a feature as the graph expects it."""
        transform = self.signature.transform
        if transform is None:
            value = values[feature.name]
        else:
            value = f"({transform.features[feature.name].render(values)})"
        if feature.kind == "date":
            return DAYS["duckdb"].format(value) if self._is_duckdb else f"{DAYS_FUNCTION}({value})"
        if feature.kind == "timestamp":
            if self._is_duckdb:
                return SECONDS["duckdb"].format(value)
            return f"{SECONDS_FUNCTION}({value})"
        if feature.kind == "boolean":
            return f"CASE WHEN {value} THEN {double(1)} WHEN NOT {value} THEN {double(0)} END"
        return f"CAST({feature.stored_as(value)} AS {feature.storage})"

    def _run_graph(self, columns: NamedColumns, tensors: dict[str, Tensor]) -> list[str]:
        """Return the prediction's tensor, which for a classifier are the probabilities."""
        context = OperatorContext(self._graph, columns, self._is_classifier)
        for node in self._graph.node:
            operator = OPERATORS.get(node.op_type)
            if operator is None:
                # Nodes that only lead to the label, which is read from the probabilities.
                if node.op_type == "ArgMax" or node.input[0] not in tensors:
                    continue
                raise PlainSqlError.operator(node.op_type)
            inputs = [tensors[name] for name in node.input if name in tensors]
            if len(inputs) < len(node.input):
                continue
            value = operator(context, node, inputs)
            if isinstance(value, list) and self._uses[node.output[0]] > 1:
                value = columns.named(value)
            tensors[node.output[0]] = value
        output = tensors.get(self._graph.output[1 if self._is_classifier else 0].name)
        if not isinstance(output, list):
            raise PlainSqlError.operator("an output that isn't made of columns")
        return output

    def _most_probable_label(self, columns: NamedColumns, probabilities: list[str]) -> str:
        """Return the first label whose probability no other one exceeds."""
        names = columns.named(probabilities)
        target = self.signature.target
        *labels, last = [label_literal(label, target.sql_type) for label in target.labels or ()]
        cases = []
        for position, label in enumerate(labels):
            others = names[position + 1 :]
            largest = " AND ".join(f"{names[position]} >= {other}" for other in others)
            cases.append(f"WHEN {largest} THEN {label}")
        return f"CASE {' '.join(cases)} ELSE {last} END"
