"""Builds the native engine into the package where Rust's cargo is; goes on without it, saying so, where it isn't."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
from pathlib import Path
from typing import Any

from setuptools import setup
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build_py import build_py

ROOT = Path(__file__).parent
EXTENSION = ROOT / "duckml" / "duckml.duckdb_extension"


class BuildWithEngine(build_py):
    """Compiles the extension before the package's files are collected."""

    def run(self) -> None:
        """Build the engine, if that can be, and then what setuptools builds."""
        if shutil.which("cargo") is None:
            self.without("there is no cargo here (https://rustup.rs brings it)")
        else:
            try:
                _builder().build()
            except (subprocess.CalledProcessError, KeyError) as error:
                self.without(f"it doesn't compile: {error}")
        super().run()

    def without(self, why: str) -> None:
        """Say that the package comes without the native engine."""
        for stale in (EXTENSION, Path(self.build_lib) / "duckml" / EXTENSION.name):
            stale.unlink(missing_ok=True)
        self.warn(
            f"duckml is installed without its native engine: {why}. Models are served by the Python engine."
        )


class WheelForPlatform(bdist_wheel):
    """With the extension in it, a wheel is for one platform, and for every Python."""

    def get_tag(self) -> tuple[str, str, str]:
        """The tag of the wheel."""
        if not EXTENSION.exists():
            return super().get_tag()
        self.plat_name_supplied = True
        self.root_is_pure = False
        _, _, platform = super().get_tag()
        return "py3", "none", platform


def _builder() -> Any:
    """The module native/build.py, which is no part of the package."""
    spec = importlib.util.spec_from_file_location("build_native", ROOT / "native" / "build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


setup(cmdclass={"build_py": BuildWithEngine, "bdist_wheel": WheelForPlatform})
