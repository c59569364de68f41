"""The devices that onnxruntime can run models on, and which of them this machine has."""

from __future__ import annotations

import functools
import importlib.util
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from duckml.errors import DeviceError


class DeviceWarning(UserWarning):
    """A device that was found but did not start, so that another one is used."""


@dataclass(frozen=True)
class Device:
    """A device, the onnxruntime provider for it, and how to install that provider."""

    name: str
    provider: str
    install: str


DEVICES = (
    Device(
        "cuda",
        "CUDAExecutionProvider",
        "Install it with: pip uninstall onnxruntime; pip install onnxruntime-gpu.",
    ),
    Device(
        "openvino",
        "OpenVINOExecutionProvider",
        "Install it with: pip uninstall onnxruntime; pip install onnxruntime-openvino.",
    ),
    Device("cpu", "CPUExecutionProvider", "Install it with: pip install onnxruntime."),
)

# The devices that 'auto' tries, best first.
_AUTO = ("cuda", "cpu")

_LIBRARY_PATTERNS = ("libonnxruntime.so*", "libonnxruntime*.dylib", "onnxruntime.dll")


def device_named(name: str) -> Device:
    """Return the device of that name.

    Raises DeviceError if there is none.
    """
    for device in DEVICES:
        if device.name == name:
            return device
    raise DeviceError.unknown(name, ["auto", *(device.name for device in DEVICES)])


def require_device(name: str) -> None:
    """Raise DeviceError unless the installed onnxruntime offers a device ('auto' always passes)."""
    if name == "auto":
        return
    device = device_named(name)
    offered = _offered_providers()
    if device.provider not in offered:
        names = [known.name for known in DEVICES if known.provider in offered]
        raise DeviceError.missing(name, names, device.install)


@dataclass(frozen=True)
class DeviceState:
    """A row of `duckml devices`."""

    name: str
    provider: str
    offered: bool
    starts: bool
    detail: str


def device_states() -> list[DeviceState]:
    """Return for each device whether onnxruntime offers it, and whether it starts."""
    offered = _offered_providers()
    states = []
    for device in DEVICES:
        name, provider = device.name, device.provider
        if provider not in offered:
            states.append(DeviceState(name, provider, False, False, device.install))
            continue
        try:
            open_session(_identity_model(), device)
        except Exception as error:  # each provider raises errors of its own when it can't start
            states.append(DeviceState(name, provider, True, False, first_line(error)))
        else:
            states.append(DeviceState(name, provider, True, True, "ready"))
    return states


def auto_devices() -> list[str]:
    """Return the devices that 'auto' tries, best first."""
    offered = _offered_providers()
    return [name for name in _AUTO if device_named(name).provider in offered]


def open_session(onnx_bytes: bytes, device: Device) -> Any:
    """Open an onnxruntime session on a device.

    Raises DeviceError if onnxruntime would run the model on another device.
    """
    import onnxruntime as ort

    options = ort.SessionOptions()
    # DuckDB already runs one chunk of rows per thread.
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    session = ort.InferenceSession(onnx_bytes, options, providers=[device.provider])
    # onnxruntime falls back to the CPU and only prints a line, so compare the provider in use.
    used = session.get_providers()[0]
    if used != device.provider:
        raise DeviceError.failed(device.name, f"onnxruntime uses {used} instead.")
    return session


@functools.cache
def onnxruntime_library() -> str | None:
    """Return the path of the installed onnxruntime's shared library, without importing it.

    Returns None if onnxruntime isn't installed, or was built without a separate library.
    """
    found = importlib.util.find_spec("onnxruntime")
    if found is None or found.origin is None:
        return None
    folder = Path(found.origin).parent / "capi"
    paths = [path for pattern in _LIBRARY_PATTERNS for path in sorted(folder.glob(pattern))]
    return str(paths[0]) if paths else None


def is_cpu_only() -> bool:
    """Return whether 'auto' can only mean the CPU, without importing onnxruntime."""
    path = onnxruntime_library()
    return path is None or not any(Path(path).parent.glob("*onnxruntime_providers_cuda*"))


def first_line(error: Exception) -> str:
    """Return the first line of an error's message, as a sentence."""
    return str(error).strip().split("\n", 1)[0] + "."


def _offered_providers() -> list[str]:
    import onnxruntime as ort

    return list(ort.get_available_providers())


def _identity_model() -> bytes:
    """Return the ONNX bytes of a model that returns its input, the smallest one possible."""
    from onnx import TensorProto, helper

    shape = [None, 1]
    graph = helper.make_graph(
        [helper.make_node("Identity", ["x"], ["y"])],
        "probe",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, shape)],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    return bytes(model.SerializeToString())
