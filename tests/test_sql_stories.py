"""The stories in tests/sql: statements of an analyst and their results, in sqllogictest's format.

`statement ok`, `statement error CLASS` (the text below `----` is in the message), `query` (rows
below `----`, columns separated by tabs, numbers rounded to six digits), and `restart`, which closes
the file and opens it again.
"""

from __future__ import annotations

import re
import textwrap
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pytest

import duckml
from tests.conftest import on_both_engines

FOLDER = Path(__file__).parent / "sql"
STORIES = sorted(FOLDER.rglob("*.test"))


@dataclass(frozen=True)
class Step:
    line: int
    command: str
    sql: str
    expected: str


def steps(text: str) -> list[Step]:
    found = []
    line = 1
    for block in re.split(r"\n(?=\n+(?:statement |query\n|restart|#))", text):
        lines = [part for part in block.split("\n") if not part.startswith("#")]
        start = line + next(
            (n for n, part in enumerate(block.split("\n")) if part and not part.startswith("#")), 0
        )
        line += block.count("\n") + 1
        body = "\n".join(lines).strip("\n")
        if not body:
            continue
        command, _, rest = body.partition("\n")
        sql, _, expected = (
            rest.partition("\n----\n")
            if "\n----\n" in rest
            else (rest.removesuffix("\n----"), "", "")
        )
        found.append(Step(start, command, sql, expected))
    return found


def shown(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.6g}"
    return "NULL" if value is None else str(value)


def run(con: duckml.Connection, step: Step) -> None:
    kind = step.command.partition(" ")[0]
    if step.command == "statement ok":
        con.execute(step.sql).fetchall()
    elif kind == "query":
        rows = con.execute(step.sql).fetchall()
        assert "\n".join("\t".join(shown(value) for value in row) for row in rows) == step.expected
    elif step.command.startswith("statement error"):
        with pytest.raises(duckdb.Error) as raised:
            con.execute(step.sql).fetchall()
        assert type(raised.value).__name__ == step.command.removeprefix("statement error ").strip()
        assert step.expected in str(raised.value)
    else:
        raise AssertionError(f"unknown command: {step.command}")


@pytest.mark.parametrize(
    "story", STORIES, ids=[str(story.relative_to(FOLDER)) for story in STORIES]
)
@pytest.mark.filterwarnings("ignore::duckml.ModelWarningMessage")
@on_both_engines
def test_story(story: Path, tmp_path: Path, engine: str) -> None:
    text = story.read_text(encoding="utf-8").replace("__TEST_DIR__", str(tmp_path))
    file = str(tmp_path / "story.duckdb")
    con = duckml.connect(file, engine=engine)
    try:
        for step in steps(text):
            if step.command in {"restart", "restart readonly"}:
                con.close()
                con = duckml.connect(
                    file, read_only=step.command.endswith("readonly"), engine=engine
                )
                continue
            try:
                run(con, step)
            except BaseException as error:
                error.add_note(f"{story.name}:{step.line}: {textwrap.shorten(step.sql, 200)}")
                raise
    finally:
        con.close()
