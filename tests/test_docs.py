"""The documentation: its code blocks run, and it names every warning, statement and error."""

from __future__ import annotations

import importlib.util
import pydoc
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

import duckml
from duckml import errors
from duckml.estimators.model_warnings import MEANINGS
from tests.conftest import needs

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)

pytestmark = pytest.mark.filterwarnings("ignore::duckml.ModelWarningMessage")


def blocks(page: Path) -> list[tuple[str, str]]:
    return BLOCK.findall(page.read_text(encoding="utf-8"))


def test_every_block_names_its_language() -> None:
    kinds = {kind for page in PAGES for kind, _ in blocks(page)}
    run_in_test_hosts = {"java", "javascript"}
    assert kinds == {"sql", "python", "console", "text", *run_in_test_hosts}
    assert all(
        page.read_text(encoding="utf-8").count("```") == 2 * len(blocks(page)) for page in PAGES
    )


def page_parameter(page: Path) -> object:
    # These pages load the extension of the native engine into DuckDB's command line.
    needs_native = "\n$ duckml native" in page.read_text(encoding="utf-8")
    marks = [needs("native engine")] if needs_native else []
    return pytest.param(page, marks=marks, id=str(page.relative_to(ROOT)))


@pytest.mark.parametrize("page", [page_parameter(page) for page in PAGES])
def test_every_block_of_a_page_runs(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Run SQL and commands in a folder with the examples, on one database for each page."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    prepare(page)
    # The commands in the README create houses.duckdb.
    database = "page.duckdb" if page.name == "README.md" else "houses.duckdb"
    for kind, text in blocks(page):
        if kind == "sql":
            with duckml.connect(database) as con:
                con.execute("SET enable_progress_bar = false")
                for sql in statements(text):
                    con.execute(sql).fetchall()
        elif kind == "console":
            for line in text.splitlines():
                run_command(line)
    program = "\n".join(text for kind, text in blocks(page) if kind == "python")
    # In another process, because JupySQL would import this project's folder sql/ as its package.
    answer = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=300, check=False
    )
    assert answer.returncode == 0, answer.stderr


def statements(text: str) -> list[str]:
    from duckml.language.parser import parse

    script = parse(text)
    return [script.source(span) for span in script.spans]


def prepare(page: Path) -> None:
    if page.name == "README.md":
        with duckml.connect("page.duckdb") as con:
            con.execute(
                "CREATE TABLE house_prices AS FROM 'examples/data/house_prices.parquet' LIMIT 2000"
            )
            con.execute(
                "CREATE TABLE for_sale AS SELECT 'mine' AS house, * FROM house_prices LIMIT 3"
            )


def run_command(line: str) -> None:
    words = shlex.split(line.removeprefix("$ "))
    assert line.startswith("$ "), line
    if words[0] == "make":
        # Running make test would run this test again, and demo has its own.
        makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
        assert re.search(rf"^{words[1]}:", makefile, re.MULTILINE)
        return
    words, file = (words[:-2], words[-1]) if words[-2:-1] == [">"] else (words, None)
    assert words[0] in {"duckml", "duckdb"}
    command = [str(Path(sys.executable).parent / words[0]), *words[1:]]
    answer = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert answer.returncode == 0, (line, answer.stderr)
    assert words[0] == "duckml" or "Error" not in answer.stdout + answer.stderr, (
        line,
        answer.stdout,
        answer.stderr,
    )
    if file is not None:
        Path(file).write_text(answer.stdout, encoding="utf-8")


def shape(text: str) -> str:
    """Return a text without its numbers, whose last digits depend on the processor."""
    return (
        re.sub(r"\s+", " ", re.sub(r"[-+]?[\d][\d,.]*", "#", text))
        .replace("─", "")
        .replace("$", "")
    )


def test_the_demo_prints_what_the_readme_shows() -> None:
    command = [str(Path(sys.executable).parent / "duckml"), "demo"]
    answer = subprocess.run(command, capture_output=True, text=True, timeout=300, check=True)
    [shown] = [text for kind, text in blocks(ROOT / "README.md") if kind == "text"]
    start, end = answer.stdout.index("On 4,389 sales"), answer.stdout.index("The file closed")
    assert shape(answer.stdout[start:end]).strip() == shape(shown).strip()
    assert "main.house_price@1" in answer.stdout
    r2 = {
        name: float(value)
        for name, value in re.findall(
            r"^(.+?)\s+(-?[\d.]+)\s+\$[\d,]+$", answer.stdout, re.MULTILINE
        )
    }
    assert r2["CREATE MODEL house_price"] > r2["CREATE MODEL house_price_line"]
    assert r2["CREATE MODEL house_price"] > r2["the tutorial: raw features, raw prices"]


