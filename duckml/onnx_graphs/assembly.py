"""The ONNX graph of a trained model: preprocessing, estimator and outputs.

The graph is complete for any onnxruntime. It has one named [N, 1] input per feature: doubles with
NaN for NULL (dates as days, timestamps as seconds since 1970-01-01), strings with '' for NULL, and
int64 with the smallest value for NULL.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from onnx import TensorProto, compose, helper

from duckml.estimators.table import is_made_of_trees
from duckml.estimators.trained import TrainedModel
from duckml.onnx_graphs.class_labels import class_outputs
from duckml.onnx_graphs.conversion import convert
from duckml.onnx_graphs.graph import Graph
from duckml.onnx_graphs.manifest import manifest_json
from duckml.onnx_graphs.preprocessing_graph import add_preprocessing

# The largest difference between scikit-learn and onnxruntime, relative to the predictions' spread
# (for probabilities absolute), by precision.
TOLERANCE = {"float32": 1e-4, "float64": 1e-9}


def to_onnx(trained: TrainedModel, precision: str, on_null: str) -> bytes:
    """Return the ONNX bytes of a model; the same training always gives the same bytes.

    Raises ParityError if skl2onnx can't convert the estimator.
    """
    graph = Graph(precision, trained.signature.names)
    matrix = add_preprocessing(graph, trained.preprocessing)
    if trained.is_classifier:
        outputs = _probability_outputs(graph, trained, matrix)
    else:
        outputs = [_number_output(graph, trained, matrix)]
    manifest = manifest_json(trained.signature, precision, on_null, graph.codes)
    return graph.finish(outputs, manifest)


def _number_output(graph: Graph, trained: TrainedModel, matrix: str) -> Any:
    """Add the prediction, in the scale of the target."""
    width = trained.preprocessing.width
    predicted = _add_estimator(graph, trained.estimator, matrix, width)
    predicted = graph.add("Cast", [predicted], to=TensorProto.DOUBLE)
    shape = graph.constant(np.array([-1, 1], dtype=np.int64))
    predicted = graph.add("Reshape", [predicted, shape])
    predicted = graph.add("Mul", [predicted, graph.double(trained.target_scale)])
    predicted = graph.add(
        "Add",
        [predicted, graph.double(trained.target_mean)],
        output=graph.output_name(trained.target.prediction),
    )
    return helper.make_tensor_value_info(predicted, TensorProto.DOUBLE, ["N", 1])


def _probability_outputs(graph: Graph, trained: TrainedModel, matrix: str) -> list[Any]:
    """Add the label, and the probabilities in the order of the target's labels."""
    target = trained.target
    estimator, width = trained.estimator, trained.preprocessing.width
    probabilities = _add_probabilities(graph, estimator, matrix, width)
    output = graph.output_name(target.probabilities)
    probabilities = graph.add("Cast", [probabilities], to=TensorProto.DOUBLE, output=output)
    return class_outputs(graph, probabilities, target)


def _add_probabilities(graph: Graph, estimator: Any, matrix: str, width: int) -> str:
    """Add the probabilities of a classifier, one column per code."""
    from sklearn.linear_model import LogisticRegression

    if not isinstance(estimator, LogisticRegression):
        return _add_estimator(graph, estimator, matrix, width, output=1)
    # Not with skl2onnx: its operator for a logistic regression computes in single precision.
    coefficients, intercept = np.asarray(estimator.coef_), np.asarray(estimator.intercept_)
    if len(coefficients) == 1:
        # For two classes scikit-learn stores the coefficients of the second class only.
        coefficients = np.vstack([np.zeros_like(coefficients), coefficients])
        intercept = np.array([0.0, float(intercept[0])])
    weights = graph.constant(coefficients.T.astype(graph.dtype))
    scores = graph.add("MatMul", [matrix, weights])
    scores = graph.add("Add", [scores, graph.constant(intercept.astype(graph.dtype))])
    return graph.add("Softmax", [scores], axis=1)


def _add_estimator(graph: Graph, estimator: Any, matrix: str, width: int, output: int = 0) -> str:
    """Add skl2onnx's graph of an estimator and return the name of one of its outputs."""
    kind = "float" if graph.dtype is np.float32 else "double"
    if is_made_of_trees(estimator):
        # The matrix that the trees were trained on holds float32 numbers; they add up in double.
        matrix, kind = graph.add("Cast", [matrix], to=TensorProto.DOUBLE), "double"
    model = convert(estimator, [("matrix", kind, width)], from_float32=True)
    model = compose.add_prefix(model, f"{graph.prefix}/estimator/")
    for opset in model.opset_import:
        graph.opsets[opset.domain] = max(graph.opsets.get(opset.domain, 0), opset.version)
    source, wanted = model.graph.input[0].name, str(model.graph.output[output].name)
    for node in _needed_nodes(model.graph.node, wanted):
        node.input[:] = [matrix if name == source else name for name in node.input]
        graph.nodes.append(node)
    used = {name for node in graph.nodes for name in node.input}
    for constant in model.graph.initializer:
        if constant.name in used:
            graph.constants.append(constant)
    return wanted


def _needed_nodes(nodes: Sequence[Any], output: str) -> list[Any]:
    """Return the nodes that an output depends on, in their order."""
    wanted, kept = {output}, []
    for node in reversed(nodes):
        if wanted & set(node.output):
            wanted |= set(node.input)
            kept.append(node)
    return kept[::-1]
