-- PostgreSQL's catalogs as views over those of DuckDB, in the memory database of the server.
-- {database} is the name of the served database as a literal. Object ids are DuckDB's, moved to
-- ranges of their own: PostgreSQL reserves those below 16384 for itself, and DuckDB counts tables,
-- schemas and functions each from the beginning.

-- name: _pg_schemas
SELECT 100000 + oid AS oid, schema_name AS name, comment FROM duckdb_schemas()
WHERE database_name = {database} AND schema_name NOT IN ('pg_catalog', 'information_schema')
UNION ALL SELECT 11, 'pg_catalog', NULL UNION ALL SELECT 13000, 'information_schema', NULL

-- name: _pg_relations
SELECT 100000 + table_oid AS oid, table_name AS name, 100000 + schema_oid AS schema_oid,
    schema_name, 'r' AS kind, estimated_size AS rows, column_count,
    index_count > 0 OR has_primary_key AS has_index, has_primary_key, check_constraint_count,
    comment, sql, false AS is_temporary
FROM duckdb_tables() WHERE database_name = {database} AND NOT internal AND schema_name <> '_duckml'
UNION ALL
SELECT 100000 + view_oid, view_name, 100000 + schema_oid, schema_name, 'v', 0, column_count, false,
    false, 0, comment, sql, false
FROM duckdb_views() WHERE database_name = {database} AND NOT internal
UNION ALL
SELECT 500000 + table_oid, table_name, 99999, 'temp', 'r', estimated_size, column_count,
    index_count > 0 OR has_primary_key, has_primary_key, check_constraint_count, comment, sql, true
FROM duckdb_tables() WHERE database_name = 'temp' AND NOT internal
UNION ALL
SELECT 100000 + sequence_oid, sequence_name, 100000 + schema_oid, schema_name, 'S', 1, 3, false,
    false, 0, comment, sql, false
FROM duckdb_sequences() WHERE database_name = {database}

-- name: _pg_columns
SELECT CASE WHEN database_name = 'temp' THEN 500000 ELSE 100000 END + table_oid AS table_oid,
    table_name, schema_name, column_name AS name,
    row_number() OVER (PARTITION BY database_name, table_oid
        ORDER BY column_index)::SMALLINT AS number,
    data_type, is_nullable, column_default AS default_text, comment, numeric_precision,
    numeric_scale, is_generated, generation_expression
FROM duckdb_columns()
WHERE database_name IN ({database}, 'temp') AND NOT internal
    AND (schema_name <> '_duckml' OR table_name IN (
        SELECT view_name FROM duckdb_views() WHERE schema_name = '_duckml'
        AND database_name = {database}))

-- name: _pg_keys
SELECT 200000 + row_number() OVER (ORDER BY schema_name, table_name, constraint_index) AS oid,
    CASE WHEN database_name = 'temp' THEN 500000 ELSE 100000 END + table_oid AS table_oid,
    schema_name,
    CASE WHEN database_name = 'temp' THEN 99999 ELSE 100000 + schema_oid END AS schema_oid,
    table_name,
    CASE constraint_type WHEN 'PRIMARY KEY' THEN 'p' WHEN 'UNIQUE' THEN 'u'
        WHEN 'FOREIGN KEY' THEN 'f' WHEN 'CHECK' THEN 'c' END AS kind,
    coalesce(nullif(constraint_name, ''), table_name || '_'
        || array_to_string(constraint_column_names, '_') || '_'
        || lower(constraint_type[:1])) AS name,
    constraint_text AS definition, constraint_column_names AS column_names,
    list_transform(constraint_column_indexes, lambda i: (i + 1)::SMALLINT) AS column_numbers,
    referenced_table, referenced_column_names, expression
FROM duckdb_constraints()
WHERE database_name IN ({database}, 'temp')
    AND constraint_type IN ('PRIMARY KEY', 'UNIQUE', 'FOREIGN KEY', 'CHECK')
    AND schema_name <> '_duckml'

-- name: _pg_indexes
SELECT 300000 + oid AS oid, name, table_oid, table_name, schema_name, schema_oid, true AS is_unique,
    kind = 'p' AS is_primary, column_numbers, column_names, oid AS constraint_oid,
    'CREATE UNIQUE INDEX ' || name || ' ON ' || schema_name || '.' || table_name || ' USING art ('
        || array_to_string(column_names, ', ') || ')' AS definition
