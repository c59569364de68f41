"""The user's SQL is spliced, never regenerated: outside our spans nothing changes.

The corpus (data/documented_statements.sql) covers the syntax that DuckDB documents. `{p}` in a
statement is the place of a number: plain DuckDB gets a literal there, duckml a PREDICT that returns
the same.
"""

from __future__ import annotations

import functools
import json
import re
import typing
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.tree import DecisionTreeRegressor

import duckml
from duckml.language.functions import SQL_FUNCTIONS
from duckml.language.parser import might_concern_us, parse
from duckml.language.syntax import ModelStatement, Statement

pytestmark = pytest.mark.filterwarnings("ignore::duckml.ModelWarningMessage")
STATEMENTS = (
    (Path(__file__).parent / "data" / "documented_statements.sql")
    .read_text(encoding="utf-8")
    .split("\n;\n")
)
STATEMENTS = [statement for statement in STATEMENTS if statement.strip()]
LITERAL, CALL = "(3.0::DOUBLE)", "PREDICT(three, x := 0)"
MACRO = '"memory"."main"."predict_three"("x" := 0)'


def with_three(path: str = ":memory:") -> duckml.Connection:
    """A connection whose model `three` answers 3.0 for x = 0, exactly."""
    con = duckml.connect(path)
    # A step from -3 to 3, whose mean is 0 and whose deviation is 3: nothing is rounded.
    steps = (
        "SELECT i::DOUBLE AS x, CASE WHEN i < 0 THEN -3.0::DOUBLE ELSE 3.0 END AS y "
        "FROM range(-50, 50) t(i)"
    )
    con.create_model("three", steps, "y", DecisionTreeRegressor(), data_split_method="no_split")
    assert con.execute("SELECT PREDICT(three, x := 0)").fetchall() == [(3.0,)]
    return con


def outcome(con: duckdb.DuckDBPyConnection, sql: str) -> tuple[Any, ...]:
    """The rows, types and names that a statement answers, or its error."""
    try:
        con.execute(sql)
        description = [(column[0], str(column[1])) for column in con.description or []]
        return description, con.fetchall()
    except duckdb.Error as error:
        return type(error).__name__, str(error).split("\n", 1)[0]


def test_the_corpus_is_large_enough() -> None:
    assert len(STATEMENTS) >= 300
    assert sum("{p}" in statement for statement in STATEMENTS) >= 150
    assert sum(might_concern_us(statement) for statement in STATEMENTS) >= 60


def test_the_first_look_finds_every_function_and_statement() -> None:
    for name in SQL_FUNCTIONS:
        assert might_concern_us(f"FROM {name}(m)"), name
        assert might_concern_us(f"FROM ML.{name.upper()}(m)"), name
    for kind in typing.get_args(Statement):
        if issubclass(kind, ModelStatement):
            assert might_concern_us(f"{kind.command_tag} m"), kind
    assert not might_concern_us("SELECT a, sum(b) FROM t GROUP BY a")


def test_documented_statements_answer_the_same_with_predict_in_them(tmp_path: Path) -> None:
    """Every statement, in order, in two databases: names, types, rows and errors are equal."""
    plain, ours = duckdb.connect(), with_three()
    folders = [tmp_path / "plain", tmp_path / "ours"]
    for folder in folders:
        folder.mkdir()
    different = []
    for statement in STATEMENTS:
        expected = outcome(
            plain, statement.replace("{p}", LITERAL).replace("__DIR__", str(folders[0]))
        )
        found = outcome(ours, statement.replace("{p}", CALL).replace("__DIR__", str(folders[1])))
        if normal(found, folders) != normal(expected, folders):
            different.append((statement, expected, found))
    plain.close()
    ours.close()
    assert different == [], f"{len(different)} of {len(STATEMENTS)}: {different[:3]}"


def normal(found: tuple[Any, ...], folders: list[Path]) -> str:
    """Return an outcome without the parts that must differ.

    These are names made of the expression itself, the schema of models, and the folder.
    """
    text = repr(found)
    for folder in folders:
        text = text.replace(str(folder), "")
    if isinstance(found[0], list):
        names = [re.sub(r"\s", "", name).lower() for name, _ in found[0]]
        names = [
            "…" if "3.0" in name or "predict" in name or name == "predict(three)" else name
            for name in names
        ]
        text = repr((names, [kind for _, kind in found[0]], found[1]))
    return text


def test_statements_without_a_call_reach_duckdb_byte_for_byte() -> None:
    con = with_three()
    for statement in STATEMENTS:
        if "{p}" not in statement and might_concern_us(statement):
            script = parse(statement)
            assert script.is_plain or all(
                not s.calls or con.rewritten(statement) == statement for s in script.statements
            )  # type: ignore[union-attr]
    con.close()


IGNORED = {"query_location", "query_location_length", "alias"}


def tree(sql: str, con: duckdb.DuckDBPyConnection) -> Any:
    """DuckDB's own syntax tree of a SELECT, without positions and aliases."""
    [(text,)] = con.execute("SELECT json_serialize_sql($sql)", {"sql": sql}).fetchall()
    parsed = json.loads(text)
    if parsed["error"]:
        return None

    def clean(value: Any) -> Any:
        if isinstance(value, dict):
            return {k: clean(v) for k, v in value.items() if k not in IGNORED}
        return [clean(item) for item in value] if isinstance(value, list) else value

    return clean(parsed["statements"])


