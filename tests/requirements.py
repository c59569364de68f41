"""Programs and libraries that some tests need and that the Makefile doesn't install.

`python3 tests/requirements.py` prints the Debian packages of those that this machine lacks. It runs
before anything is installed, so this module imports nothing but Python's standard library.
"""

from __future__ import annotations

import ctypes
import os
import pty
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

EXTENSION = Path(__file__).parent.parent / "duckml" / "duckml.duckdb_extension"


@dataclass(frozen=True)
class Requirement:
    """A program or library: how it is found, and where it comes from."""

    name: str
    is_present: Callable[[], bool]
    packages: tuple[str, ...] = ()
    other_source: str = ""
    can_be_installed: bool = True

    @property
    def remedy(self) -> str:
        """Return how to get it."""
        install = f"apt-get install {' '.join(self.packages)}" if self.packages else ""
        return " or ".join(part for part in (self.other_source, install) if part)


def _programs(*names: str) -> Callable[[], bool]:
    return lambda: all(shutil.which(name) for name in names)


def _library(name: str) -> Callable[[], bool]:
    def is_present() -> bool:
        try:
            ctypes.CDLL(name)
        except OSError:
            return False
        return True

    return is_present


def _has_native_engine() -> bool:
    # With cargo an engine that isn't built is a failure to report, not a missing part.
    return EXTENSION.exists() or _programs("cargo", "cc")()


def _has_terminals() -> bool:
    try:
        master, terminal = pty.openpty()
    except OSError:
        return False
    os.close(master)
    os.close(terminal)
    return True


REQUIREMENTS = {
    requirement.name: requirement
    for requirement in (
        Requirement(
            "native engine",
            _has_native_engine,
            ("cargo-web", "rustfmt-web", "rust-web-clippy"),
            "install Rust's cargo and a C linker (https://rustup.rs)",
        ),
        Requirement("Java", _programs("java", "javac", "mvn"), ("default-jdk-headless", "maven")),
        Requirement("Node", _programs("node", "npm"), ("nodejs", "npm")),
        Requirement("OpenMP", _library("libgomp.so.1"), ("libgomp1",)),
        Requirement("Chromium", _programs("chromium"), ("chromium",)),
        # PostgreSQL's ODBC driver is fetched from Debian's packages, which need not be installed.
        Requirement(
            "Debian's packages", _programs("apt-get", "dpkg"), other_source="use Debian or Ubuntu"
        ),
        Requirement("terminals", _has_terminals, other_source="mount devpts on /dev/pts"),
        Requirement(
            "root",
            lambda: os.geteuid() == 0,
            other_source="run the tests as root",
            can_be_installed=False,
        ),
    )
}


def missing_packages() -> list[str]:
    """Return the Debian packages of everything that isn't present."""
    return [
        package
        for requirement in REQUIREMENTS.values()
        if not requirement.is_present()
        for package in requirement.packages
    ]


if __name__ == "__main__":
    print(" ".join(missing_packages()))
