"""Foreign ONNX graphs → graphs of ours: one named [N, 1] input per column, our manifest in the metadata.

A file from elsewhere is untrusted. Before onnxruntime sees it, it must hold nothing but known operators on tensors of
known width, with all of its data inside. What is then built around it makes it like any model that was trained here, so
that everything which serves, exports or checks models knows one kind only.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from onnx import ModelProto, TensorProto, compose, helper, numpy_helper

from duckml.errors import ForeignModelError
from duckml.features.signature import Feature, Signature, Target
from duckml.names import listed
from duckml.onnx_graphs.graph import Graph, constant_tensors, is_external, label_tensor
from duckml.onnx_graphs.manifest import manifest_json

_MOST_BYTES = 1 << 30
_MOST_NODES = 20_000
_MOST_ELEMENTS = 1 << 28  # of one tensor
_ROWS = 1 << 14  # that are given to a model at once

_DOMAINS = frozenset({"", "ai.onnx", "ai.onnx.ml"})
# What scikit-learn, LightGBM, XGBoost and small nets come to. Nothing that loops, branches, or makes a tensor whose
# size is a value: ConstantOfShape, Expand, Tile, Range, Pad, Resize and their kin.
_OPERATORS = frozenset(
    {
        "Abs",
        "Add",
        "And",
        "ArgMax",
        "ArgMin",
        "ArrayFeatureExtractor",
        "BatchNormalization",
        "Binarizer",
        "Cast",
    }
    | {
        "CastLike",
        "CategoryMapper",
        "Ceil",
        "Clip",
        "Concat",
        "Constant",
        "Cos",
        "DictVectorizer",
        "Div",
        "Dropout",
    }
    | {"Elu", "Equal", "Erf", "Exp", "Flatten", "Floor", "Gather", "GatherElements", "Gelu"}
    | {
        "Gemm",
        "Greater",
        "GreaterOrEqual",
        "HardSigmoid",
        "Hardmax",
        "Identity",
        "Imputer",
        "IsInf",
        "IsNaN",
    }
    | {"LabelEncoder", "LayerNormalization", "LeakyRelu", "Less", "LessOrEqual", "LinearClassifier"}
    | {
        "LinearRegressor",
        "Log",
        "LogSoftmax",
        "MatMul",
        "Max",
        "Mean",
        "Min",
        "Mod",
        "Mul",
        "Neg",
        "Normalizer",
    }
    | {
        "Not",
        "OneHotEncoder",
        "Or",
        "PRelu",
        "Pow",
        "Reciprocal",
        "ReduceMax",
        "ReduceMean",
        "ReduceMin",
    }
    | {
        "ReduceSum",
        "ReduceSumSquare",
        "ReduceL1",
        "ReduceL2",
        "Relu",
        "Reshape",
        "Round",
        "SVMClassifier",
    }
    | {
        "SVMRegressor",
        "Scaler",
        "Selu",
        "Shape",
        "Sigmoid",
        "Sign",
        "Sin",
        "Slice",
        "Softmax",
        "Softplus",
    }
    | {"Softsign", "Split", "Sqrt", "Squeeze", "Sub", "Sum", "Tan", "Tanh", "TopK", "Transpose"}
    | {
        "TreeEnsembleClassifier",
        "TreeEnsembleRegressor",
        "TreeEnsemble",
        "Unsqueeze",
        "Where",
        "Xor",
        "ZipMap",
    }
)

# Operators whose inputs behind the first say what shape comes out: they have to be constants.
_SHAPED = frozenset({"Reshape", "Slice", "Split", "Squeeze", "Unsqueeze", "TopK"})

_DOUBLES = (TensorProto.FLOAT, TensorProto.DOUBLE)
_INTEGERS = (TensorProto.INT64, TensorProto.INT32)


@dataclass(frozen=True)
class Adoption:
    """How a foreign graph is to be understood.

    `columns` are the columns of each input, in the order of the inputs; `target` is what it predicts; `answer` the
    tensor that holds the prediction, of a classifier the probabilities in the order of its labels.
    """

    columns: Mapping[str, tuple[str, ...]]
    target: Target
    answer: str


def read_model(content: bytes, path: str) -> ModelProto:
    """The graph of a file, checked; raises ForeignModelError for one that isn't ONNX or not harmless."""
    if len(content) > _MOST_BYTES:
        raise ForeignModelError.refused(
            path, f"it has {len(content):,} bytes; at most {_MOST_BYTES:,} are read"
        )
    try:
        model = onnx.load_from_string(content)
    except Exception as error:  # protobuf's own errors
        raise ForeignModelError.refused(path, "it is no ONNX model") from error
    if not model.graph.node:
        raise ForeignModelError.refused(path, "it is no ONNX model, or an empty one")
    require_harmless(model, path)
    return model