FROM _pg_keys WHERE kind IN ('p', 'u')
UNION ALL
SELECT 100000 + i.index_oid, i.index_name, 100000 + i.table_oid, i.table_name, i.schema_name,
    100000 + i.schema_oid, i.is_unique, i.is_primary,
    coalesce(list(c.number ORDER BY c.number) FILTER (c.number IS NOT NULL), []),
    coalesce(list(c.name ORDER BY c.number) FILTER (c.name IS NOT NULL), []), 0,
    'CREATE ' || CASE WHEN i.is_unique THEN 'UNIQUE ' ELSE '' END || 'INDEX ' || i.index_name
        || ' ON ' || i.schema_name || '.' || i.table_name || ' USING art ('
        || regexp_extract(i.sql, '\((.*)\)\s*;?\s*$', 1) || ')'
FROM duckdb_indexes() i LEFT JOIN _pg_columns c
    ON c.table_oid = 100000 + i.table_oid AND list_contains(
        list_transform(string_split(regexp_extract(i.sql, '\(([^()]*)\)\s*;?\s*$', 1), ','),
            lambda e: trim(e, ' "')), c.name)
WHERE i.database_name = {database} AND i.schema_name <> '_duckml' GROUP BY ALL

-- name: _pg_functions
-- Overloads share one object id in DuckDB.
SELECT 1000000 + 10 * function_oid + row_number() OVER (PARTITION BY function_oid) AS oid,
    function_name AS name, schema_name, function_type,
    list_transform(parameters, lambda p: CASE p WHEN '__duckml_row' THEN 'row'
        ELSE p END) AS argument_names,
    list_transform(parameter_types,
        lambda t: coalesce(t, CASE function_type WHEN 'table_macro' THEN 'VARCHAR'
        ELSE 'RECORD' END)) AS argument_types,
    CASE WHEN function_type = 'table_macro' THEN 'RECORD'
        WHEN starts_with(function_name, 'model_version_') THEN 'VARCHAR'
        WHEN starts_with(function_name, 'predict_proba_') THEN 'MAP'
        WHEN contains(macro_definition, 'list_extract(CAST(list_value(')
        THEN regexp_extract(macro_definition, 'AS ([A-Z]+)\[\]', 1)
        WHEN starts_with(function_name, 'predict_') THEN 'DOUBLE' ELSE 'VARCHAR' END AS return_type,
    function_type = 'table_macro' AS is_table, comment, macro_definition
FROM duckdb_functions()
WHERE database_name = {database} AND NOT internal AND function_type IN ('macro', 'table_macro')
    AND NOT contains(function_name, '@')

-- name: pg_type
-- Each table is also a type, whose values are its rows, and has a type of arrays of them.
FROM _pg_base_types
UNION ALL BY NAME
SELECT b.* REPLACE (700000 + r.oid AS oid, r.name AS typname, r.schema_oid AS typnamespace,
    'c' AS typtype, 'C' AS typcategory, r.oid AS typrelid, 800000 + r.oid AS typarray,
    'record_recv' AS typreceive, 'record_send' AS typsend, 'record_in' AS typinput,
    'record_out' AS typoutput)
FROM _pg_base_types b, _pg_relations r WHERE b.typname = 'record' AND r.kind IN ('r', 'v')
UNION ALL BY NAME
SELECT b.* REPLACE (800000 + r.oid AS oid, '_' || r.name AS typname, r.schema_oid AS typnamespace,
    700000 + r.oid AS typelem)
FROM _pg_base_types b, _pg_relations r WHERE b.typname = '_text' AND r.kind IN ('r', 'v')

-- name: pg_namespace
SELECT oid, name AS nspname, 10 AS nspowner, NULL::VARCHAR[] AS nspacl FROM _pg_schemas