@pytest.mark.parametrize("script", ["house_prices.sql", "flights.sql"])
def test_the_example_scripts_run(script: str, tmp_path: Path) -> None:
    command = [
        str(Path(sys.executable).parent / "duckml"),
        "sql",
        str(tmp_path / "e.duckdb"),
        "-f",
        f"examples/{script}",
    ]
    answer = subprocess.run(
        command, capture_output=True, text=True, timeout=300, check=False, cwd=ROOT
    )
    assert answer.returncode == 0, answer.stderr
    expected = {"house_prices.sql": "worth_of_a_bath", "flights.sql": "in the air"}
    assert expected[script] in answer.stdout


def test_the_generated_pages_are_up_to_date(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    specification = importlib.util.spec_from_file_location(
        "generate", ROOT / "docs" / "generate.py"
    )
    generate = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(generate)
    for name, text in generate.pages().items():
        assert (generate.FOLDER / name).read_text(encoding="utf-8") == text, (
            f"run make docs: {name}"
        )


def test_every_warning_has_a_constructor_and_a_meaning() -> None:
    """Find codes and wording in one module only; model.py reads stored warnings."""
    made = re.compile(r'(?:ModelWarning|ExcludedColumn)\(\s*"(\w+)"')
    sources = {path: path.read_text(encoding="utf-8") for path in (ROOT / "duckml").rglob("*.py")}
    codes = {path.name: set(made.findall(source)) for path, source in sources.items()}
    assert codes.pop("model_warnings.py") == set(MEANINGS)
    assert not any(codes.values())
    assert len(MEANINGS) >= 20
    callers = {path.name for path, source in sources.items() if "ModelWarning(" in source}
    assert callers == {"model_warnings.py", "model.py"}


def test_the_reference_names_every_warning_and_statement() -> None:
    page = (ROOT / "docs" / "reference" / "errors.md").read_text(encoding="utf-8")
    rows = set(re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE))
    assert set(MEANINGS) <= rows
    reference = (ROOT / "docs" / "reference" / "sql.md").read_text(encoding="utf-8")
    for words in (
        *("CREATE OR REPLACE MODEL", "RETRAIN MODEL", "FROM MODEL", "DROP MODEL"),
        *("RENAME TO", "SET DEFAULT VERSION", "SET ALIAS", "DROP ALIAS", "SET OPTIONS"),
        *("EXPORT MODEL", "SHOW MODELS", "DESCRIBE MODEL"),
    ):
        assert words in reference, words


def test_link_targets_exist() -> None:
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_the_architecture_names_what_exists() -> None:
    """Each `module.name` of the four paths can be imported."""
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    paths = page.partition("## Four paths")[2].partition("## CREATE MODEL")[0]
    names = re.findall(r"`((?:[a-z_]+\.)+[A-Za-z_]+(?:\.[a-z_]+)?)`", paths)
    assert len(names) >= 20
    for name in names:
        assert pydoc.locate(f"duckml.{name}") is not None, name


def test_every_error_class_is_shown_by_a_golden_test() -> None:
    """Find the text of each class in a story or in a comparison of a test."""
    stories = "".join(
        story.read_text(encoding="utf-8") for story in (ROOT / "tests" / "sql").glob("*.test")
    )
    tests = "".join(test.read_text(encoding="utf-8") for test in (ROOT / "tests").glob("test_*.py"))
    for name in set(errors.__all__) - {"DuckmlError"}:
        assert f"statement error {name}\n" in stories or re.search(
            rf"errors\.{name}(\)| as |, match=)", tests
        ), name


def test_every_error_has_an_sqlstate_and_a_class_of_duckdb() -> None:
    import duckdb

    for name in errors.__all__:
        error = getattr(errors, name)
        assert issubclass(error, duckdb.Error)
        assert re.fullmatch(r"[0-9A-Z]{5}", error.sqlstate)
        if name != "DuckmlError":
            assert any(base.__module__ == "_duckdb" for base in error.__bases__)


def test_every_dependency_is_documented() -> None:
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    text = (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8")
    for requirement in project["project"]["dependencies"]:
        assert f"| {re.split(r'[<>=]', requirement)[0]} |" in text
