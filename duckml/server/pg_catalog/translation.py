"""PostgreSQL's catalogs over DuckDB's: the views and functions for clients, and their queries put into DuckDB's words.

The views are those of sql/pg_catalog.sql and the functions those of sql/pg_functions.sql, in the memory database that the
server's instance of DuckDB begins with; the served file is attached beside it. Only queries that name something of
PostgreSQL's own are put into other words, by sqlglot; all else reaches DuckDB as it is.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from duckml.connection import Connection
from duckml.database import sessions
from duckml.database.sessions import Native
from duckml.names import fold, literal, quote, unquote
from duckml.server.pg_catalog.date_patterns import add_patterns
from duckml.server.values import types
from duckml.sql import blocks

# The memory database, and the variables of a session that its views read.
HOME = "memory"
SETTINGS = "__pg_settings"
USER = "__pg_user"
PID = "__pg_pid"

# Types of PostgreSQL that no value here has, but that clients look up: oid, name, kind, category.
_OTHER_TYPES = (
    (24, "regproc", "b", "N"),
    (27, "tid", "b", "U"),
    (28, "xid", "b", "U"),
    (29, "cid", "b", "U"),
    (705, "unknown", "p", "X"),
    (2249, "record", "p", "P"),
    (2278, "void", "p", "P"),
    (2279, "trigger", "p", "P"),
    (2283, "anyelement", "p", "P"),
)
_CATEGORIES = {
    "bool": "B",
    "date": "D",
    "time": "D",
    "timestamp": "D",
    "timestamptz": "D",
    "timetz": "D",
    "interval": "T",
}
_STRINGS = frozenset({"text", "varchar", "bpchar", "name", "char"})
_NUMBERS = frozenset(
    {"int2", "int4", "int8", "float4", "float8", "numeric", "oid", "regclass", "regtype"}
)
_LONG_NAMES = {
    "bool": "boolean",
    "int2": "smallint",
    "int4": "integer",
    "int8": "bigint",
    "float4": "real",
    "float8": "double precision",
    "varchar": "character varying",
    "bpchar": "character",
    "timestamp": "timestamp without time zone",
    "timestamptz": "timestamp with time zone",
    "time": "time without time zone",
    "timetz": "time with time zone",
    "char": '"char"',
}


def set_up(con: Connection, database: str) -> None:
    """Make the views and functions in the memory database of a server, for a served database of that name."""
    functions = {
        name: text.replace("{database}", literal(database))
        for name, text in blocks("pg_functions").items()
    }
    sessions.write(con, f"USE {HOME}.main")
    for part in ("first", "early"):
        _run_all(con, functions[part])
    _run_all(con, ";\n".join(_type_macros()))
    sessions.write(con, f"CREATE VIEW _pg_base_types AS {_type_rows()}")
    for name, query in blocks("pg_catalog").items():
        _make_view(con, name, query.replace("{database}", literal(database)))
    _run_all(con, functions["late"])
    add_patterns(con)


# The columns of the views that are object ids, and lists of them.
_OIDS = re.compile(
    r"oid|(?!pid$)\w+(?:oid|relid|namespace|owner)|(?:rel|att|typ|ind|pro|con|ref|rng|enum|inh|ad|tg|ev|seq|dat|ext|spc|am|opc)"
    r"(?:type|am|filenode|tablespace|toastrelid|rewrite|typid|elem|array|basetype|collation|rettype|lang|indid|parentid"
    r"|objid|classid|parent|multitypid|class|relid|subtype|dba|foid|typeid)|(?:class|obj|dat|usesys|gros|member|role)(?:id|ysid)?"
)
_VECTOR_TYPES = {
    **dict.fromkeys(("indkey", "indoption"), "USMALLINT[]"),
    **dict.fromkeys(("proargtypes", "indclass", "indcollation"), "UBIGINT[]"),
    **dict.fromkeys(
        (
            "proallargtypes",
            "polroles",
            "extconfig",
            "conpfeqop",
            "conppeqop",
            "conffeqop",
            "grolist",
        ),
        "UINTEGER[]",
    ),
}


def _make_view(con: Native, name: str, query: str) -> None:
    """A view of the catalogs, with object ids in it as unsigned numbers, by which results tell them apart."""
    sessions.write(con, f"CREATE VIEW {quote(name)} AS {query}")
    if name.startswith(("_pg_", "information_schema")):
        return
    kinds = {}
    for column, kind, *_ in sessions.read(con, f"DESCRIBE {quote(name)}"):
        if column in _VECTOR_TYPES:
            kinds[column] = _VECTOR_TYPES[column]
        elif _OIDS.fullmatch(column) and kind in {"INTEGER", "BIGINT", "HUGEINT"}:
            kinds[column] = "UINTEGER"
    if kinds:
        casts = ", ".join(
            f"CAST({quote(column)} AS {kind}) AS {quote(column)}" for column, kind in kinds.items()
        )
        sessions.write(
            con,
            f"CREATE OR REPLACE VIEW {quote(name)} AS SELECT * REPLACE ({casts}) FROM ({query})",
        )


def _run_all(con: Native, text: str) -> None:
    for statement in text.split(";\n"):
        sessions.write(con, statement)


def begin_session(con: Connection, pid: int) -> None:
    """Let queries of a session read what the session's own number is."""
    sessions.write(con, f"SET VARIABLE {PID} = {pid}")