def require_harmless(model: ModelProto, path: str) -> None:
    """Raise ForeignModelError unless a graph holds nothing but known operators, with all its data inside."""
    if model.functions or model.training_info:
        raise ForeignModelError.refused(path, "it defines functions of its own")
    if len(model.graph.node) > _MOST_NODES:
        raise ForeignModelError.refused(path, f"it has more than {_MOST_NODES:,} nodes")
    for tensor in constant_tensors(model.graph):
        if is_external(tensor):
            raise ForeignModelError.refused(
                path, f"its tensor '{tensor.name}' lies in another file"
            )
        if math.prod(tensor.dims) > _MOST_ELEMENTS:
            raise ForeignModelError.refused(path, f"its tensor '{tensor.name}' is too large")
    if model.graph.sparse_initializer:
        raise ForeignModelError.refused(path, "it has sparse tensors")
    fixed = {tensor.name for tensor in model.graph.initializer}
    fixed |= {
        name for node in model.graph.node if node.op_type == "Constant" for name in node.output
    }
    for node in model.graph.node:
        if node.op_type in _SHAPED and not {name for name in node.input[1:] if name} <= fixed:
            raise ForeignModelError.refused(
                path, f"its operator {node.op_type} has a shape that is computed"
            )
        if any(
            attribute.HasField("sparse_tensor") or attribute.sparse_tensors
            for attribute in node.attribute
        ):
            raise ForeignModelError.refused(path, "it has sparse tensors")
        if node.domain not in _DOMAINS or node.op_type not in _OPERATORS:
            name = f"{node.domain}.{node.op_type}" if node.domain else node.op_type
            raise ForeignModelError.refused(
                path, f"its operator {name} is not among those that are run here"
            )
        if any(attribute.HasField("g") or attribute.graphs for attribute in node.attribute):
            raise ForeignModelError.refused(
                path, f"its operator {node.op_type} holds a graph of its own"
            )
    total = 0
    for value in _shapes(model, path):
        dimensions = [dimension.dim_value for dimension in value.type.tensor_type.shape.dim]
        elements = math.prod(size for size in dimensions if size > 0)
        total += elements
        if elements >= _MOST_ELEMENTS or total > 8 * _MOST_ELEMENTS:
            raise ForeignModelError.refused(path, f"its tensor '{value.name}' would be too large")


def _shapes(model: ModelProto, path: str) -> list[Any]:
    """What is known of the shapes between the nodes when as many rows come as ever come at once."""
    with_rows = ModelProto()
    with_rows.CopyFrom(model)
    for value in with_rows.graph.input:
        if value.type.tensor_type.shape.dim:
            value.type.tensor_type.shape.dim[0].dim_value = _ROWS
    for value in with_rows.graph.output:
        value.type.tensor_type.ClearField("shape")
    del with_rows.graph.value_info[:]
    try:
        inferred = onnx.shape_inference.infer_shapes(with_rows, data_prop=True)
    except Exception as error:
        raise ForeignModelError.refused(path, "its shapes contradict each other") from error
    return [*inferred.graph.value_info, *inferred.graph.input, *inferred.graph.output]


# What it takes and gives


def inputs_of(model: ModelProto) -> dict[str, tuple[int, int | None]]:
    """The inputs of a graph: the type of each, and its width, None where it is a plain list of values.

    Raises ForeignModelError for an input that columns can't be fed to.
    """
    constants = {tensor.name for tensor in model.graph.initializer}
    found: dict[str, tuple[int, int | None]] = {}
    for value in model.graph.input:
        if value.name in constants:
            continue
        kind, dimensions = value.type.tensor_type.elem_type, value.type.tensor_type.shape.dim
        if kind not in (*_DOUBLES, *_INTEGERS, TensorProto.STRING, TensorProto.BOOL):
            name = TensorProto.DataType.Name(kind).lower()
            raise ForeignModelError(
                f"The input '{value.name}' is {name}. Inputs are float, double, int64, string or bool."
            )
        if len(dimensions) not in {1, 2} or (len(dimensions) == 2 and dimensions[1].dim_value < 1):
            raise ForeignModelError(
                f"The input '{value.name}' has the shape {_shown(dimensions)}. Inputs are [N, 1], or [N, k] with a "
                "fixed k."
            )
        found[value.name] = (kind, int(dimensions[1].dim_value) if len(dimensions) == 2 else None)
    return found


