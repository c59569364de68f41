"""PostgreSQL's ODBC driver, taken from Debian's packages without installing them.

    python get_odbc.py FOLDER

puts the driver and those of its libraries that the machine lacks into the folder, and prints the
driver's path. An ordinary user can run it. If apt has no list of packages, one is fetched into the
folder.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

# The packages of the libraries that the driver and pyodbc need and a small Debian may lack.
PACKAGES = {
    "libodbc.so.2": "libodbc2",
    "libodbcinst.so.2": "libodbcinst2",
    "libltdl.so.7": "libltdl7",
    "libpq.so.5": "libpq5",
    "libgssapi_krb5.so.2": "libgssapi-krb5-2",
    "libkrb5.so.3": "libkrb5-3",
    "libk5crypto.so.3": "libk5crypto3",
    "libkrb5support.so.0": "libkrb5support0",
    "libkeyutils.so.1": "libkeyutils1",
    "libcom_err.so.2": "libcom-err2",
    "libldap-2.5.so.0": "libldap-2.5-0",
    "liblber-2.5.so.0": "libldap-2.5-0",
    "libldap.so.2": "libldap2",
    "liblber.so.2": "libldap2",
    "libsasl2.so.2": "libsasl2-2",
    "libssl.so.3": "libssl3",
    "libcrypto.so.3": "libssl3",
}


def run(*command: object, folder: Path, **environment: str) -> str:
    done = subprocess.run(
        [str(part) for part in command],
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(map(str, command))}: {done.stderr.strip()}")
    return done.stdout


def unpack(package: str, folder: Path) -> None:
    """Unpack a package, found in the machine's list of packages or else in one in the folder."""
    apt = ["apt-get", "-o", "APT::Sandbox::User=root"]
    try:
        run(*apt, "download", package, folder=folder)
    except RuntimeError:
        lists = folder / "lists"
        apt += ["-o", f"Dir::State::lists={lists}", "-o", f"Dir::Cache={folder / 'cache'}"]
        if not lists.exists():
            for made in (lists / "partial", folder / "cache" / "archives" / "partial"):
                made.mkdir(parents=True)
            run(*apt, "update", folder=folder)
        run(*apt, "download", package, folder=folder)
    [archive] = folder.glob(f"{package}_*.deb")
    run("dpkg", "-x", archive, folder / "root", folder=folder)


def missing_libraries(*paths: Path, folder: Path) -> set[str]:
    """Return the libraries that files depend on and that neither the machine nor a folder has."""
    listed = [run("ldd", path, folder=folder, LD_LIBRARY_PATH=str(folder)) for path in paths]
    return set(re.findall(r"(\S+) => not found", "\n".join(listed)))


def fetch_libraries(driver: Path, folder: Path) -> None:
    """Put the libraries that the machine lacks next to the driver."""
    pyodbc = Path(str(importlib.util.find_spec("pyodbc").origin))
    fetched: set[str] = set()
    while missing := missing_libraries(driver, pyodbc, folder=driver.parent):
        wanted = {PACKAGES[library] for library in missing if library in PACKAGES} - fetched
        if not wanted:
            raise RuntimeError(f"the ODBC driver needs {', '.join(sorted(missing))}")
        for package in sorted(wanted):
            unpack(package, folder)
        fetched |= wanted
        for library in folder.glob("root/**/*.so.*"):
            link = driver.parent / library.name
            if not link.exists():
                link.symlink_to(library)


def driver(folder: Path) -> Path:
    """Return the path of the driver, whose folder is meant for LD_LIBRARY_PATH."""
    if shutil.which("apt-get") is None or shutil.which("dpkg") is None:
        raise RuntimeError("apt-get and dpkg are needed to fetch the ODBC driver")
    folder = folder.resolve()
    found = list(folder.glob("root/**/psqlodbcw.so"))
    if not found:
        folder.mkdir(parents=True, exist_ok=True)
        unpack("odbc-postgresql", folder)
        found = list(folder.glob("root/**/psqlodbcw.so"))
    [path] = found
    fetch_libraries(path, folder)
    return path


if __name__ == "__main__":
    try:
        print(driver(Path(sys.argv[1])))
    except RuntimeError as error:
        sys.exit(str(error))