def places(con: Native, database: str, search_path: str) -> str:
    """DuckDB's search path for PostgreSQL's: the schemas that exist, main where none does, then the catalog's."""
    known = {
        fold(name): name
        for (name,) in sessions.read(
            con,
            "SELECT schema_name FROM duckdb_schemas() WHERE database_name = $name",
            {"name": database},
        )
    }
    wanted = [unquote(part.strip()) for part in search_path.split(",")]
    found = [
        known[fold(name)] for name in wanted if fold(name) in known and not name.startswith("pg_")
    ] or ["main"]
    return ",".join([*(f"{quote(database)}.{quote(name)}" for name in found), f"{HOME}.main"])


# Types


def _type_macros() -> list[str]:
    """What the views say of DuckDB's types, from the table that results are described by."""
    plain = dict(types.duckdb_types())
    oids = _map({name: str(known.oid) for name, known in plain.items()})
    arrays = _map(
        {name: str(known.array_oid) for name, known in plain.items() if known is not types.JSON}
    )
    sizes = _map({str(known.oid): str(known.size) for known in types.ALL})
    named = {known.oid: known.name for known in types.ALL} | {
        oid: name for oid, name, *_ in _OTHER_TYPES
    }
    named |= {known.oid: known.name for known in types.VECTORS}
    named |= {known.array_oid: "_" + known.name for known in types.ALL}
    long = {oid: _LONG_NAMES.get(name, name) for oid, name in named.items()}
    long |= {known.array_oid: _LONG_NAMES.get(known.name, known.name) + "[]" for known in types.ALL}
    short = _map({str(oid): literal(name) for oid, name in named.items()})
    full = _map({str(oid): literal(name) for oid, name in long.items()})
    by_name = _map(
        {literal(name): str(oid) for oid, name in [*named.items(), *long.items()]},
        keys_are_literals=True,
    )
    return [
        # Through a text, because DuckDB tells the types apart by it.
        "CREATE MACRO _pg_element(t) AS regexp_replace(t, '\\[\\d*\\]$', '')",
        f"CREATE MACRO _pg_scalar_oid(t) AS CASE WHEN starts_with(t, 'DECIMAL(') THEN 1700 WHEN t = 'RECORD' THEN 2249 "
        f"WHEN starts_with(t, 'STRUCT(') OR starts_with(t, 'MAP') OR starts_with(t, 'UNION(') THEN 114 "
        f"ELSE coalesce({oids}[t], 25) END",
        "CREATE MACRO _pg_type_oid(t) AS CASE WHEN ends_with(t, ']') THEN CASE "
        "WHEN ends_with(_pg_element(t), ']') OR starts_with(t, 'STRUCT(') OR starts_with(t, 'MAP(') THEN 114 "
        f"WHEN starts_with(t, 'DECIMAL(') THEN 1231 ELSE coalesce({arrays}[_pg_element(t)], 1009) END "
        "ELSE _pg_scalar_oid(t) END",
        f"CREATE MACRO _pg_type_size(t) AS coalesce({sizes}[_pg_type_oid(t)::VARCHAR], -1)",
        "CREATE MACRO _pg_type_modifier(t) AS CASE WHEN starts_with(t, 'DECIMAL(') AND ends_with(t, ')') "
        "THEN (regexp_extract(t, '(\\d+),', 1)::INTEGER << 16 | regexp_extract(t, ',(\\d+)', 1)::INTEGER) + 4 "
        "ELSE -1 END",
        f"CREATE MACRO _pg_type_name(id) AS {short}[id::VARCHAR]",
        f"CREATE MACRO _pg_format_type(id, modifier) AS CASE WHEN id IS NULL THEN NULL WHEN id = 1700 AND modifier > 3 "
        "THEN 'numeric(' || ((modifier - 4) >> 16) || ',' || ((modifier - 4) & 65535) || ')' "
        f"ELSE coalesce({full}[id::VARCHAR], '???') END",
        f"CREATE MACRO _pg_regtype_oid(name) AS coalesce(TRY_CAST(name AS BIGINT), "
        f"{by_name}[lower(replace(name::VARCHAR, 'pg_catalog.', ''))])",
        f"CREATE MACRO _pg_regtype_name(id) AS coalesce({full}[id::VARCHAR], id::VARCHAR)",
    ]