def _shown(dimensions: Sequence[Any]) -> str:
    return "[" + ", ".join(str(d.dim_value or d.dim_param or "?") for d in dimensions) + "]"


def understand(
    model: ModelProto,
    features: Mapping[str, tuple[str, ...]],
    target: str | None,
    output: str | None,
    labels: Sequence[str] | None,
) -> Adoption:
    """What a graph takes and gives, by its own words and those of the user.

    `features` are the columns of inputs that are wider than one; under '' of the only input. Raises ForeignModelError
    that says what is missing.
    """
    widths = {name: width or 1 for name, (_, width) in inputs_of(model).items()}
    given = {
        next(iter(widths)) if name == "" and len(widths) == 1 else name: columns
        for name, columns in features.items()
    }
    for name in given:
        if name not in widths:
            raise ForeignModelError(f"The model has no input '{name}'. It has {listed(widths)}.")
    columns = {}
    for name, width in widths.items():
        columns[name] = given.get(name, (name,) if width == 1 else ())
        if len(columns[name]) != width:
            example = f"features = ['column 1', …, 'column {width}']"
            if len(widths) > 1:
                example = f"features = {{'{name}': ['column 1', …, 'column {width}']}}"
            raise ForeignModelError(
                f"The input '{name}' takes {width} columns, and {len(columns[name])} are named. Name them in order: "
                f"{example}."
            )
    folded = [column.lower() for names in columns.values() for column in names]
    if len(set(folded)) < len(folded):
        raise ForeignModelError(f"Two inputs have the same column: {listed(folded)}.")
    if not all(folded):
        raise ForeignModelError("A column without a name can't be fed to the model.")
    answer, found = _answer(model, output, labels)
    name = target or output or model.graph.output[0].name
    if found is None:
        return Adoption(columns, Target(name, "DOUBLE"), answer)
    if len(set(found.texts)) < max(2, len(found.texts)):
        raise ForeignModelError(
            f"The model tells classes apart, and their labels are {listed(found.texts)}."
        )
    return Adoption(
        columns, Target(name, "BIGINT" if found.integers else "VARCHAR", found.texts), answer
    )


@dataclass(frozen=True)
class _Labels:
    """The labels of a classifier, and whether the graph has them as whole numbers."""

    texts: tuple[str, ...]
    integers: bool


def _answer(
    model: ModelProto, wanted: str | None, given: Sequence[str] | None
) -> tuple[str, _Labels | None]:
    """The tensor that holds the prediction, and the labels of a classifier."""
    outputs = {value.name: value for value in model.graph.output}
    if wanted is not None and wanted not in outputs:
        raise ForeignModelError(f"The model has no output '{wanted}'. It has {listed(outputs)}.")
    makers = {name: node for node in model.graph.node for name in node.output}
    for name in outputs:
        maker = makers.get(name)
        if maker is not None and maker.op_type == "ZipMap" and wanted in {None, name}:
            attributes = {a.name: helper.get_attribute_value(a) for a in maker.attribute}
            texts = attributes.get("classlabels_strings")
            return maker.input[0], _labels(
                texts or attributes["classlabels_int64s"], integers=not texts
            )
    numbers = [
        name
        for name, value in outputs.items()
        if value.type.tensor_type.elem_type in _DOUBLES and wanted in {None, name}
    ]
    if not numbers:
        raise ForeignModelError(
            f"The model has no output of numbers that can be read. It has {listed(outputs)}."
        )
    answer = numbers[0]
    dimensions = outputs[answer].type.tensor_type.shape.dim
    width = dimensions[1].dim_value if len(dimensions) == 2 else 1
    others = [name for name in outputs if name not in numbers]
    if given is not None:
        if width > 1 and len(given) != width:
            raise ForeignModelError(
                f"labels names {len(given)} classes, and the output '{answer}' has {width} columns."
            )
        return answer, _Labels(tuple(given), False)
    if width == 1 and (not others or wanted is not None):
        return answer, None
    labels = _labels_behind(model, makers, others[0]) if others else None
    if labels is None and width > 1 and not others:
        labels = _labels(range(width), integers=True)
    if labels is None:
        raise ForeignModelError(
            "The classes of the model can't be told: OPTIONS (labels = ['…', …]) names them."
        )
    return answer, labels


