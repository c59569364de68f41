"""The build of the native engine, `duckml/duckml.duckdb_extension`, for this machine.

An extension is a shared library with a footer that states its platform and its version of DuckDB's
stable C API.
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
    """Return DuckDB's name of this platform, such as linux_amd64."""
    name = f"{_SYSTEMS[sys.platform]}_{_MACHINES[platform.machine().lower()]}"
    is_musl = "musl" in (sysconfig.get_config_var("HOST_GNU_TYPE") or "")
    return f"{name}_musl" if is_musl else name


def footer(version: str) -> bytes:
    """Return the 534 bytes at the end of an extension.

    They are a WebAssembly section of eight fields, the last one first, and a signature, which is
    zero for an unsigned extension. DuckDB reads them in src/main/extension/extension_load.cpp
    (ParseExtensionMetaData).
    """
    fields = ["4", duckdb_platform(), API, version, "C_STRUCT", "", "", ""]
    section = b"\x00\x93\x04\x10duckdb_signature\x80\x04"
    values = b"".join(field.encode().ljust(32, b"\0") for field in reversed(fields))
    signature = bytes(256)
    return section + values + signature


def build() -> Path:
    """Compile the crate, write the extension and return its path.

    Raises CalledProcessError if it doesn't compile.
    """
    subprocess.run(["cargo", "build", "--release", "--locked"], cwd=CRATE, check=True)
    library = CRATE / "target" / "release" / _LIBRARIES[sys.platform]
    package = subprocess.run(
        ["cargo", "pkgid"], cwd=CRATE, check=True, capture_output=True, text=True
    )
    version = re.split("[#@]", package.stdout.strip())[-1]
    content = library.read_bytes() + footer(f"v{version}")
    # An unchanged file is kept, because a process may have it loaded.
    if not EXTENSION.exists() or EXTENSION.read_bytes() != content:
        written = EXTENSION.with_suffix(".partial")
        written.write_bytes(content)
        written.replace(EXTENSION)
    return EXTENSION


if __name__ == "__main__":
    print(build())
