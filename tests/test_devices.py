"""Devices: the requested one is used, or an error says what to install.

The tests install a real second provider.
"""

from __future__ import annotations

import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

import duckml
from duckml import errors
from tests.conftest import LINE, on_both_engines

pytestmark = pytest.mark.filterwarnings("ignore::duckml.ModelWarningMessage")
ROOT = Path(__file__).parent.parent
OPENVINO = "onnxruntime-openvino==1.24.1"


def test_a_device_that_is_not_there_is_an_error_that_says_what_to_install() -> None:
    with pytest.raises(errors.DeviceError) as raised:
        duckml.connect(device="cuda")
    assert str(raised.value) == (
        "Device 'cuda' was requested, but the installed onnxruntime offers cpu. Install it with: "
        "pip uninstall "
        "onnxruntime; pip install onnxruntime-gpu. device='auto' uses a device that is available."
    )


def test_an_unknown_device_names_the_nearest() -> None:
    with pytest.raises(errors.DeviceError) as raised:
        duckml.connect(device="cudda")
    assert (
        str(raised.value)
        == "Unknown device 'cudda'. Did you mean \"cuda\"? Known: auto, cuda, openvino, cpu."
    )


def test_two_connections_to_one_database_can_not_serve_on_two_devices(file: str) -> None:
    with duckml.connect(file, device="cpu", engine="python"):
        with duckml.connect(file) as second:  # auto takes what serves already
            assert second.execute("SELECT 1").fetchall() == [(1,)]
        served_on_auto = duckml.connect(engine="python")
        cursor = served_on_auto.cursor()
        with pytest.raises(errors.DeviceError, match="has the database open with device 'auto'"):
            duckml.attach(cursor, device="cpu")


@on_both_engines
def test_describe_says_which_device_serves(con: duckml.Connection, engine: str) -> None:
    con.execute(f"CREATE MODEL m {LINE} AS SELECT i AS x, i AS y FROM range(100) t(i)")
    described = dict(con.execute("DESCRIBE MODEL m").fetchall())
    assert described["device"] == "cpu"
    assert described["engine"] == f"{engine} (onnxruntime)"


@pytest.fixture(scope="session")
def openvino() -> str:
    """Return a Python with OpenVINO's onnxruntime, and all else from the tests' environment."""
    folder = ROOT / ".venv-openvino"
    python = folder / "bin" / "python"
    if not (folder / "ready").exists():
        venv.create(folder, clear=True, with_pip=True)
        pip = [str(python), "-m", "pip", "install", "--quiet", "--no-deps", OPENVINO]
        subprocess.run(pip, check=True, timeout=400)
        packages = next(folder.glob("lib/python*/site-packages"))
        # After its own packages, so that its onnxruntime is found first.
        lines = [sysconfig.get_paths()["purelib"], str(ROOT)]
        (packages / "shared.pth").write_text("\n".join(lines) + "\n", encoding="utf-8")
        (packages / "finder.pth").write_text(
            "import site; site.addsitedir(" + repr(sysconfig.get_paths()["purelib"]) + ")\n",
            encoding="utf-8",
        )
        (folder / "ready").touch()
    return str(python)


SECOND_PROVIDER = """
import sys, warnings
warnings.simplefilter("ignore")
import numpy as np
import duckml
from duckml.engines.devices import device_states
from duckml.engines.open_models import open_predictor
from duckml import errors

states = {state.name: (state.offered, state.starts) for state in device_states()}
print(states["openvino"], states["cpu"], states["cuda"][0])

rows = "SELECT i % 50 AS a, i % 7 AS b, 'k' || (i % 5) AS k, i % 50 + i % 5 AS y "
rows += "FROM range(2000) t(i)"
create = f"CREATE MODEL m OPTIONS (target = 'y', max_iter = 3) AS {rows}"
answers = {}
for device in ("openvino", "cpu", "auto"):
    con = duckml.connect(device=device, engine="python")
    con.execute(create).fetchall()
    served = dict(con.execute("DESCRIBE MODEL m").fetchall())["device"]
    key = con.model("m").key
    session = open_predictor(key, device).session
    answers[device] = con.sql(f"SELECT PREDICT(m) AS p FROM ({rows})").fetchnumpy()["p"]
    print(device, served, session.get_providers()[0], float(con.model("m").info["parity"]) <= 1e-4)
    con.close()
is_close = np.allclose(answers["openvino"], answers["cpu"], rtol=1e-4)
print(is_close, np.array_equal(answers["auto"], answers["cpu"]))
try:
    duckml.connect(device="cuda")
except errors.DeviceError as error:
    print("offers openvino, cpu" in str(error))
"""


def test_a_second_provider_serves_what_it_is_asked_for(openvino: str) -> None:
    answer = subprocess.run(
        [openvino, "-c", SECOND_PROVIDER], capture_output=True, text=True, timeout=300, check=False
    )
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.splitlines() == [
        "(True, True) (True, True) False",
        "openvino openvino OpenVINOExecutionProvider True",
        "cpu cpu CPUExecutionProvider True",
        "auto cpu CPUExecutionProvider True",
        "True True",
        "True",
    ]


FALLBACK = """
import sys, warnings
import duckml
from duckml.engines.devices import device_states
from duckml.engines.open_models import open_predictor
from duckml import errors

# A model that OpenVINO can't run as a whole must not run on another device silently. onnxruntime
# then reports CPUExecutionProvider, and duckml compares.
try:
    con = duckml.connect(device="openvino")
    con.create_model("m", "SELECT i AS x, i AS y FROM range(200) t(i)", "y", "linear_regression")
    print(dict(con.execute("DESCRIBE MODEL m").fetchall())["device"])
except errors.DeviceError as error:
    print("refused:", str(error).split(".")[0])
"""


def test_a_fallback_is_never_silent(openvino: str) -> None:
    answer = subprocess.run(
        [openvino, "-c", FALLBACK], capture_output=True, text=True, timeout=300, check=False
    )
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.startswith(
        ("openvino", "refused: Device 'openvino' was requested and didn't start")
    )


def test_the_devices_command_names_all(openvino: str) -> None:
    command = [str(Path(openvino)), "-m", "duckml.cli", "devices"]
    answer = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    assert "openvino  OpenVINOExecutionProvider   ready" in answer.stdout
    assert sys.version_info >= (3, 11)