def _labels_behind(model: ModelProto, makers: Mapping[str, Any], output: str) -> _Labels | None:
    """The labels that the nodes behind an output of labels choose from."""
    constants = {tensor.name: tensor for tensor in model.graph.initializer}
    waiting, seen = [output], set()
    while waiting:
        name = waiting.pop(0)
        node = makers.get(name)
        if node is None or name in seen:
            continue
        seen.add(name)
        for attribute in node.attribute:
            if attribute.name in {"classlabels_strings", "classlabels_int64s", "classlabels_ints"}:
                labels = helper.get_attribute_value(attribute)
                if labels:
                    return _labels(labels, integers=attribute.name != "classlabels_strings")
        if node.op_type in {"ArrayFeatureExtractor", "Gather"} and node.input[0] in constants:
            chosen = numpy_helper.to_array(constants[node.input[0]]).reshape(-1)
            return _labels(chosen.tolist(), integers=chosen.dtype.kind in "iu")
        waiting += node.input
    return None


def _labels(labels: Iterable[Any], integers: bool) -> _Labels:
    return _Labels(
        tuple(label.decode() if isinstance(label, bytes) else str(label) for label in labels),
        integers,
    )


# The graph of ours


def signature_of(model: ModelProto, adoption: Adoption) -> Signature:
    """What the adopted graph takes and gives."""
    features = []
    for name, (kind, _) in inputs_of(model).items():
        for column in adoption.columns[name]:
            if kind in _INTEGERS:
                features.append(Feature(column, "BIGINT", "category", "BIGINT"))
            elif kind == TensorProto.STRING:
                features.append(Feature(column, "VARCHAR", "category", "VARCHAR"))
            elif kind == TensorProto.BOOL:
                features.append(Feature(column, "BOOLEAN", "boolean", "DOUBLE"))
            else:
                features.append(Feature(column, "DOUBLE", "number", "DOUBLE"))
    return Signature(tuple(features), adoption.target)


def adopted(
    model: ModelProto, adoption: Adoption, signature: Signature, on_null: str, precision: str
) -> bytes:
    """The bytes of the graph as one of ours."""
    graph = Graph(precision, signature.names)
    inner = compose.add_prefix(model, f"{graph.prefix}/model/")
    graph.opsets = {opset.domain: opset.version for opset in model.opset_import}
    graph.opsets.setdefault("", 18)
    graph.ir_version = max(model.ir_version, 7)
    renamed = {}
    for name, (kind, width) in inputs_of(model).items():
        renamed[f"{graph.prefix}/model/{name}"] = _fed(graph, adoption.columns[name], kind, width)
    for node in inner.graph.node:
        if node.op_type == "ZipMap":
            continue
        node.input[:] = [renamed.get(name, name) for name in node.input]
        graph.nodes.append(node)
    graph.constants.extend(inner.graph.initializer)
    answer = f"{graph.prefix}/model/{adoption.answer}"
    target = adoption.target
    outputs = []
    if target.labels is None:
        answer = graph.add("Cast", [answer], to=TensorProto.DOUBLE)
        shape = graph.constant(np.array([-1, 1], dtype=np.int64))
        answer = graph.add("Reshape", [answer, shape], output=graph.output_name(target.prediction))
        outputs.append(helper.make_tensor_value_info(answer, TensorProto.DOUBLE, ["N", 1]))
    else:
        name = graph.output_name(target.probabilities)
        shape = graph.constant(np.array([-1, len(target.labels)], dtype=np.int64))
        answer = graph.add(
            "Cast", [graph.add("Reshape", [answer, shape])], to=TensorProto.DOUBLE, output=name
        )
        labels, kind = label_tensor(target)
        code = graph.add("ArgMax", [answer], axis=1, keepdims=1)
        picked = graph.add(
            "Gather",
            [graph.constant(labels), code],
            axis=0,
            output=graph.output_name(target.prediction),
        )
        outputs.append(helper.make_tensor_value_info(picked, kind, ["N", 1]))
        outputs.append(
            helper.make_tensor_value_info(answer, TensorProto.DOUBLE, ["N", len(target.labels)])
        )
    return graph.finish(outputs, manifest_json(signature, precision, on_null, {}))


def _fed(graph: Graph, columns: Sequence[str], kind: int, width: int | None) -> str:
    """The tensor that stands for an input of the foreign graph, made of columns."""
    of_column = (
        kind
        if kind == TensorProto.STRING
        else TensorProto.INT64
        if kind in _INTEGERS
        else TensorProto.DOUBLE
    )
    values = [graph.input(column, of_column) for column in columns]
    value = values[0] if len(values) == 1 else graph.add("Concat", values, axis=1)
    if of_column != kind:
        value = graph.add("Cast", [value], to=kind)
    return (
        value
        if width is not None
        else graph.add("Reshape", [value, graph.constant(np.array([-1], dtype=np.int64))])
    )