def _map(entries: dict[str, str], keys_are_literals: bool = False) -> str:
    return (
        "MAP {"
        + ", ".join(f"{k if keys_are_literals else literal(k)}: {v}" for k, v in entries.items())
        + "}"
    )


def _type_rows() -> str:
    """The rows of pg_type: a type and its array each."""
    rows = []
    for known in types.ALL:
        category = _CATEGORIES.get(known.name) or (
            "S" if known.name in _STRINGS else "N" if known.name in _NUMBERS else "U"
        )
        rows.append((known.oid, known.name, known.size, "b", category, 0, known.array_oid))
        rows.append((known.array_oid, "_" + known.name, -1, "b", "A", known.oid, 0))
    rows += [
        (known.oid, known.name, -1, "b", "A", item, known.array_oid)
        for known, item in ((types.INT2VECTOR, 21), (types.OIDVECTOR, 26))
    ]
    rows += [(oid, name, -1, kind, category, 0, 0) for oid, name, kind, category in _OTHER_TYPES]
    values = ", ".join(
        f"({oid}, {literal(name)}, {size}, {literal(kind)}, {literal(category)}, {element}, {array})"
        for oid, name, size, kind, category, element, array in rows
    )
    return (
        "SELECT oid, typname, 11 AS typnamespace, 10 AS typowner, typlen::SMALLINT AS typlen, typlen BETWEEN 1 AND 8 AS typbyval, "
        "typtype, typcategory, typname IN ('bool', 'text', 'float8', 'timestamptz', 'interval', 'oid') AS typispreferred, "
        "true AS typisdefined, ',' AS typdelim, 0 AS typrelid, CASE WHEN typcategory = 'A' THEN 'array_subscript_handler' "
        "ELSE '-' END AS typsubscript, typelem, typarray, "
        + ", ".join(
            f"_pg_type_function(typname, typcategory, {literal(what)}) AS typ{column}"
            for column, what in _FUNCTIONS
        )
        + ", '-' AS typmodin, '-' AS typmodout, '-' AS typanalyze, 'i' AS typalign, 'x' AS typstorage, false AS typnotnull, "
        "0 AS typbasetype, -1 AS typtypmod, 0 AS typndims, CASE WHEN typcategory = 'S' THEN 100 ELSE 0 END AS typcollation, "
        "NULL::VARCHAR AS typdefaultbin, NULL::VARCHAR AS typdefault, []::VARCHAR[] AS typacl, 0 AS xmin "
        f"FROM (VALUES {values}) AS t(oid, typname, typlen, typtype, typcategory, typelem, typarray)"
    )