-- name: pg_class
SELECT oid, name AS relname, schema_oid AS relnamespace, 700000 + oid AS reltype, 0 AS reloftype,
    10 AS relowner, CASE kind WHEN 'r' THEN 2 ELSE 0 END AS relam, oid AS relfilenode,
    0 AS reltablespace, greatest(1, rows // 1000)::INTEGER AS relpages, rows::FLOAT AS reltuples,
    0 AS relallvisible, 0 AS reltoastrelid, has_index AS relhasindex, false AS relisshared,
    CASE WHEN is_temporary THEN 't' ELSE 'p' END AS relpersistence, kind AS relkind,
    column_count::SMALLINT AS relnatts, check_constraint_count::SMALLINT AS relchecks,
    kind = 'v' AS relhasrules,
    -- Foreign keys are triggers in PostgreSQL, on both sides.
    kind = 'r' AND EXISTS (FROM _pg_keys f
        WHERE f.kind = 'f' AND (f.table_oid = r.oid OR f.referenced_table = r.name)) AS relhastriggers,
    false AS relhassubclass, false AS relrowsecurity, false AS relforcerowsecurity,
    true AS relispopulated, 'd' AS relreplident, false AS relispartition, 0 AS relrewrite,
    0 AS relfrozenxid, 0 AS relminmxid, NULL::VARCHAR[] AS relacl, NULL::VARCHAR[] AS reloptions,
    NULL::VARCHAR AS relpartbound, false AS relhasoids, false AS relhaspkey, 0 AS xmin
FROM _pg_relations r
UNION ALL
SELECT oid, name, schema_oid, 0, 0, 10, 403, oid, 0, 1, 0, 0, 0, false, false, 'p', 'i',
    len(column_numbers)::SMALLINT, 0, false, false, false, false, false, true, 'n', false, 0, 0, 0,
    NULL, NULL, NULL, false, false, 0
FROM _pg_indexes
UNION ALL BY NAME
SELECT oid, relname, 11 AS relnamespace, 0 AS reltype, 10 AS relowner, false AS relhasindex,
    false AS relisshared, 'p' AS relpersistence, 'r' AS relkind, false AS relhasrules,
    false AS relhastriggers, false AS relrowsecurity, false AS relispartition,
    NULL::VARCHAR[] AS relacl, 0 AS reltablespace, 0 AS xmin
FROM (VALUES (1259, 'pg_class'), (1255, 'pg_proc'), (1247, 'pg_type'), (1249, 'pg_attribute'),
    (2604, 'pg_attrdef'), (2606, 'pg_constraint'), (2609, 'pg_description'), (2610, 'pg_index'),
    (2615, 'pg_namespace')) AS system(oid, relname)

-- name: pg_attribute
SELECT table_oid AS attrelid, name AS attname, _pg_type_oid(data_type) AS atttypid,
    -1 AS attstattarget, _pg_type_size(data_type)::SMALLINT AS attlen, number AS attnum,
    CASE WHEN ends_with(data_type, ']') THEN 1 ELSE 0 END AS attndims, -1 AS attcacheoff,
    _pg_type_modifier(data_type) AS atttypmod, false AS attbyval, 'x' AS attstorage,
    'i' AS attalign, NOT is_nullable AS attnotnull,
    default_text IS NOT NULL OR is_generated AS atthasdef, false AS atthasmissing,
    '' AS attidentity, CASE WHEN is_generated THEN 's' ELSE '' END AS attgenerated,
    false AS attisdropped, true AS attislocal, 0 AS attinhcount, 0 AS attcollation,
    NULL::VARCHAR[] AS attacl, NULL::VARCHAR[] AS attoptions, NULL::VARCHAR[] AS attfdwoptions,
    NULL::VARCHAR AS attmissingval, '' AS attcompression
FROM _pg_columns
UNION ALL
SELECT i.oid, name, _pg_type_oid(data_type), -1, _pg_type_size(data_type)::SMALLINT,
    position::SMALLINT, 0, -1, _pg_type_modifier(data_type), false, 'x', 'i', false, false, false,
    '', '', false, true, 0, 0, NULL, NULL, NULL, NULL, ''
FROM (SELECT i.oid, i.table_oid, unnest(column_numbers) AS number,
    generate_subscripts(column_numbers, 1) AS position
    FROM _pg_indexes i) i JOIN _pg_columns USING (table_oid, number)

-- name: pg_attrdef
SELECT 400000 + row_number() OVER (ORDER BY table_oid, number) AS oid, table_oid AS adrelid,
    number AS adnum, coalesce(default_text, generation_expression) AS adbin,
    coalesce(default_text, generation_expression) AS adsrc
FROM _pg_columns WHERE default_text IS NOT NULL OR is_generated

-- name: pg_constraint
SELECT k.oid, k.name AS conname, k.schema_oid AS connamespace, k.kind AS contype,
    false AS condeferrable, false AS condeferred, true AS convalidated, k.table_oid AS conrelid,
    0 AS contypid,
    CASE WHEN k.kind IN ('p', 'u') THEN 300000 + k.oid
        -- A foreign key has the index of the key that it refers to.
        WHEN k.kind = 'f' THEN coalesce((SELECT min(300000 + u.oid) FROM _pg_keys u
            WHERE u.table_oid = r.oid AND u.kind IN ('p', 'u')
                AND u.column_names = k.referenced_column_names), 0)
        ELSE 0 END AS conindid,
    0 AS conparentid, coalesce(r.oid, 0) AS confrelid, 'a' AS confupdtype, 'a' AS confdeltype,
    's' AS confmatchtype, true AS conislocal, 0 AS coninhcount, true AS connoinherit,
    column_numbers AS conkey,
    CASE WHEN k.kind = 'f'
        THEN (SELECT list(x.number ORDER BY list_position(k.referenced_column_names, x.name))
            FROM _pg_columns x
            WHERE x.table_oid = r.oid
                AND list_contains(k.referenced_column_names, x.name)) END AS confkey,
    NULL::BIGINT[] AS conpfeqop, NULL::BIGINT[] AS conppeqop, NULL::BIGINT[] AS conffeqop,
    NULL::BIGINT[] AS conexclop, expression AS conbin, definition AS consrc,
    NULL::SMALLINT[] AS confdelsetcols
FROM _pg_keys k LEFT JOIN _pg_relations r
    ON k.kind = 'f' AND r.name = k.referenced_table AND r.schema_name = k.schema_name
    AND r.kind = 'r'

-- name: pg_index
SELECT oid AS indexrelid, table_oid AS indrelid, len(column_numbers)::SMALLINT AS indnatts,
    len(column_numbers)::SMALLINT AS indnkeyatts, is_unique AS indisunique,
    is_primary AS indisprimary, false AS indisexclusion, true AS indimmediate,
    false AS indisclustered, true AS indisvalid, false AS indcheckxmin, true AS indisready,
    true AS indislive, false AS indisreplident, false AS indnullsnotdistinct,
    column_numbers AS indkey, list_transform(column_numbers, lambda c: 0) AS indcollation,
    list_transform(column_numbers, lambda c: 0) AS indclass,
    list_transform(column_numbers, lambda c: 0) AS indoption, NULL::VARCHAR AS indexprs,
    NULL::VARCHAR AS indpred
FROM _pg_indexes

-- name: pg_proc
SELECT oid, name AS proname,
    (SELECT s.oid FROM _pg_schemas s WHERE s.name = f.schema_name) AS pronamespace, 10 AS proowner,
    14 AS prolang, 100::FLOAT AS procost, CASE WHEN is_table THEN 1000 ELSE 0 END::FLOAT AS prorows,
    0 AS provariadic, 0 AS prosupport, 'f' AS prokind, false AS prosecdef, false AS proleakproof,
    false AS proisstrict, is_table AS proretset, 'i' AS provolatile, 's' AS proparallel,
    len(argument_names)::SMALLINT AS pronargs, 0::SMALLINT AS pronargdefaults,
    _pg_type_oid(return_type) AS prorettype,
    list_transform(argument_types, lambda t: _pg_type_oid(t)) AS proargtypes,
    NULL::BIGINT[] AS proallargtypes, NULL::VARCHAR[] AS proargmodes, argument_names AS proargnames,
    NULL::VARCHAR AS proargdefaults, NULL::BIGINT[] AS protrftypes, macro_definition AS prosrc,
    NULL::VARCHAR AS probin, NULL::VARCHAR AS prosqlbody, NULL::VARCHAR[] AS proconfig,
    NULL::VARCHAR[] AS proacl, false AS proisagg, false AS proiswindow, 0 AS xmin
FROM _pg_functions f
UNION ALL BY NAME
SELECT DISTINCT ON (proname) 1000 + oid AS oid, proname, 11 AS pronamespace, 10 AS proowner,
    14 AS prolang, 'f' AS prokind, false AS proretset, 0 AS prorettype,
    []::INTEGER[] AS proargtypes, false AS proisagg, false AS proiswindow
FROM (SELECT oid, unnest([typreceive, typsend, typinput, typoutput]) AS proname FROM _pg_base_types)
    WHERE proname <> '-'

-- name: pg_description
SELECT oid AS objoid, 1259 AS classoid, 0 AS objsubid, comment AS description
FROM _pg_relations WHERE comment IS NOT NULL
UNION ALL SELECT table_oid, 1259, number, comment FROM _pg_columns WHERE comment IS NOT NULL
UNION ALL SELECT oid, 1255, 0, comment FROM _pg_functions WHERE comment IS NOT NULL
UNION ALL SELECT oid, 2615, 0, comment FROM _pg_schemas WHERE comment IS NOT NULL

-- name: pg_database
SELECT 1 AS oid, {database} AS datname, 10 AS datdba, 6 AS encoding, 'C.UTF-8' AS datcollate,
    'C.UTF-8' AS datctype, 'c' AS datlocprovider, false AS datistemplate, true AS datallowconn,
    -1 AS datconnlimit, 0 AS datlastsysoid, 0 AS datfrozenxid, 0 AS datminmxid,
    1663 AS dattablespace, NULL::VARCHAR AS daticulocale, NULL::VARCHAR AS daticurules,
    NULL::VARCHAR AS datcollversion, NULL::VARCHAR[] AS datacl, false AS dathasloginevt,
    NULL::VARCHAR AS datlocale

-- name: pg_roles
SELECT 10 AS oid, coalesce(getvariable('__pg_user'), 'duckml') AS rolname, false AS rolsuper,
    true AS rolinherit, false AS rolcreaterole, false AS rolcreatedb, true AS rolcanlogin,
    false AS rolreplication, -1 AS rolconnlimit, '********' AS rolpassword,
    NULL::TIMESTAMPTZ AS rolvaliduntil, false AS rolbypassrls, NULL::VARCHAR[] AS rolconfig

-- name: pg_user
SELECT rolname AS usename, oid AS usesysid, rolcreatedb AS usecreatedb, rolsuper AS usesuper,
    rolreplication AS userepl, rolbypassrls AS usebypassrls, rolpassword AS passwd,
    rolvaliduntil AS valuntil, rolconfig AS useconfig FROM pg_roles

-- name: pg_authid
SELECT * FROM pg_roles

-- name: pg_tablespace
SELECT 1663 AS oid, 'pg_default' AS spcname, 10 AS spcowner, NULL::VARCHAR[] AS spcacl,
    NULL::VARCHAR[] AS spcoptions

-- name: pg_am
SELECT 2 AS oid, 'heap' AS amname, 'heap_tableam_handler' AS amhandler, 't' AS amtype,
    false AS amcanorder
UNION ALL SELECT 403, 'art', 'arthandler', 'i', true

-- name: pg_language
SELECT 14 AS oid, 'sql' AS lanname, 10 AS lanowner, false AS lanispl, true AS lanpltrusted,
    0 AS lanplcallfoid, 0 AS laninline, 0 AS lanvalidator, NULL::VARCHAR[] AS lanacl

-- name: pg_collation
SELECT 100 AS oid, 'default' AS collname, 11 AS collnamespace, 10 AS collowner, 'd' AS collprovider,
    true AS collisdeterministic, -1 AS collencoding, '' AS collcollate, '' AS collctype,
    NULL::VARCHAR AS colliculocale, NULL::VARCHAR AS collversion

-- name: pg_rewrite
SELECT 600000 + oid AS oid, '_RETURN' AS rulename, oid AS ev_class, '1' AS ev_type,
    'O' AS ev_enabled, true AS is_instead, '' AS ev_qual, sql AS ev_action
FROM _pg_relations WHERE kind = 'v'

-- name: pg_depend
SELECT 1259 AS classid, oid AS objid, 0 AS objsubid, 2606 AS refclassid, constraint_oid AS refobjid,
    0 AS refobjsubid, 'i' AS deptype
FROM _pg_indexes WHERE constraint_oid > 0

-- name: pg_sequence
SELECT oid AS seqrelid, 20 AS seqtypid, start_value AS seqstart, increment_by AS seqincrement,
    max_value AS seqmax, min_value AS seqmin, 1 AS seqcache, cycle AS seqcycle
FROM (SELECT 100000 + sequence_oid AS oid, * FROM duckdb_sequences()
    WHERE database_name = {database})

-- name: pg_sequences
SELECT schema_name AS schemaname, sequence_name AS sequencename,
    getvariable('__pg_user') AS sequenceowner, 'bigint' AS data_type, start_value, min_value,
    max_value, increment_by, cycle, 1 AS cache_size, last_value
FROM duckdb_sequences() WHERE database_name = {database}

-- name: pg_stat_activity
SELECT 1 AS datid, {database} AS datname, getvariable('__pg_pid') AS pid,
    NULL::INTEGER AS leader_pid, 10 AS usesysid, getvariable('__pg_user') AS usename,
    getvariable('__pg_settings')['application_name'] AS application_name,
    NULL::VARCHAR AS client_addr, NULL::VARCHAR AS client_hostname, NULL::INTEGER AS client_port,
    now() AS backend_start, now() AS xact_start, now() AS query_start, now() AS state_change,
    NULL::VARCHAR AS wait_event_type, NULL::VARCHAR AS wait_event, 'active' AS state,
    0 AS backend_xid, 0 AS backend_xmin, NULL::VARCHAR AS query, 'client backend' AS backend_type

-- name: pg_stat_database
SELECT 1 AS datid, {database} AS datname, 1 AS numbackends, 0 AS xact_commit, 0 AS xact_rollback,
    0 AS blks_read, 0 AS blks_hit, 0 AS tup_returned, 0 AS tup_fetched, 0 AS tup_inserted,
    0 AS tup_updated, 0 AS tup_deleted, 0 AS conflicts, 0 AS temp_files, 0 AS temp_bytes,
    0 AS deadlocks, 0::DOUBLE AS blk_read_time, 0::DOUBLE AS blk_write_time,
    NULL::TIMESTAMPTZ AS stats_reset

-- name: pg_stat_user_tables
SELECT oid AS relid, schema_name AS schemaname, name AS relname, 0 AS seq_scan, 0 AS seq_tup_read,
    0 AS idx_scan, 0 AS idx_tup_fetch, 0 AS n_tup_ins, 0 AS n_tup_upd, 0 AS n_tup_del,
    0 AS n_tup_hot_upd, rows AS n_live_tup, 0 AS n_dead_tup, NULL::TIMESTAMPTZ AS last_vacuum,
    NULL::TIMESTAMPTZ AS last_autovacuum, NULL::TIMESTAMPTZ AS last_analyze,
    NULL::TIMESTAMPTZ AS last_autoanalyze, 0 AS vacuum_count, 0 AS autovacuum_count,
    0 AS analyze_count, 0 AS autoanalyze_count
FROM _pg_relations WHERE kind = 'r'

-- name: pg_stat_all_tables
SELECT * FROM pg_stat_user_tables

-- name: pg_statio_user_tables
SELECT relid, schemaname, relname, 0 AS heap_blks_read, 0 AS heap_blks_hit, 0 AS idx_blks_read,
    0 AS idx_blks_hit
FROM pg_stat_user_tables

-- name: pg_stat_user_indexes
SELECT table_oid AS relid, oid AS indexrelid, schema_name AS schemaname, table_name AS relname,
    name AS indexrelname, 0 AS idx_scan, 0 AS idx_tup_read, 0 AS idx_tup_fetch FROM _pg_indexes

-- name: pg_stat_ssl
SELECT getvariable('__pg_pid') AS pid, false AS ssl, NULL::VARCHAR AS version,
    NULL::VARCHAR AS cipher

-- name: pg_stat_gssapi
SELECT getvariable('__pg_pid') AS pid, false AS gss_authenticated, NULL::VARCHAR AS principal,
    false AS encrypted

-- name: pg_stat_bgwriter
SELECT 0 AS checkpoints_timed, 0 AS checkpoints_req, 0 AS buffers_checkpoint

-- name: pg_settings
SELECT entry.key AS name, entry.value AS setting, NULL::VARCHAR AS unit, 'Client' AS category,
    '' AS short_desc, NULL::VARCHAR AS extra_desc, 'user' AS context, 'string' AS vartype,
    'session' AS source, NULL::VARCHAR AS min_val, NULL::VARCHAR AS max_val,
    NULL::VARCHAR[] AS enumvals, entry.value AS boot_val, entry.value AS reset_val,
    NULL::VARCHAR AS sourcefile, NULL::INTEGER AS sourceline, false AS pending_restart
FROM (SELECT unnest(map_entries(getvariable('__pg_settings'))) AS entry)

-- name: pg_tables
SELECT schema_name AS schemaname, name AS tablename, getvariable('__pg_user') AS tableowner,
    NULL::VARCHAR AS tablespace, has_index AS hasindexes, false AS hasrules, false AS hastriggers,
    false AS rowsecurity
FROM _pg_relations WHERE kind = 'r'

-- name: pg_views
SELECT schema_name AS schemaname, name AS viewname, getvariable('__pg_user') AS viewowner,
    _pg_view_body(sql) AS definition
FROM _pg_relations WHERE kind = 'v'

-- name: pg_indexes
SELECT schema_name AS schemaname, table_name AS tablename, name AS indexname,
    NULL::VARCHAR AS tablespace, definition AS indexdef FROM _pg_indexes

-- name: pg_timezone_names
SELECT name, abbrev, utc_offset, is_dst FROM pg_timezone_names()

-- name: pg_timezone_abbrevs
SELECT abbrev, utc_offset, is_dst FROM pg_timezone_names()
