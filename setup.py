"""The build of the package, with the native engine if Rust's cargo is installed.

Without cargo it prints a warning and builds the package without the engine.
"""

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
    """A build that compiles the extension before the package's files are collected."""

    def run(self) -> None:
        """Build the engine if possible, then the package."""
        if shutil.which("cargo") is None:
            self.skip_engine("cargo is not installed (see https://rustup.rs)")
        else:
            try:
                _native_build().build()
            except (subprocess.CalledProcessError, KeyError) as error:
                self.skip_engine(f"it doesn't compile: {error}")
        super().run()

    def skip_engine(self, reason: str) -> None:
        """Remove an old extension and warn that the package has no native engine."""
        for stale in (EXTENSION, Path(self.build_lib) / "duckml" / EXTENSION.name):
            stale.unlink(missing_ok=True)
        self.warn(
            f"duckml is installed without its native engine: {reason}. The Python engine is used."
        )


class WheelForPlatform(bdist_wheel):
    """A wheel for one platform and every Python, if the extension is in it."""

    def get_tag(self) -> tuple[str, str, str]:
        """Return the tag of the wheel."""
        if not EXTENSION.exists():
            return super().get_tag()
        self.plat_name_supplied = True
        self.root_is_pure = False
        _, _, platform = super().get_tag()
        return "py3", "none", platform


def _native_build() -> Any:
    """Import native/build.py, which isn't part of the package."""
    spec = importlib.util.spec_from_file_location("build_native", ROOT / "native" / "build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


setup(cmdclass={"build_py": BuildWithEngine, "bdist_wheel": WheelForPlatform})
