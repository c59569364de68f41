"""Sizes and style of the source against the project's limits: `make measure`.

    python -m benchmarks.source_code [CHECKOUT]

Prints one table and exits with status 1 if a limit is exceeded. CHECKOUT is the folder of
another checkout to measure, by default this one.

Definitions, over the Python modules of the package (`duckml/` and `sql/`); widths and equal lines
are those of all Python files:

- A module's length is its number of lines. A function's length runs from `def` to its last line,
  without decorators and with the docstring. Nested functions count themselves too.
- Tokens are those of `tokenize`, without NEWLINE, NL, INDENT, DEDENT, ENDMARKER, COMMENT and the
  docstrings. They are divided by the lines that aren't blank.
- Comments are lines with a COMMENT token, per 100 lines that aren't blank.
- A pair of equal lines is a run of at least six lines that appears in two places. Blank lines,
  imports and lines without a letter or digit are skipped, and indentation is ignored.
"""

from __future__ import annotations

import argparse
import ast
import configparser
import io
import json
import statistics
import subprocess
import sys
import textwrap
import tokenize
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

PACKAGE = ("duckml", "sql")
PROJECT = ("duckml", "sql", "tests", "benchmarks", "examples", "docs", "native")

MEDIAN_MODULE = 160
LONGEST_MODULE = 500
LONGEST_FUNCTION = 60
WIDEST_LINE = 100
TOKENS_PER_LINE = 6.0
EQUAL_LINES = 6
SHOWN = 6

_NOT_CODE = {
    tokenize.NEWLINE,
    tokenize.NL,
    tokenize.INDENT,
    tokenize.DEDENT,
    tokenize.ENDMARKER,
    tokenize.COMMENT,
    tokenize.ENCODING,
}
_Documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Module:
    """A Python module: its path in the checkout, its text and its syntax tree."""

    path: str
    text: str
    tree: ast.Module

    @property
    def lines(self) -> list[str]:
        """Return the lines of the text."""
        return self.text.splitlines()


@dataclass(frozen=True)
class Row:
    """A row of the table; `limit` is empty where there is none."""

    measure: str
    found: str
    limit: str = ""
    is_exceeded: bool = False


def read_modules(root: Path, folders: Iterable[str]) -> list[Module]:
    """Return the Python modules below the folders of a checkout, ordered by path."""
    modules = []
    for folder in folders:
        for path in sorted((root / folder).rglob("*.py")):
            text = path.read_text(encoding="utf-8")
            modules.append(Module(str(path.relative_to(root)), text, ast.parse(text)))
    return modules


def measure(root: Path) -> list[Row]:
    """Return every row of the table for a checkout."""
    package = read_modules(root, PACKAGE)
    project = read_modules(root, PROJECT)
    return [
        *module_lengths(package),
        *function_lengths(package),
        token_density(package),
        comment_density(package),
        wide_lines(project),
        docstring_moods(root),
        equal_lines(project),
        *package_layers(root),
        import_cycles(package),
    ]


def module_lengths(modules: Sequence[Module]) -> list[Row]:
    """Return the rows on the lengths of the modules. Empty modules aren't counted."""
    lengths = {module.path: len(module.lines) for module in modules if module.text.strip()}
    longest = max(lengths, key=lambda path: lengths[path])
    over = sum(1 for length in lengths.values() if length > LONGEST_MODULE)
    median = statistics.median(lengths.values())
    return [
        Row("modules", f"{len(lengths)}, {sum(lengths.values()):,} lines"),
        Row(
            "lines of a module, median",
            f"{median:.0f} (90 %: {_percentile_90(lengths.values())})",
            f"≤ {MEDIAN_MODULE}",
            median > MEDIAN_MODULE,
        ),
        Row(
            "lines of a module, longest",
            f"{lengths[longest]} {longest}; {over} over",
            f"≤ {LONGEST_MODULE}",
            over > 0,
        ),
    ]