_FUNCTIONS = (("input", "in"), ("output", "out"), ("receive", "recv"), ("send", "send"))


# Queries

_NAMES_POSTGRES = re.compile(
    r"\bpg_|\binformation_schema\b|\breg(?:class|type|proc|namespace|role|oper)|::\s*(?:oid|name|\"char\"|xid|int2vector)\b"
    r"|\bversion\s*\(|\bcurrent_(?:schema|setting|user|role|catalog|database)|\bsession_user\b|\buser\b|_privilege\b"
    r"|_description\s*\(|\bset_config\b|\bformat_type\b|\bto_reg|\bgetdatabaseencoding\b|\bquote_nullable\b",
    re.IGNORECASE,
)


def understood(sql: str) -> str:
    """A query on PostgreSQL's catalogs in DuckDB's words; every other text as it is."""
    return _translated(sql) if _NAMES_POSTGRES.search(sql) else sql


def _translated(sql: str) -> str:
    readable = _ALIAS.sub(
        r'as "\1"', _ARRAY_OF.sub(lambda found: f"::{_ELEMENTS[found[1].lower()]}[]", sql)
    )
    try:
        tree = sqlglot.parse_one(readable, read="postgres")
    except (SqlglotError, RecursionError):
        return sql
    if not isinstance(tree, exp.Query):
        return sql
    _name_columns(tree)
    _keep_order(tree)
    changed = _name_tables(tree)
    for node in reversed(
        list(tree.dfs())
    ):  # from the leaves up: what a rule looks at is in DuckDB's words already
        if (new := _in_duckdb_words(node)) is not node:
            changed += 1
            if node is tree:
                tree = new
            else:
                node.replace(new)
    # A word of PostgreSQL's may be the name of a column, too, or stand in a text: then nothing has changed.
    # All names in quotes, because some are words of DuckDB's, such as at.
    return str(tree.sql(dialect="duckdb", comments=False, identify=True)) if changed else sql


# What sqlglot doesn't read: arrays of PostgreSQL's own types, and SELECT as the name of a column.
_ELEMENTS = {
    "oid": "UINTEGER",
    "regtype": "TEXT",
    "regclass": "TEXT",
    "name": "TEXT",
    "char": "TEXT",
}
_ARRAY_OF = re.compile(
    r"::\s*(?:pg_catalog\.)?\"?(oid|regtype|regclass|name|char)\"?\[\]", re.IGNORECASE
)
_ALIAS = re.compile(
    r"\bas\s+(select|update|insert|delete)\b(?=\s*(?:,|\n\s*from\b|$))", re.IGNORECASE
)


# The catalogs whose own numbers clients ask for, as tableoid.
_TABLE_OIDS = {
    **{
        "pg_class": 1259,
        "pg_proc": 1255,
        "pg_type": 1247,
        "pg_attribute": 1249,
        "pg_attrdef": 2604,
    },
    **{"pg_constraint": 2606, "pg_description": 2609, "pg_index": 2610, "pg_namespace": 2615},
}


def _name_tables(tree: exp.Query) -> int:
    """Put the number of its table in the place of every tableoid; how many there were."""
    found = [column for column in tree.find_all(exp.Column) if fold(column.name) == "tableoid"]
    for column in found:
        scope = column.find_ancestor(exp.Select)
        tables = list(scope.find_all(exp.Table)) if scope is not None else []
        named = [
            table
            for table in tables
            if not column.table or fold(table.alias_or_name) == fold(column.table)
        ]
        oid = _TABLE_OIDS.get(fold(named[0].name), 0) if named else 0
        column.replace(exp.Literal.number(oid))
    return len(found)


def _keep_order(tree: exp.Query) -> None:
    """Columns come in their order from PostgreSQL, and clients count on it without asking for it."""
    if not isinstance(tree, exp.Select) or any(
        tree.args.get(part) for part in ("order", "group", "distinct")
    ):
        return
    tables = [join.this for join in tree.args.get("joins") or []]
    tables += [tree.args["from_"].this] if tree.args.get("from_") else []
    for table in tables:
        if (
            isinstance(table, exp.Table)
            and fold(table.name) == "pg_attribute"
            and not tree.find(exp.AggFunc)
        ):
            names = [exp.column(name, table=table.alias_or_name) for name in ("attrelid", "attnum")]
            tree.order_by(*names, copy=False)
            return


