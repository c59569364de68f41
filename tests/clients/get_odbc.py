"""PostgreSQL's ODBC driver out of Debian's packages, without installing any of them and without being root.

    python get_odbc.py FOLDER

puts the driver into the folder, and the libraries beside it that this machine lacks, and prints the driver's path. Where
apt has no list of the packages, one is fetched into the folder.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

# The packages of the libraries that the driver needs, beside what each Debian has.
PACKAGES = {
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
    """A package's files, by the machine's own list of packages or else by one in the folder."""
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


def driver(folder: Path) -> Path:
    """The driver's path. The libraries that the machine lacks lie in the same folder, for LD_LIBRARY_PATH."""
    if shutil.which("apt-get") is None or shutil.which("dpkg") is None:
        raise RuntimeError(
            "the ODBC driver comes from Debian's packages: apt-get or dpkg is not there"
        )
    folder = folder.resolve()
    found = list(folder.glob("root/**/psqlodbcw.so"))
    if not found:
        folder.mkdir(parents=True, exist_ok=True)
        unpack("odbc-postgresql", folder)
        found = list(folder.glob("root/**/psqlodbcw.so"))
    [path] = found
    seen: set[str] = set()
    while missing := re.findall(
        r"(\S+) => not found", run("ldd", path, folder=folder, LD_LIBRARY_PATH=str(path.parent))
    ):
        wanted = {PACKAGES[library] for library in missing if library in PACKAGES} - seen
        if not wanted:
            raise RuntimeError(f"the ODBC driver needs {', '.join(missing)}")
        for package in sorted(wanted):
            unpack(package, folder)
        seen |= wanted
        for library in folder.glob("root/**/*.so.*"):
            link = path.parent / library.name
            if not link.exists():
                link.symlink_to(library)
    return path


if __name__ == "__main__":
    try:
        print(driver(Path(sys.argv[1])))
    except RuntimeError as error:
        sys.exit(str(error))
