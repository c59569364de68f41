"""SQLAlchemy 2 with psycopg against a PostgreSQL server; checks.py documents the arguments."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from importlib.util import find_spec

import sqlalchemy as sa
from checks import COLUMNS, IDS, ROWS, UNKNOWN, Server, check, fails, run
from sqlalchemy.engine import Connection


def section(work: Callable[[Connection, Server], None]) -> Callable[[Server], None]:
    """Return a section that opens and closes its connection."""

    def connected(server: Server) -> None:
        url = sa.URL.create(
            "postgresql+psycopg",
            server.user,
            server.password,
            server.host,
            server.port,
            server.database,
        )
        engine = sa.create_engine(url)
        try:
            with engine.connect() as con:
                work(con, server)
        finally:
            engine.dispose()

    connected.__name__ = work.__name__
    return connected


def houses(con: Connection, server: Server) -> sa.Table:
    return sa.Table("house_prices", sa.MetaData(), autoload_with=con, schema=server.schema)


@section
def inspection(con: Connection, server: Server) -> None:
    found = sa.inspect(con)
    schema = server.schema
    check("version", list(con.dialect.server_version_info or ()))
    check("default schema", found.default_schema_name, schema)
    check("schemas", schema in found.get_schema_names(), True)
    check("tables", "house_prices" in found.get_table_names(schema), True)
    check("tables of the default schema", "house_prices" in found.get_table_names(), True)
    check("views", "valued" in found.get_view_names(schema), True)
    check(
        "has_table",
        [found.has_table(name, schema) for name in ("house_prices", "valued", UNKNOWN)],
        [True, True, False],
    )
    columns = found.get_columns("house_prices", schema)
    check(
        "columns", [[column["name"], str(column["type"]), column["nullable"]] for column in columns]
    )
    assert [column["name"] for column in columns] == COLUMNS
    assert [column["nullable"] for column in columns] == [False, False, True, True, True]
    check(
        "columns of a view",
        [column["name"] for column in found.get_columns("valued", schema)],
        ["id", "price"],
    )
    check(
        "primary key",
        found.get_pk_constraint("house_prices", schema)["constrained_columns"],
        ["id"],
    )
    check("foreign keys", found.get_foreign_keys("house_prices", schema), [])
    check("indexes", [index["name"] for index in found.get_indexes("house_prices", schema)])
    check("unique constraints", found.get_unique_constraints("house_prices", schema), [])
    check("check constraints", found.get_check_constraints("house_prices", schema), [])
    check("comment", found.get_table_comment("house_prices", schema), {"text": None})
    check("view's definition", found.get_view_definition("valued", schema))
    with fails("columns of an unknown table"):
        found.get_columns(UNKNOWN, schema)


@section
def constraints(con: Connection, server: Server) -> None:
    """Of tables made in a transaction, which is rolled back."""
    schema = server.schema
    for statement in (
        f"CREATE TABLE {schema}.client_towns "
        "(id integer PRIMARY KEY, name varchar NOT NULL UNIQUE)",
        f"""CREATE TABLE {schema}.client_streets (
            id integer, town integer REFERENCES {schema}.client_towns (id),
            name varchar DEFAULT 'none', length numeric(10, 2),
            PRIMARY KEY (id, town), CHECK (length > 0))""",
        f"CREATE INDEX client_streets_name ON {schema}.client_streets (name)",
        f"COMMENT ON TABLE {schema}.client_streets IS 'Streets of towns'",
        f"COMMENT ON COLUMN {schema}.client_streets.length IS 'in km'",
    ):
        con.execute(sa.text(statement))
    found = sa.inspect(con)
    columns = {column["name"]: column for column in found.get_columns("client_streets", schema)}
    check("types", {name: str(column["type"]) for name, column in columns.items()})
    check("default", columns["name"]["default"])
    check("column's comment", columns["length"]["comment"], "in km")
    check(
        "table's comment",
        found.get_table_comment("client_streets", schema),
        {"text": "Streets of towns"},
    )
    check(
        "primary key",
        found.get_pk_constraint("client_streets", schema)["constrained_columns"],
        ["id", "town"],
    )
    [key] = found.get_foreign_keys("client_streets", schema)
    check(
        "foreign key",
        [key["constrained_columns"], key["referred_table"], key["referred_columns"]],
        [["town"], "client_towns", ["id"]],
    )
    [unique] = found.get_unique_constraints("client_towns", schema)
    check("unique", unique["column_names"], ["name"])
    check(
        "check",
        [
            constraint["sqltext"]
            for constraint in found.get_check_constraints("client_streets", schema)
        ],
    )
    [index] = found.get_indexes("client_streets", schema)
    check(
        "index",
        [index["name"], index["column_names"], index["unique"]],
        ["client_streets_name", ["name"], False],
    )
    reflected = sa.Table("client_streets", sa.MetaData(), autoload_with=con, schema=schema)
    check(
        "reflected with what it refers to",
        sorted(table.name for table in reflected.metadata.tables.values()),
        ["client_streets", "client_towns"],
    )
    con.rollback()
    check("after the rollback", sa.inspect(con).has_table("client_streets", schema), False)


@section
def selects(con: Connection, server: Server) -> None:
    table = houses(con, server)
    c = table.c
    count = sa.select(sa.func.count()).select_from(table)
    for name, condition, n in (
        ("id", c.id <= 10, 10),
        ("price", c.price.between(0.0, 1e9), ROWS),
        ("text", c.zipcode != "none", ROWS),
        ("date", c.sold >= dt.date(2020, 1, 1), ROWS),
        ("in", c.id.in_([1, 2, 3]), 3),
        ("like", c.zipcode.like("nothing%"), 0),
        ("null", c.id.is_(None), 0),
        ("and, or", sa.and_(c.id > 5, sa.or_(c.id < 8, c.price < 0)), 2),
    ):
        check(f"count by {name}", con.scalar(count.where(condition)), n)
    some = sa.select(table).order_by(c.id).limit(5).offset(10)
    check("limit, offset", [row.id for row in con.execute(some)], IDS[10:15])
    streamed = con.execute(sa.select(c.id).order_by(c.id).execution_options(yield_per=100))
    check("streamed", list(streamed.scalars()) == IDS, True)
    typed = con.execute(
        sa.select(sa.cast("1.50", sa.Numeric(10, 2)), sa.cast("2024-02-29", sa.Date))
    ).one()
    check("casts", list(typed))
    function = getattr(sa.func, server.schema).predict_house_price(2000, "98001")
    check("function", isinstance(con.scalar(sa.select(function)), float), True)
    with fails("unknown table", "42P01"):
        con.execute(sa.select(sa.text("*")).select_from(sa.text(UNKNOWN)))


@section
def savepoints(con: Connection, server: Server) -> None:
    table = sa.Table(
        "client_temporary",
        sa.MetaData(),
        sa.Column("id", sa.Integer),
        sa.Column("name", sa.String),
        prefixes=["TEMPORARY"],
    )
    table.create(con)
    con.commit()
    # What is undone up to a savepoint is so as long as nothing was written before that.
    with fails("error in a savepoint", "42P01"), con.begin_nested():
        con.execute(table.insert().values(id=10))
        con.execute(sa.text(f"SELECT * FROM {UNKNOWN}"))
    nested = con.begin_nested()
    con.execute(table.insert().values(id=11))
    nested.rollback()
    with con.begin_nested():
        con.execute(table.insert(), [{"id": n, "name": f"name {n}"} for n in range(10)])
    check("rows", con.scalar(sa.select(sa.func.count()).select_from(table)), 10)
    check(
        "updated", con.execute(table.update().where(table.c.id < 3).values(name=None)).rowcount, 3
    )
    check(
        "returned",
        con.execute(table.delete().where(table.c.id == 1).returning(table.c.id)).all(),
        [(1,)],
    )
    con.commit()
    check("after the commit", con.scalar(sa.select(sa.func.count()).select_from(table)), 9)


@section
def pandas(con: Connection, server: Server) -> None:
    if find_spec("pandas") is None:
        return
    import pandas as pd

    query = f"SELECT * FROM {server.table()} WHERE id <= :most ORDER BY id"
    frame = pd.read_sql(sa.text(query), con, params={"most": 100})
    check("read_sql", frame["id"].tolist() == IDS[:100], True)
    check("its types", {name: str(kind) for name, kind in frame.dtypes.items()})
    chunks = pd.read_sql(sa.text(query), con, params={"most": ROWS}, chunksize=300)
    check("in chunks", [len(chunk) for chunk in chunks], [300, 300, 300, 100])
    table = pd.read_sql_table("house_prices", con, schema=server.schema)
    check("read_sql_table", list(table.columns), COLUMNS)


run(inspection, constraints, selects, savepoints, pandas)