def test_the_syntax_tree_is_that_of_the_macro_in_place_of_the_call() -> None:
    con = with_three()
    compared = 0
    for statement in STATEMENTS:
        if "{p}" not in statement:
            continue
        expected = tree(statement.replace("{p}", MACRO), con)
        if expected is None:
            continue  # json_serialize_sql takes SELECT only
        assert tree(con.rewritten(statement.replace("{p}", CALL)), con) == expected, statement
        compared += 1
    con.close()
    assert compared >= 100


def test_outside_the_spans_every_byte_is_the_users() -> None:
    """What was written around the call is found again, in order, in what DuckDB is given."""
    con = with_three()
    for statement in STATEMENTS:
        if "{p}" not in statement:
            continue
        before, after = statement.split("{p}")
        rewritten = con.rewritten(before + CALL + after)
        assert rewritten.startswith(before), statement
        rest = rewritten[len(before) :]
        macro = (
            MACRO if rest.startswith(MACRO) else MACRO.removeprefix('"memory".')
        )  # in the body of a macro
        assert rest.startswith(macro), statement
        rest = rest[len(macro) :]
        # Between here and the end only the alias of one item may have been added.
        start = next((n for n, letter in enumerate(after) if rest[n : n + 1] != letter), len(after))
        added = rest[start : len(rest) - len(after) + start]
        assert rest == after[:start] + added + after[start:], statement
        alias = r'\s*(AS "(?:[^"]|"")*"\s*)?'
        assert re.fullmatch(alias, added) or re.fullmatch(alias, added[1:] + added[:1]), (
            statement,
            added,
        )
    con.close()


# Generated statements

spaces = st.sampled_from(
    [" ", "\n", "\t", "  \n ", " /* PREDICT(no, */ ", " -- CREATE MODEL\n", "/**/ "]
)
names = st.sampled_from(
    ["a", '"b c"', '"Ü"', "model", "predict", '"select"', "weights", "models", '"quo""te"']
)
texts = st.sampled_from(
    ["'x'", "'PREDICT(three)'", "E'\\n'", "$$ '$$", "'it''s'", "'é😀'", "$t$ PREDICT(three) $t$"]
)


@st.composite
def expressions(draw: st.DrawFn, depth: int = 0) -> str:
    """An expression over the columns of `t` with {p} where a number stands."""
    kind = draw(st.integers(0, 8 if depth < 3 else 2))
    inner = functools.partial(draw, expressions(depth + 1))
    space = functools.partial(draw, spaces)
    if kind == 0:
        return f"t.{draw(names)}"
    if kind == 1:
        return "{p}"
    if kind == 2:
        return f"length({draw(texts)})"
    if kind == 3:
        return f"({inner()}{space()}+{space()}{inner()})"
    if kind == 4:
        return f"CASE WHEN {inner()} >{space()}1 THEN {inner()} ELSE{space()}{inner()} END"
    if kind == 5:
        return f"greatest({inner()},{space()}{inner()})"
    if kind == 6:
        return f"[{inner()},{space()}{inner()}][1]"
    if kind == 7:
        return f"{{'p':{space()}{inner()}}}.p"
    return f"(SELECT{space()}max({inner()}){space()}FROM (SELECT 1 AS one))"


@st.composite
def queries(draw: st.DrawFn) -> str:
    items = draw(st.lists(expressions(), min_size=1, max_size=4))
    listed = ", ".join(
        f"{item}{draw(st.sampled_from(['', ' AS n', ' x', ' AS ' + draw(names)]))}"
        for item in items
    )
    where = draw(st.one_of(st.just(""), expressions().map(lambda e: f" WHERE {e} > 0")))
    order = draw(st.one_of(st.just(""), expressions().map(lambda e: f" ORDER BY {e}, t.a")))
    start = draw(
        st.sampled_from(
            ["SELECT", "SELECT DISTINCT", "WITH predict AS (SELECT 1) SELECT", "/* x */ SELECT ALL"]
        )
    )
    return f"{start}{draw(spaces)}{listed}{draw(spaces)}FROM t{where}{order or ' ORDER BY ALL'}"


@pytest.fixture(scope="module")
def pair() -> Any:
    plain, ours = duckdb.connect(), with_three()
    table = (
        'CREATE TABLE t AS SELECT i AS a, i * 2 AS "b c", i - 5 AS "Ü", i AS model, i AS predict, '
        'i AS "select", i AS weights, i AS models, i AS "quo""te" FROM range(10) r(i)'
    )
    plain.execute(table)
    ours.execute(table)
    yield plain, ours
    plain.close()
    ours.close()


@settings(max_examples=250, deadline=None)
@given(query=queries())
def test_generated_queries_answer_the_same(pair: Any, query: str) -> None:
    plain, ours = pair
    assert normal(outcome(ours, query.replace("{p}", CALL)), []) == normal(
        outcome(plain, query.replace("{p}", LITERAL)), []
    )


@settings(max_examples=300, deadline=None)
@given(
    text=st.text(
        alphabet=st.sampled_from(list("PREDICT(model, x)'\"$;-/*\n.@:=?é[]{}MODELCRAT ")),
        max_size=60,
    )
)
def test_no_text_breaks_the_parser(pair: Any, text: str) -> None:
    plain, ours = pair
    for sql in (text, f"SELECT {text}", f"CREATE MODEL {text}"):
        try:
            ours.execute(sql).fetchall()
        except duckdb.Error:
            pass
        except UnicodeDecodeError:
            with pytest.raises(UnicodeDecodeError):
                plain.execute(sql).fetchall()
    assert ours.execute("SELECT PREDICT(three, x := 0)").fetchall() == [(3.0,)]