def _name_columns(tree: exp.Expression) -> None:
    """Name the columns that have no name as PostgreSQL would: by their function, or by what is cast."""
    for query in tree.find_all(exp.Select):
        if query.parent is not None and not isinstance(
            query.parent, exp.SetOperation | exp.Subquery | exp.CTE
        ):
            continue
        for item in list(query.expressions):
            is_call = _is_call(item) or _is_call_without_brackets(item)
            if isinstance(item, exp.Alias | exp.Column | exp.Star | exp.Dot) and not is_call:
                continue
            if isinstance(item, exp.Aliases) or item.is_star:
                continue
            item.replace(exp.alias_(item.copy(), _postgres_name(item), quoted=True))


def _is_call(item: exp.Expression) -> bool:
    return isinstance(item, exp.Dot) and isinstance(item.expression, exp.Func)


def _is_call_without_brackets(node: exp.Expression) -> bool:
    """Whether something that looks like a column is a function of PostgreSQL's."""
    is_bare = isinstance(node, exp.Column) and not node.table and not node.this.quoted
    return is_bare and fold(node.name) in {"session_user", "user", "current_role"}


def _postgres_name(item: exp.Expression) -> str:
    if isinstance(item, exp.Cast | exp.Paren | exp.Collate | exp.Bracket):
        inner = _postgres_name(item.this)
        return (
            inner
            if inner != "?column?" or not isinstance(item, exp.Cast)
            else str(item.to.sql("postgres")).lower()
        )
    if isinstance(item, exp.Dot):
        return _postgres_name(item.expression)
    if isinstance(item, exp.Column | exp.Identifier):
        return item.name
    if isinstance(item, exp.Case):
        return "case"
    if isinstance(item, exp.Exists):
        return "exists"
    if (
        isinstance(item, exp.Subquery)
        and isinstance(item.this, exp.Select)
        and item.this.expressions
    ):
        return str(item.this.expressions[0].alias_or_name) or "?column?"
    if isinstance(item, exp.Anonymous):
        return str(item.name).lower()
    if isinstance(item, exp.Func) and not isinstance(item, exp.Binary | exp.Connector):
        return item.sql_name().lower()
    return "?column?"


def _in_duckdb_words(node: exp.Expression) -> exp.Expression:
    """One node of a query on the catalogs as DuckDB has it, the others as they are."""
    for kind, rule in _RULES:
        if isinstance(node, kind):
            return rule(node)
    return node


def _table(node: exp.Table) -> exp.Expression:
    """pg_catalog.x, information_schema.x and a bare pg_x mean the views of the memory database."""
    schema, name = fold(node.db), fold(node.name)
    if isinstance(node.this, exp.Func):
        if isinstance(node.this, exp.StringToArray) or fold(node.this.name) in _SCALARS:
            return _one_row(node)
        return _without(node, "db") if schema in _SCHEMAS else node
    view = f"information_schema_{name}" if schema == "information_schema" else name
    if node.catalog:
        return node
    is_ours = schema in _SCHEMAS or (not schema and name.startswith("pg_"))
    if not is_ours or view not in _views():
        return node
    table = node.copy()
    if not table.alias:
        table.set("alias", exp.TableAlias(this=exp.to_identifier(name)))
    table.set("this", exp.to_identifier(view))
    table.set("db", exp.to_identifier("main"))
    table.set("catalog", exp.to_identifier(HOME))
    return table


_SCHEMAS = frozenset({"pg_catalog", "information_schema"})


# Functions that answer one value, and that PostgreSQL lets stand for a table all the same.
_SCALARS = frozenset(
    {
        *(
            "string_to_array",
            "current_schemas",
            "current_setting",
            "version",
            "_pg_current_schemas",
        ),
        "pg_partition_ancestors",
    }
)