def function_lengths(modules: Sequence[Module]) -> list[Row]:
    """Return the rows on the lengths of the functions and methods."""
    lengths = {
        f"{module.path}:{node.name}:{node.lineno}": (node.end_lineno or 0) - node.lineno + 1
        for module in modules
        for node in ast.walk(module.tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    over = sorted(
        (name for name, length in lengths.items() if length > LONGEST_FUNCTION),
        key=lambda name: -lengths[name],
    )
    median = statistics.median(lengths.values())
    shares = f"{median:.0f} (90 %: {_percentile_90(lengths.values())})"
    names = [f"{lengths[name]} {name.rpartition(':')[0]}" for name in over]
    found = f"{max(lengths.values())}; {_counted(names)}"
    return [
        Row("functions", f"{len(lengths):,}"),
        Row("lines of a function, median", shares),
        Row("lines of a function, longest", found, f"≤ {LONGEST_FUNCTION}", bool(over)),
    ]


def token_density(modules: Sequence[Module]) -> Row:
    """Return the row on the tokens per line that isn't blank."""
    tokens = 0
    for module in modules:
        docstrings = _docstring_starts(module.tree)
        tokens += sum(
            token.type not in _NOT_CODE and token.start not in docstrings
            for token in _tokens(module)
        )
    density = tokens / _filled_lines(modules)
    limit = f"≤ {TOKENS_PER_LINE:.0f}"
    return Row("tokens per line", f"{density:.2f}", limit, density > TOKENS_PER_LINE)


def comment_density(modules: Sequence[Module]) -> Row:
    """Return the row on the comments per 100 lines that aren't blank."""
    comments = sum(
        len({token.start[0] for token in _tokens(module) if token.type == tokenize.COMMENT})
        for module in modules
    )
    found = f"{100 * comments / _filled_lines(modules):.1f}"
    return Row("comments per 100 lines", found, "3 to 5")


def wide_lines(modules: Sequence[Module]) -> Row:
    """Return the row on the lines that are too wide, in all Python files of the project."""
    wide: dict[str, int] = defaultdict(int)
    for module in modules:
        wide[module.path] += sum(len(line) > WIDEST_LINE for line in module.lines)
    files = sorted((path for path in wide if wide[path]), key=lambda path: -wide[path])
    count = sum(wide.values())
    found = f"{count}" + (
        f" in {len(files)} files, {wide[files[0]]} in {files[0]}" if files else ""
    )
    return Row(f"lines over {WIDEST_LINE} columns", found, "0", count > 0)


def docstring_moods(root: Path) -> Row:
    """Return the row on docstrings of functions that aren't imperative (pydocstyle's D401)."""
    command = [sys.executable, "-m", "ruff", "check", "--isolated", "--exit-zero"]
    command += ["--select", "D401", "--output-format", "json", *PACKAGE]
    result = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True)
    files: dict[str, int] = defaultdict(int)
    for finding in json.loads(result.stdout):
        files[str(Path(finding["filename"]).relative_to(root.resolve()))] += 1
    worst = max(files, key=lambda path: files[path], default="")
    count = sum(files.values())
    found = f"{count}" + (f" in {len(files)} files, {files[worst]} in {worst}" if files else "")
    return Row("docstrings not imperative (D401)", found, "0", count > 0)


def equal_lines(modules: Sequence[Module]) -> Row:
    """Return the row on runs of equal lines that appear in two places."""
    first: dict[tuple[str, ...], tuple[str, int]] = {}
    runs: list[str] = []
    for module in modules:
        lines = _comparable_lines(module)
        previous: tuple[str, int] | None = None
        for index in range(len(lines) - EQUAL_LINES + 1):
            window = tuple(text for _, text in lines[index : index + EQUAL_LINES])
            place = first.setdefault(window, (module.path, index))
            if place == (module.path, index):
                previous = None
                continue
            # A window that continues the run of the window before it isn't another pair.
            if previous is None or place != (previous[0], previous[1] + 1):
                runs.append(f"{module.path}:{lines[index][0]} = {place[0]}")
            previous = place
    return Row(f"pairs of {EQUAL_LINES} equal lines", _counted(runs), "0", bool(runs))


def package_layers(root: Path) -> list[Row]:
    """Return the rows on the packages and their layers, as .importlinter lists them."""
    packages = {path.parent for path in (root / "duckml").rglob("*.py")}
    rows = [Row("packages", f"{len(packages)}")]
    contracts = configparser.ConfigParser()
    contracts.read(root / ".importlinter", encoding="utf-8")
    for name in contracts.sections():
        contract = contracts[name]
        if contract.get("type") == "layers":
            layers = contract["layers"].split("\n")
            count = sum(bool(layer.strip()) for layer in layers)
            rows.append(Row(f"layers of {contract['containers'].strip()}", f"{count}"))
    return rows


def import_cycles(modules: Sequence[Module]) -> Row:
    """Return the row on cycles of imports between modules; imports for types count too."""
    names = {_module_name(module.path): module for module in modules}
    graph = {name: _imports(name, module, set(names)) for name, module in names.items()}
    cycles = [" → ".join(sorted(cycle)) for cycle in _strong_components(graph) if len(cycle) > 1]
    return Row("import cycles", _counted(cycles), "0", bool(cycles))


def _filled_lines(modules: Sequence[Module]) -> int:
    return sum(1 for module in modules for line in module.lines if line.strip())


def _percentile_90(values: Iterable[int]) -> int:
    ordered = sorted(values)
    return ordered[int(0.9 * (len(ordered) - 1))]


def _counted(names: Sequence[str]) -> str:
    """Return the number of names with the first of them, for a cell of the table."""
    if not names:
        return "0"
    rest = ["…"] if len(names) > SHOWN else []
    return f"{len(names)}: " + ", ".join([*names[:SHOWN], *rest])


def _tokens(module: Module) -> Iterator[tokenize.TokenInfo]:
    return tokenize.generate_tokens(io.StringIO(module.text).readline)


def _docstring_starts(tree: ast.Module) -> set[tuple[int, int]]:
    """Return the positions, as tokenize counts them, at which docstrings start."""
    return {
        (node.body[0].lineno, node.body[0].col_offset)
        for node in ast.walk(tree)
        if isinstance(node, _Documented) and ast.get_docstring(node, clean=False) is not None
    }


def _comparable_lines(module: Module) -> list[tuple[int, str]]:
    """Return the number and text of the lines that `equal_lines` compares."""
    imports = {
        number
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for number in range(node.lineno, (node.end_lineno or node.lineno) + 1)
    }
    return [
        (number, line.strip())
        for number, line in enumerate(module.lines, 1)
        if number not in imports and any(character.isalnum() for character in line)
    ]


def _module_name(path: str) -> str:
    parts = Path(path).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _imports(name: str, module: Module, known: set[str]) -> set[str]:
    """Return the modules of the project that a module imports, at any depth of its code."""
    found: set[str] = set()
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            # `from duckml.server import errors` imports the module errors, not its package.
            members = [f"{node.module}.{alias.name}" for alias in node.names]
            found.update(member if member in known else node.module for member in members)
    return (found & known) - {name}


def _strong_components(graph: dict[str, set[str]]) -> list[set[str]]:
    """Return the sets of nodes that reach each other, a set for each node (no duplicates)."""
    reachable = {node: _reachable(graph, node) for node in graph}
    components: list[set[str]] = []
    seen: set[str] = set()
    for node in graph:
        if node not in seen:
            component = {other for other in reachable[node] if node in reachable[other]} | {node}
            components.append(component)
            seen |= component
    return components


def _reachable(graph: dict[str, set[str]], start: str) -> set[str]:
    found: set[str] = set()
    waiting = [start]
    while waiting:
        new = graph[waiting.pop()] - found
        found |= new
        waiting.extend(new)
    return found


def table(rows: Sequence[Row]) -> str:
    """Return the table as text, with an exclamation mark where a limit is exceeded."""
    wide = max(len(row.measure) for row in rows)
    limits = max(len(row.limit) for row in rows)
    lines = []
    for row in rows:
        mark = "!" if row.is_exceeded else " "
        start = f"{mark} {row.measure:{wide}}  {row.limit:{limits}}  "
        lines.append(
            textwrap.fill(
                row.found,
                WIDEST_LINE,
                initial_indent=start,
                subsequent_indent=" " * len(start),
                break_on_hyphens=False,
            )
        )
    return "\n".join(lines)


def main() -> int:
    """Print the table; return 1 if a limit is exceeded."""
    parser = argparse.ArgumentParser(description="Measure the source against its limits.")
    parser.add_argument("checkout", nargs="?", type=Path, default=Path(__file__).parent.parent)
    rows = measure(parser.parse_args().checkout)
    print(table(rows))
    return int(any(row.is_exceeded for row in rows))


if __name__ == "__main__":
    sys.exit(main())
