"""The inputs and outputs of an ONNX model from elsewhere, in terms of columns.

They are read from the graph. The user's options add what a graph doesn't state: the columns of a
matrix, the labels of classes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from onnx import ModelProto, TensorProto

from duckml.errors import ForeignModelError
from duckml.features.signature import Target
from duckml.names import listed
from duckml.onnx_graphs.foreign_labels import (
    ForeignLabels,
    as_labels,
    labels_of_output,
    producers_of,
    zipped_probabilities,
)

REAL_TYPES = (TensorProto.FLOAT, TensorProto.DOUBLE)
INTEGER_TYPES = (TensorProto.INT64, TensorProto.INT32)
_INPUT_TYPES = (*REAL_TYPES, *INTEGER_TYPES, TensorProto.STRING, TensorProto.BOOL)


@dataclass(frozen=True)
class ForeignInterface:
    """The columns that each input is made of, in the order of the inputs, and the prediction.

    `output` is the tensor of the prediction. For a classifier these are the probabilities, in the
    order of the target's labels.
    """

    columns: Mapping[str, tuple[str, ...]]
    target: Target
    output: str


@dataclass(frozen=True)
class ForeignInput:
    """An input: its tensor type, and its number of columns, or None for a vector of values."""

    name: str
    tensor_type: int
    width: int | None


def foreign_inputs(model: ModelProto) -> list[ForeignInput]:
    """Return the inputs of a graph.

    Raises ForeignModelError for an input that can't be made of columns.
    """
    # Old files list their constants among the inputs.
    constants = {tensor.name for tensor in model.graph.initializer}
    return [_input(value) for value in model.graph.input if value.name not in constants]


def _input(value: Any) -> ForeignInput:
    tensor_type = value.type.tensor_type.elem_type
    dimensions = value.type.tensor_type.shape.dim
    if tensor_type not in _INPUT_TYPES:
        name = TensorProto.DataType.Name(tensor_type).lower()
        raise ForeignModelError(
            f"The input '{value.name}' is {name}. Inputs are float, double, int64, string or bool."
        )
    if len(dimensions) == 1:
        return ForeignInput(value.name, tensor_type, None)
    if len(dimensions) != 2 or dimensions[1].dim_value < 1:
        shape = ", ".join(str(d.dim_value or d.dim_param or "?") for d in dimensions)
        raise ForeignModelError(
            f"The input '{value.name}' has the shape [{shape}]. Inputs are [N, 1], or [N, k] with "
            "a fixed k."
        )
    return ForeignInput(value.name, tensor_type, int(dimensions[1].dim_value))


def foreign_interface(
    model: ModelProto,
    features: Mapping[str, tuple[str, ...]],
    target: str | None,
    output: str | None,
    labels: Sequence[str] | None,
) -> ForeignInterface:
    """Return the interface of a graph, from the graph and the user's options.

    `features` are the columns of inputs that are wider than one. The key '' stands for the only
    input. Raises ForeignModelError if something is missing or contradictory.
    """
    columns = _input_columns(foreign_inputs(model), features)
    tensor, found = _prediction(model, output, labels)
    name = target or output or model.graph.output[0].name
    if found is None:
        return ForeignInterface(columns, Target(name, "DOUBLE"), tensor)
    if len(set(found.texts)) < max(2, len(found.texts)):
        raise ForeignModelError(
            f"The labels of the model's classes are {listed(found.texts)}. A classifier has at "
            "least two labels, all different."
        )
    sql_type = "BIGINT" if found.are_integers else "VARCHAR"
    return ForeignInterface(columns, Target(name, sql_type, found.texts), tensor)


def _input_columns(
    inputs: Sequence[ForeignInput], features: Mapping[str, tuple[str, ...]]
) -> dict[str, tuple[str, ...]]:
    """Return the columns of each input: those that the user named, or the input's own name."""
    widths = {value.name: value.width or 1 for value in inputs}
    named = dict(features)
    if "" in named and len(widths) == 1:
        named[next(iter(widths))] = named.pop("")
    for name in named:
        if name not in widths:
            raise ForeignModelError(f"The model has no input '{name}'. It has {listed(widths)}.")
    columns = {}
    for name, width in widths.items():
        columns[name] = named.get(name, (name,) if width == 1 else ())
        if len(columns[name]) != width:
            raise _wrong_width(name, width, len(columns[name]), len(widths))
    folded = [column.lower() for names in columns.values() for column in names]
    if len(set(folded)) < len(folded):
        raise ForeignModelError(f"Two inputs have the same column: {listed(folded)}.")
    if not all(folded):
        raise ForeignModelError("Every column of an input needs a name; one is empty.")
    return columns


def _wrong_width(name: str, width: int, given: int, inputs: int) -> ForeignModelError:
    example = f"features = ['column 1', …, 'column {width}']"
    if inputs > 1:
        example = f"features = {{'{name}': ['column 1', …, 'column {width}']}}"
    return ForeignModelError(
        f"The input '{name}' takes {width} columns, and {given} are named. Name them in order: "
        f"{example}."
    )


def _prediction(
    model: ModelProto, wanted: str | None, given: Sequence[str] | None
) -> tuple[str, ForeignLabels | None]:
    """Return the tensor of the prediction, and the labels if the model is a classifier.

    `wanted` is the output and `given` are the labels that the user named.
    """
    outputs = {value.name: value for value in model.graph.output}
    if wanted is not None and wanted not in outputs:
        raise ForeignModelError(f"The model has no output '{wanted}'. It has {listed(outputs)}.")
    candidates = list(outputs) if wanted is None else [wanted]
    producers = producers_of(model)
    for name in candidates:
        if name in producers and producers[name].op_type == "ZipMap":
            return zipped_probabilities(producers[name])
    real = [name for name in outputs if outputs[name].type.tensor_type.elem_type in REAL_TYPES]
    numbers = [name for name in real if name in candidates]
    if not numbers:
        raise ForeignModelError(
            f"The model has no output of type float or double. It has {listed(outputs)}."
        )
    tensor = numbers[0]
    width = _width(outputs[tensor])
    others = [name for name in outputs if name not in numbers]
    if given is None and width == 1 and (not others or wanted is not None):
        return tensor, None
    if given is not None:
        if width > 1 and len(given) != width:
            raise ForeignModelError(
                f"labels names {len(given)} classes, and the output '{tensor}' has {width} columns."
            )
        return tensor, ForeignLabels(tuple(given), are_integers=False)
    return tensor, _stated_labels(model, others, width)


def _stated_labels(model: ModelProto, others: Sequence[str], width: int) -> ForeignLabels:
    """Return the labels that the graph states; `others` are the outputs that may hold labels."""
    if not others:
        # The graph has probabilities only, so the classes are their positions.
        return as_labels(range(width), are_integers=True)
    labels = labels_of_output(model, others[0])
    if labels is None:
        raise ForeignModelError(
            "The model doesn't state the labels of its classes. Name them with OPTIONS (labels = "
            "['…', …])."
        )
    return labels


def _width(output: Any) -> int:
    dimensions = output.type.tensor_type.shape.dim
    return dimensions[1].dim_value if len(dimensions) == 2 else 1