def _one_row(node: exp.Table) -> exp.Expression:
    """f(…) AS x where a table is wanted, as the query that has its value for a row."""
    alias = node.args.get("alias")
    name = alias.name if alias is not None else node.this.name
    columns = [column.name for column in alias.columns] if alias is not None else []
    values = [node.this.copy(), exp.Literal.number(1)]  # the second is WITH ORDINALITY
    query = exp.select(
        *(exp.alias_(*pair, quoted=True) for pair in zip(values, columns or [name], strict=False))
    )
    return query.subquery(name)


def _without(node: exp.Expression, argument: str) -> exp.Expression:
    changed = node.copy()
    changed.set(argument, None)
    return changed


@functools.cache
def _views() -> frozenset[str]:
    return frozenset(blocks("pg_catalog"))


@functools.cache
def _functions() -> frozenset[str]:
    """The functions whose answer is another one than that of DuckDB's function of the same name."""
    text = "".join(blocks("pg_functions").values()) + ";".join(_type_macros())
    return frozenset(re.findall(r"CREATE MACRO _pg_(\w+)\(", text))


def _call(name: str, arguments: list[exp.Expression]) -> exp.Expression:
    own = f"_pg_{name}" if name in _functions() else name
    return exp.Anonymous(this=own, expressions=arguments)


def _anonymous(node: exp.Anonymous) -> exp.Expression:
    name = fold(str(node.this))
    return (
        node
        if not isinstance(node.this, str) or name not in _functions()
        else _call(name, node.expressions)
    )


def _dotted(node: exp.Dot) -> exp.Expression:
    """pg_catalog.f(…) is f(…)."""
    if isinstance(node.this, exp.Identifier) and fold(node.this.name) in _SCHEMAS:
        return node.expression
    return node


def _column(node: exp.Column) -> exp.Expression:
    """A bare session_user is a call; in pg_catalog.pg_class.oid the schema can go."""
    if _is_call_without_brackets(node):
        return _call(fold(node.name), [])
    if fold(node.db) in _SCHEMAS:
        return _without(node, "db")
    return node


def _current_schemas(node: exp.Expression) -> exp.Expression:
    return _call("current_schemas", [node.this or exp.true()])


def _cast(node: exp.Cast) -> exp.Expression:
    """Casts to PostgreSQL's types: names of things for their numbers and the other way round."""
    wanted = _type_name(node.to)
    if wanted.endswith("[]"):
        return _cast_of_array(node, wanted[:-2])
    if wanted in {"regclass", "regtype", "regproc", "regprocedure", "regnamespace"}:
        kind = "regproc" if wanted == "regprocedure" else wanted
        becomes_number = (
            isinstance(node.parent, exp.Cast) and _type_name(node.parent.to) in _INTEGERS
        )
        # A name that is compared with oids: its number is meant.
        is_name = isinstance(node.this, exp.Literal | exp.Parameter | exp.Placeholder) or _is_text(
            node.this
        )
        number = "_pg_regclass_oid" if kind == "regclass" else f"to_{kind}"
        function = number if becomes_number or is_name else f"_pg_{kind}_name"
        return exp.Anonymous(this=function, expressions=[node.this])
    if wanted in {"oid", "xid", "cid", "regrole"}:
        return exp.cast(node.this, "UINTEGER", dialect="duckdb")
    if (
        wanted in {"text", "varchar"}
        and isinstance(node.this, exp.Column)
        and fold(node.this.name) in _VECTORS
    ):
        return exp.Anonymous(
            this="array_to_string", expressions=[node.this, exp.Literal.string(" ")]
        )
    if wanted in {
        "name",
        "char",
        '"char"',
        "cstring",
        "bpchar",
        "citext",
        "aclitem",
        "pg_node_tree",
    } or (wanted in {"int2vector", "oidvector", "inet"}):
        return exp.cast(node.this, "VARCHAR", dialect="duckdb")
    if isinstance(node.to.args.get("kind"), exp.Dot):
        return exp.cast(node.this, wanted, dialect="postgres")
    return node


