"""How often the text of a client's statement is read."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from duckml.language import tokens
from duckml.server.served_file import ServedFile
from duckml.server.session.client_statement import split_statements
from duckml.server.session.roles import Role
from duckml.server.session.session import Session
from duckml.server.session.settings import Settings
from tests.serving import make_houses

pytestmark = pytest.mark.filterwarnings("ignore::duckml.ModelWarningMessage")


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    make_houses(tmp_path / "houses.duckdb")
    database = ServedFile(str(tmp_path / "houses.duckdb"), lambda *_, **__: None, is_read_only=True)
    con, _ = database.open_session()
    settings = Settings({})
    session = Session(con, database.name, "me", Role.READ, True, settings, 1, lambda _: None)
    yield session
    session.close()
    database.close()


@pytest.fixture
def lexed() -> Iterator[list[str]]:
    """The texts that were tokenized, seen by a profiler: every caller has its own reference."""
    texts: list[str] = []

    def profile(frame, event, _) -> None:
        if event == "call" and frame.f_code is tokens.tokenize.__code__:
            texts.append(frame.f_locals["sql"])

    sys.setprofile(profile)
    yield texts
    sys.setprofile(None)


def test_a_new_prediction_is_tokenized_once_for_the_server_and_once_by_the_parser(
    session: Session, lexed: list[str]
) -> None:
    sql = "SELECT PREDICT(house_price) AS fair FROM house_prices WHERE id = 5"

    def run() -> tuple[int, str, frozenset[str]]:
        [statement] = split_statements(sql)
        rows = sum(batch.num_rows for batch in session.run(statement).batches())
        return rows, statement.outline, statement.models

    outline = "SELECT PREDICT ( house_price ) AS fair FROM house_prices WHERE id = ?"
    assert run() == (1, outline, {"house_price"})
    assert lexed == [sql, sql]
    assert run() == (1, outline, {"house_price"})
    assert lexed == [sql, sql]
