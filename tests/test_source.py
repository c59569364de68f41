"""Claims that the source makes about itself and that import-linter can't check."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

PACKAGE = Path(__file__).parent.parent / "duckml"


def modules_that_mention(name: str, owner: str) -> set[str]:
    """Return the modules in which `owner.name` appears, by their path in the package."""
    found = set()
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            is_attribute = isinstance(node, ast.Attribute) and node.attr == name
            if is_attribute and isinstance(node.value, ast.Name) and node.value.id == owner:
                found.add(path.relative_to(PACKAGE).as_posix())
            if isinstance(node, ast.ImportFrom) and node.module == owner:
                assert name not in {alias.name for alias in node.names}, path
    return found


def test_one_module_calls_the_lexer_of_duckdb() -> None:
    assert modules_that_mention("tokenize", "duckdb") == {"language/tokens.py"}


def modules_that_import(package: str) -> set[str]:
    """Return the modules that import a package or a part of it, by their path in ours."""
    found = set()
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module:
                names = [node.module]
            if any(name.split(".")[0] == package for name in names):
                found.add(path.relative_to(PACKAGE).as_posix())
    return found


def packages_that_import(package: str) -> set[str]:
    return {module.split("/")[0].removesuffix(".py") for module in modules_that_import(package)}


def test_engines_alone_run_onnxruntime() -> None:
    assert packages_that_import("onnxruntime") == {"engines"}


def test_onnx_graphs_alone_convert_estimators() -> None:
    assert packages_that_import("skl2onnx") == {"onnx_graphs"}


def test_fitting_does_not_import_duckdb() -> None:
    training = {name for name in modules_that_import("duckdb") if name.startswith("training/")}
    assert not {name for name in training if name in {"training/fit.py", "training/passes.py"}}


def test_the_protocol_has_no_sockets() -> None:
    for package in ("socket", "asyncio", "ssl", "threading"):
        modules = modules_that_import(package)
        assert not {name for name in modules if name.startswith("server/protocol/")}, package


def test_scram_is_imported_by_users_and_its_exchange() -> None:
    assert modules_that_import("scramp") == {"server/users.py", "server/protocol/scram.py"}


def test_a_package_has_no_code_of_its_own() -> None:
    """The public package is the exception: it loads its names on demand."""
    for path in PACKAGE.rglob("__init__.py"):
        if path.parent == PACKAGE:
            continue
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            is_docstring = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
            is_all = isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"
            assert is_docstring or is_all or isinstance(node, ast.ImportFrom), path


def test_connecting_loads_nothing_that_only_training_needs() -> None:
    program = (
        "import sys, duckml; con = duckml.connect(); con.sql('SHOW MODELS'); "
        "print(*{name.split('.')[0] for name in sys.modules})"
    )
    answer = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    heavy = {"sklearn", "scipy", "skl2onnx", "onnx", "onnxruntime", "pandas", "sqlglot"}
    assert heavy & set(answer.stdout.split()) == set()