_INTEGERS = frozenset({"oid", "int", "int4", "int8", "bigint", "integer"})


def _is_text(node: exp.Expression) -> bool:
    """Whether an expression is a name put together, as quote_ident(a) || '.' || quote_ident(b) is."""
    if isinstance(node, exp.Paren):
        return _is_text(node.this)
    if isinstance(node, exp.Cast):
        return _type_name(node.to) in {"text", "varchar", "name"}
    return isinstance(node, exp.DPipe | exp.Concat) or (
        isinstance(node, exp.Anonymous) and "quote_ident" in node.name.lower()
    )


def _cast_of_array(node: exp.Cast, element: str) -> exp.Expression:
    target = {
        "oid": "UINTEGER",
        "name": "VARCHAR",
        "char": "VARCHAR",
        '"char"': "VARCHAR",
        "regtype": "VARCHAR",
    }.get(element)
    if (items := _array_literal(node.this)) is not None:
        array: exp.Expression = exp.Array(expressions=[exp.Literal.string(item) for item in items])
        return exp.cast(array, f"{target or element}[]", dialect="duckdb")
    return exp.cast(node.this, f"{target}[]", dialect="duckdb") if target else node


def _array_literal(node: exp.Expression) -> list[str] | None:
    """The items of '{r,v}', None for anything else."""
    if not isinstance(node, exp.Literal) or not node.is_string or not node.name.startswith("{"):
        return None
    return [item.strip().strip('"') for item in node.name.strip("{}").split(",") if item.strip()]


def _type_name(kind: exp.Expression | None) -> str:
    """The name of a type in lower case, without a schema."""
    if kind is None:
        return ""
    text = kind.sql("postgres").lower()
    return text.removeprefix("pg_catalog.").removeprefix('"pg_catalog".')


def _any(node: exp.Any) -> exp.Expression:
    """= ANY('{r,v}')."""
    inner = node.this.this if isinstance(node.this, exp.Paren) else node.this
    if isinstance(inner, exp.Parameter | exp.Placeholder):
        other = node.parent.this if isinstance(node.parent, exp.EQ | exp.NEQ) else None
        is_oid = isinstance(other, exp.Column) and _OIDS.fullmatch(fold(other.name)) is not None
        kind = "UINTEGER[]" if is_oid else "VARCHAR[]"
        return exp.Any(this=exp.Paren(this=exp.cast(inner, kind, dialect="duckdb")))
    items = _array_literal(inner)
    if items is None:
        return node
    texts = not all(item.isdigit() for item in items)
    array = exp.Array(
        expressions=[
            exp.Literal.string(item) if texts else exp.Literal.number(item) for item in items
        ]
    )
    return exp.Any(this=exp.Paren(this=array))


def _bracket(node: exp.Bracket) -> exp.Expression:
    """PostgreSQL counts the items of its int2vector and oidvector from 0, and all others from 1, as DuckDB does."""
    of = node.this
    if not isinstance(of, exp.Column) or fold(of.name) not in _VECTORS or node.args.get("shifted"):
        return node
    shifted = node.copy()
    shifted.set(
        "expressions",
        [
            exp.Add(this=exp.Paren(this=i.copy()), expression=exp.Literal.number(1))
            for i in node.expressions
        ],
    )
    shifted.set("shifted", True)
    return shifted


_VECTORS = frozenset({"indkey", "indclass", "indoption", "indcollation", "proargtypes"})


def _substring(node: exp.Substring) -> exp.Expression:
    """substring(text, 'pattern') is a search."""
    start = node.args.get("start")
    if not isinstance(start, exp.Literal) or not start.is_string:
        return node
    group = exp.Literal.number(1 if "(" in start.name else 0)
    found = exp.Anonymous(this="regexp_extract", expressions=[node.this, start, group])
    return exp.Anonymous(this="nullif", expressions=[found, exp.Literal.string("")])


