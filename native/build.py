"""Build the native engine: `duckml/duckml.duckdb_extension`, for DuckDB's stable C API and this machine.

An extension is a shared library with a footer that tells DuckDB which platform and which API it is made for.
"""

from __future__ import annotations

import platform
import re
import subprocess
import sys
import sysconfig
from pathlib import Path

CRATE = Path(__file__).parent
# Written where the package finds it, in a source tree as in a wheel.
EXTENSION = CRATE.parent / "duckml" / "duckml.duckdb_extension"
API = "v1.5.6"  # as in src/lib.rs

_SYSTEMS = {"linux": "linux", "darwin": "osx", "win32": "windows"}
_LIBRARIES = {"linux": "libduckml.so", "darwin": "libduckml.dylib", "win32": "duckml.dll"}
_MACHINES = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}


def duckdb_platform() -> str:
    """What DuckDB calls this machine, such as linux_amd64."""
    name = f"{_SYSTEMS[sys.platform]}_{_MACHINES[platform.machine().lower()]}"
    return f"{name}_musl" if "musl" in (sysconfig.get_config_var("HOST_GNU_TYPE") or "") else name


def footer(version: str) -> bytes:
    """The 534 bytes behind an extension: a WebAssembly section of eight fields, last one first, and a signature.

    As DuckDB reads them in src/main/extension/extension_load.cpp (ParseExtensionMetaData); unsigned, so zeros.
    """
    fields = ["4", duckdb_platform(), API, version, "C_STRUCT", "", "", ""]
    section = b"\x00\x93\x04\x10duckdb_signature\x80\x04"
    return (
        section
        + b"".join(field.encode().ljust(32, b"\0") for field in reversed(fields))
        + bytes(256)
    )


def build() -> Path:
    """Compile the crate and write the extension; its path. Raises CalledProcessError when it doesn't compile."""
    subprocess.run(["cargo", "build", "--release", "--locked"], cwd=CRATE, check=True)
    library = CRATE / "target" / "release" / _LIBRARIES[sys.platform]
    version = subprocess.run(
        ["cargo", "pkgid"], cwd=CRATE, check=True, capture_output=True, text=True
    )
    content = library.read_bytes() + footer("v" + re.split("[#@]", version.stdout.strip())[-1])
    # A process that has the extension loaded must not find another file of the same content in its place.
    if not EXTENSION.exists() or EXTENSION.read_bytes() != content:
        written = EXTENSION.with_suffix(".partial")
        written.write_bytes(content)
        written.replace(EXTENSION)
    return EXTENSION


if __name__ == "__main__":
    print(build())
