"""The models that this process has open, by device and key.

A key is the SHA-256 of a model's ONNX bytes, which is checked before a model is opened.
"""

from __future__ import annotations

import contextlib
import threading
import warnings
from collections import OrderedDict

from duckml.artifacts import require_intact
from duckml.engines.devices import (
    DeviceWarning,
    auto_devices,
    device_named,
    first_line,
    require_device,
)
from duckml.engines.predictor import Predictor
from duckml.errors import ArtifactError, DeviceError

# Beyond this number the least recently used model is closed.
_CAPACITY = 256

_opened: OrderedDict[tuple[str, str], Predictor] = OrderedDict()
_lock = threading.Lock()


def open_predictor(key: str, device: str) -> Predictor | None:
    """Return the model of that key if it is open on that device."""
    predictor = _opened.get((device, key))
    if predictor is not None:
        with contextlib.suppress(KeyError):  # another thread has just closed it
            _opened.move_to_end((device, key))
    return predictor


def open_model(key: str, onnx_bytes: bytes, device: str) -> Predictor:
    """Open a model on a device, unless it is open already; 'auto' is the best device that starts.

    Raises ArtifactError if the bytes don't have the SHA-256 `key` or can't be read, DeviceError if
    the named device doesn't start.
    """
    require_intact(onnx_bytes, key)
    with _lock:
        predictor = _opened.get((device, key))
        if predictor is None:
            if device == "auto":
                predictor = _open_on_best_device(key, onnx_bytes)
            else:
                predictor = _open_on(key, onnx_bytes, device)
            _opened[(device, key)] = predictor
            while len(_opened) > _CAPACITY:
                _opened.popitem(last=False)
    return predictor


def _open_on(key: str, onnx_bytes: bytes, device: str) -> Predictor:
    require_device(device)
    try:
        return Predictor(onnx_bytes, device_named(device))
    except DeviceError:
        raise
    except Exception as error:  # onnxruntime, protobuf and the graph's reader each raise their own
        if device == "cpu":
            raise ArtifactError.unreadable(key, first_line(error)) from error
        raise DeviceError.failed(device, first_line(error)) from error


def _open_on_best_device(key: str, onnx_bytes: bytes) -> Predictor:
    for name in auto_devices():
        try:
            return Predictor(onnx_bytes, device_named(name))
        except Exception as error:
            if name == "cpu":
                raise ArtifactError.unreadable(key, first_line(error)) from error
            warnings.warn(
                f"{name} did not start; the CPU is used instead: {first_line(error)}",
                DeviceWarning,
                stacklevel=2,
            )
    raise AssertionError("the CPU is always tried last")