def _operator(node: exp.Operator) -> exp.Expression:
    """Put what is written as a OPERATOR(pg_catalog.~) b."""
    name = str(node.args["operator"]).split(".")[-1].strip()
    left, right = node.this, node.expression
    if name in {"~", "!~", "~*", "!~*"}:
        options = [exp.Literal.string("i")] if name.endswith("*") else []
        matches = exp.Anonymous(this="regexp_matches", expressions=[left, right, *options])
        return exp.not_(matches) if name.startswith("!") else matches
    known = {
        "=": exp.EQ,
        "<>": exp.NEQ,
        "!=": exp.NEQ,
        "<": exp.LT,
        ">": exp.GT,
        "<=": exp.LTE,
        ">=": exp.GTE,
    }
    known |= {"~~": exp.Like, "+": exp.Add, "-": exp.Sub, "||": exp.DPipe}
    return known[name](this=left, expression=right) if name in known else node


def _compared(node: exp.Expression) -> exp.Expression:
    """Of a function, PostgreSQL has the number where we have the name: typreceive <> 0 is typreceive <> '-'."""
    for name in ("this", "expression"):
        side, other = node.args[name], node.args["expression" if name == "this" else "this"]
        if isinstance(side, exp.Anonymous) and isinstance(other, exp.Anonymous):
            if re.fullmatch(r"_pg_reg\w+_name", side.name) and re.fullmatch(
                r"to_reg\w+|_pg_regclass_oid", other.name
            ):
                changed = node.copy()  # the number of what is cast, and not its name
                changed.set(name, side.expressions[0].copy())
                return changed
            continue
        if not isinstance(side, exp.Column) or not _FUNCTION_COLUMN.fullmatch(fold(side.name)):
            continue
        changed = node.copy()
        if isinstance(other, exp.Literal) and not other.is_string:
            changed.set("expression" if name == "this" else "this", exp.Literal.string("-"))
            return changed
        if isinstance(other, exp.Column) and fold(other.name) == "oid":
            changed.set(
                "expression" if name == "this" else "this",
                exp.column("proname", table=other.table or None),
            )
            return changed
        if isinstance(other, exp.Anonymous) and other.name in {"to_regproc"}:
            changed.set("expression" if name == "this" else "this", other.expressions[0].copy())
            return changed
    return node


def _like(node: exp.Like | exp.ILike) -> exp.Expression:
    """In PostgreSQL a backslash escapes unless ESCAPE says otherwise, in DuckDB nothing does."""
    is_plain = isinstance(node.expression, exp.Literal) and "\\" not in node.expression.name
    if is_plain or isinstance(node.parent, exp.Escape):
        return node
    return exp.Escape(this=node.copy(), expression=exp.Literal.string("\\"))


_FUNCTION_COLUMN = re.compile(
    r"typ(receive|send|input|output|subscript|analyze|modin|modout)|agg\w+fn"
)


def _current(name: str) -> Callable[[exp.Expression], exp.Expression]:
    return lambda node: _call(name, [])


_RULES: tuple[tuple[type[exp.Expression], Callable[..., exp.Expression]], ...] = (
    (exp.Table, _table),
    (exp.Anonymous, _anonymous),
    (exp.Dot, _dotted),
    (exp.Column, _column),
    (exp.Cast, _cast),
    (exp.Operator, _operator),
    (exp.Collate, lambda node: node.this),
    (exp.Any, _any),
    (exp.Bracket, _bracket),
    (exp.Substring, _substring),
    (exp.Like, _like),
    (exp.ILike, _like),
    (exp.EQ, _compared),
    (exp.NEQ, _compared),
    (exp.CurrentSchema, _current("current_schema")),
    (exp.CurrentUser, _current("current_user")),
    (exp.CurrentDatabase, _current("current_database")),
    *(
        ((getattr(exp, name)), _current(call))
        for name, call in (
            ("CurrentCatalog", "current_catalog"),
            ("SessionUser", "session_user"),
            ("CurrentRole", "current_role"),
            ("CurrentVersion", "version"),
            ("Version", "version"),
        )
        if hasattr(exp, name)
    ),
    *(((exp.CurrentSchemas, _current_schemas),) if hasattr(exp, "CurrentSchemas") else ()),
)
