-- PostgreSQL's functions that clients call, as macros in the memory database of the server.
-- Where DuckDB has another function of the same name, the macro begins with _pg_. Only queries on
-- the catalogs call it, because duckml itself uses DuckDB's function.
-- {database} is the name of the served database as a literal.

-- name: before_views
CREATE TYPE jsonb AS JSON;
CREATE MACRO _pg_type_function(name, category, what) AS CASE WHEN category = 'P' THEN '-'
    WHEN category = 'A' THEN 'array_' || what
    WHEN name IN ('date', 'time', 'timestamp', 'timestamptz', 'timetz', 'interval', 'numeric',
        'uuid', 'json', 'jsonb') THEN name || '_' || what
    ELSE name || what END;
CREATE MACRO parse_ident_last(name) AS
    replace(trim(regexp_extract(name, '("[^"]*"|[^.]*)$', 1), '"'), '""', '"');
CREATE MACRO parse_ident_schema(name) AS nullif(
    trim(regexp_extract(name, '("[^"]*"|[^."]*)\.("[^"]*"|[^."]*)$', 1), '"'), '');
CREATE MACRO _pg_view_body(sql) AS regexp_replace(sql, '(?i)^CREATE .*?VIEW .*? AS ', '');
CREATE MACRO quote_ident(name) AS CASE WHEN regexp_full_match(name, '[a-z_][a-z0-9_$]*') THEN name
    ELSE '"' || replace(name, '"', '""') || '"' END;
CREATE MACRO parse_ident(given) AS list_transform(regexp_extract_all(given, '("[^"]*"|[^."]+)'),
    lambda part: trim(part, '"'));
CREATE MACRO quote_literal(value) AS
    chr(39) || replace(value::VARCHAR, chr(39), chr(39) || chr(39)) || chr(39);
CREATE MACRO _pg_quote_nullable(value) AS coalesce(
    chr(39) || replace(value::VARCHAR, chr(39), chr(39) || chr(39)) || chr(39), 'NULL')

-- name: types
-- DuckDB's types are recognized by their spelling. The names in braces are tables that the server
-- makes from its own table of types.
CREATE MACRO _pg_element(t) AS regexp_replace(t, '\[\d*\]$', '');
CREATE MACRO _pg_scalar_oid(t) AS CASE WHEN starts_with(t, 'DECIMAL(') THEN 1700
    WHEN t = 'RECORD' THEN 2249
    WHEN starts_with(t, 'STRUCT(') OR starts_with(t, 'MAP') OR starts_with(t, 'UNION(') THEN 114
    ELSE coalesce({type_oids}[t], 25) END;
CREATE MACRO _pg_type_oid(t) AS CASE WHEN ends_with(t, ']') THEN CASE
        -- Lists of lists and of structs are sent as json.
        WHEN ends_with(_pg_element(t), ']') OR starts_with(t, 'STRUCT(') OR starts_with(t, 'MAP(')
            THEN 114
        WHEN starts_with(t, 'DECIMAL(') THEN 1231
        ELSE coalesce({array_oids}[_pg_element(t)], 1009) END
    ELSE _pg_scalar_oid(t) END;
CREATE MACRO _pg_type_size(t) AS coalesce({type_sizes}[_pg_type_oid(t)::VARCHAR], -1);
CREATE MACRO _pg_type_modifier(t) AS CASE WHEN starts_with(t, 'DECIMAL(') AND ends_with(t, ')')
    THEN (regexp_extract(t, '(\d+),', 1)::INTEGER << 16
        | regexp_extract(t, ',(\d+)', 1)::INTEGER) + 4
    ELSE -1 END;
CREATE MACRO _pg_type_name(id) AS {short_names}[id::VARCHAR];
CREATE MACRO _pg_format_type(id, modifier) AS CASE WHEN id IS NULL THEN NULL
    WHEN id = 1700 AND modifier > 3
        THEN 'numeric(' || ((modifier - 4) >> 16) || ',' || ((modifier - 4) & 65535) || ')'
    ELSE coalesce({long_names}[id::VARCHAR], '???') END;
CREATE MACRO _pg_regtype_oid(name) AS coalesce(TRY_CAST(name AS BIGINT),
    {oids_by_name}[lower(replace(name::VARCHAR, 'pg_catalog.', ''))]);
CREATE MACRO _pg_regtype_name(id) AS coalesce({long_names}[id::VARCHAR], id::VARCHAR);
CREATE VIEW _pg_base_types AS
SELECT oid, typname, 11 AS typnamespace, 10 AS typowner, typlen::SMALLINT AS typlen,
    typlen BETWEEN 1 AND 8 AS typbyval, typtype, typcategory,
    typname IN ('bool', 'text', 'float8', 'timestamptz', 'interval', 'oid') AS typispreferred,
    true AS typisdefined, ',' AS typdelim, 0 AS typrelid,
    CASE WHEN typcategory = 'A' THEN 'array_subscript_handler' ELSE '-' END AS typsubscript,
    typelem, typarray,
    _pg_type_function(typname, typcategory, 'in') AS typinput,
    _pg_type_function(typname, typcategory, 'out') AS typoutput,
    _pg_type_function(typname, typcategory, 'recv') AS typreceive,
    _pg_type_function(typname, typcategory, 'send') AS typsend,
    '-' AS typmodin, '-' AS typmodout, '-' AS typanalyze, 'i' AS typalign, 'x' AS typstorage,
    false AS typnotnull, 0 AS typbasetype, -1 AS typtypmod, 0 AS typndims,
    CASE WHEN typcategory = 'S' THEN 100 ELSE 0 END AS typcollation,
    NULL::VARCHAR AS typdefaultbin, NULL::VARCHAR AS typdefault, []::VARCHAR[] AS typacl, 0 AS xmin
FROM (VALUES {type_rows}) AS t(oid, typname, typlen, typtype, typcategory, typelem, typarray)

-- name: after_views
CREATE MACRO _pg_version() AS 'PostgreSQL 14.9 (duckml on DuckDB ' || system.main.version() || ')';
CREATE MACRO _pg_current_setting(name) AS getvariable('__pg_settings')[lower(name)],
    (name, missing_ok) AS getvariable('__pg_settings')[lower(name)];
CREATE MACRO _pg_set_config(name, value, is_local) AS value;
CREATE MACRO _pg_current_database() AS {database};
CREATE MACRO _pg_current_catalog() AS {database};
CREATE MACRO _pg_current_user() AS getvariable('__pg_user');
CREATE MACRO _pg_session_user() AS getvariable('__pg_user');
CREATE MACRO _pg_user() AS getvariable('__pg_user');
CREATE MACRO _pg_current_role() AS getvariable('__pg_user');
CREATE MACRO _pg_getdatabaseencoding() AS 'UTF8';
CREATE MACRO _pg_current_schema() AS system.main.current_schema();
CREATE MACRO _pg_current_schemas(implicit) AS CASE WHEN implicit
    THEN ['pg_catalog', system.main.current_schema()]
    ELSE [system.main.current_schema()] END;
CREATE MACRO pg_backend_pid() AS getvariable('__pg_pid');
CREATE MACRO pg_cancel_backend(pid) AS false;
CREATE MACRO pg_terminate_backend(pid) AS false;
CREATE MACRO pg_is_in_recovery() AS false;
CREATE MACRO pg_is_wal_replay_paused() AS false;
CREATE MACRO pg_postmaster_start_time() AS now();
CREATE MACRO pg_conf_load_time() AS now();
CREATE MACRO pg_my_temp_schema() AS 99999;
CREATE MACRO pg_is_other_temp_schema(oid) AS false;
CREATE MACRO pg_encoding_to_char(encoding) AS 'UTF8';
CREATE MACRO pg_char_to_encoding(name) AS 6;
CREATE MACRO pg_client_encoding() AS 'UTF8';
CREATE MACRO pg_get_userbyid(oid) AS getvariable('__pg_user');
CREATE MACRO inet_server_addr() AS NULL::VARCHAR;
CREATE MACRO inet_server_port() AS NULL::INTEGER;
CREATE MACRO inet_client_addr() AS NULL::VARCHAR;
CREATE MACRO inet_client_port() AS NULL::INTEGER;
CREATE MACRO initcap(s) AS array_to_string(list_transform(
    regexp_extract_all(s, '[\p{L}\p{N}]+|[^\p{L}\p{N}]+'),
    lambda part: upper(part[1]) || lower(part[2:])), '');
CREATE MACRO btrim(s) AS trim(s), (s, letters) AS trim(s, letters);
CREATE MACRO div(a, b) AS trunc(a / b);
CREATE MACRO every(condition) AS bool_and(condition);
CREATE MACRO date_bin(stride, moment, origin) AS time_bucket(stride, moment, origin);
CREATE MACRO json_agg(x) AS to_json(list(x));
CREATE MACRO jsonb_agg(x) AS to_json(list(x));
CREATE MACRO json_typeof(j) AS CASE json_type(j)
    WHEN 'OBJECT' THEN 'object' WHEN 'ARRAY' THEN 'array' WHEN 'VARCHAR' THEN 'string'
    WHEN 'BOOLEAN' THEN 'boolean' WHEN 'NULL' THEN 'null' ELSE 'number' END;
CREATE MACRO jsonb_typeof(j) AS json_typeof(j);
-- DuckDB has no advisory locks. Migration tools take one around their work.
CREATE MACRO pg_advisory_unlock_all() AS NULL::VARCHAR;
CREATE MACRO pg_advisory_lock(key) AS NULL::VARCHAR;
CREATE MACRO pg_advisory_unlock(key) AS true;
CREATE MACRO pg_try_advisory_lock(key) AS true;
-- DuckDB does not report the sizes of tables.
CREATE MACRO pg_relation_size(oid) AS 0::BIGINT, (oid, fork) AS 0::BIGINT;
CREATE MACRO pg_table_size(oid) AS 0::BIGINT;
CREATE MACRO pg_indexes_size(oid) AS 0::BIGINT;
CREATE MACRO pg_total_relation_size(oid) AS 0::BIGINT;
CREATE MACRO pg_database_size(name) AS 0::BIGINT;
CREATE MACRO pg_tablespace_size(name) AS 0::BIGINT;
CREATE MACRO pg_size_pretty(size) AS format_bytes(size::BIGINT);
CREATE MACRO pg_relation_filenode(oid) AS oid;
CREATE MACRO pg_relation_is_publishable(oid) AS false;
CREATE MACRO pg_partition_ancestors(oid) AS NULL::UINTEGER;
CREATE MACRO pg_tablespace_location(oid) AS '';
CREATE MACRO pg_stat_get_numscans(oid) AS 0;
CREATE MACRO txid_snapshot_xmin(snapshot) AS 0;
CREATE MACRO pg_current_xact_id() AS txid_current();
CREATE MACRO pg_get_partkeydef(oid) AS NULL::VARCHAR;
CREATE MACRO pg_get_ruledef(oid) AS NULL::VARCHAR, (oid, pretty) AS NULL::VARCHAR;
CREATE MACRO pg_get_triggerdef(oid) AS NULL::VARCHAR, (oid, pretty) AS NULL::VARCHAR;
CREATE MACRO pg_get_statisticsobjdef_columns(oid) AS NULL::VARCHAR;
CREATE MACRO pg_get_serial_sequence(relation, name) AS NULL::VARCHAR;
CREATE MACRO pg_get_function_sqlbody(oid) AS NULL::VARCHAR;
CREATE MACRO pg_collation_for(value) AS NULL::VARCHAR;
CREATE MACRO row_security_active(relation) AS false;
-- DuckDB has no privileges on single objects.
CREATE MACRO _pg_has_table_privilege(relation, privilege) AS true,
    (who, relation, privilege) AS true;
CREATE MACRO _pg_has_schema_privilege(name, privilege) AS true, (who, name, privilege) AS true;
CREATE MACRO _pg_has_database_privilege(name, privilege) AS true, (who, name, privilege) AS true;
CREATE MACRO _pg_has_column_privilege(relation, name, privilege) AS true,
    (who, relation, name, privilege) AS true;
CREATE MACRO _pg_has_any_column_privilege(relation, privilege) AS true,
    (who, relation, privilege) AS true;
CREATE MACRO _pg_has_function_privilege(name, privilege) AS true, (who, name, privilege) AS true;
CREATE MACRO _pg_has_sequence_privilege(name, privilege) AS true, (who, name, privilege) AS true;
CREATE MACRO has_tablespace_privilege(name, privilege) AS true, (who, name, privilege) AS true;
CREATE MACRO has_language_privilege(name, privilege) AS true, (who, name, privilege) AS true;
CREATE MACRO has_server_privilege(name, privilege) AS true, (who, name, privilege) AS true;
CREATE MACRO has_foreign_data_wrapper_privilege(name, privilege) AS true,
    (who, name, privilege) AS true;
CREATE MACRO has_type_privilege(name, privilege) AS true, (who, name, privilege) AS true;
CREATE MACRO pg_has_role(name, privilege) AS true, (who, name, privilege) AS true;
CREATE MACRO _pg_pg_table_is_visible(id) AS coalesce(
    (SELECT r.schema_name IN (system.main.current_schema(), 'temp') FROM _pg_relations r
        WHERE r.oid = id::BIGINT),
    (SELECT i.schema_name = system.main.current_schema() FROM _pg_indexes i
        WHERE i.oid = id::BIGINT LIMIT 1), id::BIGINT < 100000);
CREATE MACRO _pg_pg_function_is_visible(id) AS coalesce(
    (SELECT f.schema_name = system.main.current_schema() FROM _pg_functions f
        WHERE f.oid = id::BIGINT LIMIT 1), true);
CREATE MACRO _pg_pg_type_is_visible(oid) AS true;
CREATE MACRO pg_operator_is_visible(oid) AS true;
CREATE MACRO pg_opclass_is_visible(oid) AS true;
CREATE MACRO pg_opfamily_is_visible(oid) AS true;
CREATE MACRO pg_collation_is_visible(oid) AS true;
CREATE MACRO pg_conversion_is_visible(oid) AS true;
CREATE MACRO pg_statistics_obj_is_visible(oid) AS true;
CREATE MACRO pg_ts_config_is_visible(oid) AS true;
CREATE MACRO pg_ts_dict_is_visible(oid) AS true;
CREATE MACRO pg_ts_parser_is_visible(oid) AS true;
CREATE MACRO pg_ts_template_is_visible(oid) AS true;
CREATE MACRO _pg_obj_description(id) AS (SELECT d.description FROM pg_description d
    WHERE d.objoid = id::BIGINT AND d.objsubid = 0 LIMIT 1),
    (id, class) AS (SELECT d.description FROM pg_description d
        WHERE d.objoid = id::BIGINT AND d.objsubid = 0
            AND d.classoid = CASE class::VARCHAR WHEN 'pg_class' THEN 1259
                WHEN 'pg_proc' THEN 1255 WHEN 'pg_namespace' THEN 2615 ELSE 0 END LIMIT 1);
CREATE MACRO _pg_col_description(id, place) AS (SELECT d.description FROM pg_description d
    WHERE d.objoid = id::BIGINT AND d.objsubid = place::INTEGER AND d.classoid = 1259 LIMIT 1);
CREATE MACRO _pg_shobj_description(id, class) AS NULL::VARCHAR;
CREATE MACRO _pg_pg_get_expr(expression, relation) AS expression::VARCHAR,
    (expression, relation, pretty) AS expression::VARCHAR;
CREATE MACRO _pg_pg_get_viewdef(id) AS (SELECT _pg_view_body(r.sql) FROM _pg_relations r
    WHERE r.oid = id::BIGINT AND r.kind = 'v'),
    (id, pretty) AS (SELECT _pg_view_body(r.sql) FROM _pg_relations r
        WHERE r.oid = id::BIGINT AND r.kind = 'v');
CREATE MACRO _pg_pg_get_constraintdef(id) AS (SELECT k.definition FROM _pg_keys k
    WHERE k.oid = id::BIGINT LIMIT 1),
    (id, pretty) AS (SELECT k.definition FROM _pg_keys k WHERE k.oid = id::BIGINT LIMIT 1);
CREATE MACRO pg_get_indexdef(id) AS (SELECT i.definition FROM _pg_indexes i
    WHERE i.oid = id::BIGINT LIMIT 1),
    (id, position, pretty) AS (
        SELECT CASE WHEN position = 0 THEN i.definition ELSE i.column_names[position] END
        FROM _pg_indexes i WHERE i.oid = id::BIGINT LIMIT 1);
CREATE MACRO pg_index_column_has_property(id, number, property) AS property = 'orderable';
CREATE MACRO pg_get_functiondef(id) AS (
    SELECT 'CREATE MACRO ' || f.schema_name || '.' || f.name || '('
        || array_to_string(f.argument_names, ', ') || ') AS ' || f.macro_definition
    FROM _pg_functions f WHERE f.oid = id::BIGINT LIMIT 1);
CREATE MACRO pg_get_function_arguments(id) AS (
    SELECT array_to_string(list_transform(list_zip(f.argument_names, f.argument_types),
        lambda a: a[1] || ' ' || _pg_format_type(_pg_type_oid(a[2]), NULL)), ', ')
    FROM _pg_functions f WHERE f.oid = id::BIGINT LIMIT 1);
CREATE MACRO pg_get_function_identity_arguments(id) AS pg_get_function_arguments(id);
CREATE MACRO pg_get_function_arg_default(id, position) AS NULL::VARCHAR;
CREATE MACRO pg_get_function_result(id) AS (
    SELECT _pg_format_type(_pg_type_oid(f.return_type), NULL)
    FROM _pg_functions f WHERE f.oid = id::BIGINT LIMIT 1);
-- A schema in the search path is left out of the name, as in PostgreSQL.
CREATE MACRO _pg_regclass_name(id) AS coalesce(
    (SELECT CASE WHEN r.schema_name = system.main.current_schema() THEN ''
            ELSE quote_ident(r.schema_name) || '.' END || quote_ident(r.name)
        FROM _pg_relations r WHERE r.oid = TRY_CAST(id AS BIGINT)),
    (SELECT quote_ident(i.name) FROM _pg_indexes i WHERE i.oid = TRY_CAST(id AS BIGINT) LIMIT 1),
    CASE TRY_CAST(id AS BIGINT) WHEN 1259 THEN 'pg_class' WHEN 1255 THEN 'pg_proc'
        WHEN 2615 THEN 'pg_namespace' WHEN 1247 THEN 'pg_type' WHEN 2606 THEN 'pg_constraint'
        WHEN 0 THEN '-' END, id::VARCHAR);
CREATE MACRO _pg_known_regclass(given) AS coalesce(TRY_CAST(given AS BIGINT),
    CASE parse_ident_last(given::VARCHAR) WHEN 'pg_class' THEN 1259 WHEN 'pg_proc' THEN 1255
        WHEN 'pg_namespace' THEN 2615 WHEN 'pg_type' THEN 1247 WHEN 'pg_constraint' THEN 2606
        WHEN 'pg_attrdef' THEN 2604 WHEN 'pg_database' THEN 1262 WHEN 'pg_authid' THEN 1260
        WHEN 'pg_extension' THEN 3079 WHEN 'pg_trigger' THEN 2620 WHEN 'pg_rewrite' THEN 2618
        WHEN 'pg_attribute' THEN 1249 WHEN 'pg_index' THEN 2610 WHEN 'pg_tablespace' THEN 1213
        WHEN 'pg_language' THEN 2612 WHEN 'pg_cast' THEN 2605 WHEN 'pg_operator' THEN 2617
        WHEN 'pg_opclass' THEN 2616 WHEN 'pg_description' THEN 2609
        WHEN 'pg_event_trigger' THEN 3466 WHEN 'pg_publication' THEN 6104
        WHEN 'pg_foreign_server' THEN 1417 WHEN 'pg_foreign_data_wrapper' THEN 2328 END,
    (SELECT r.oid FROM _pg_relations r WHERE r.name = parse_ident_last(given::VARCHAR)
        AND r.schema_name = coalesce(parse_ident_schema(given::VARCHAR), r.schema_name)
        ORDER BY r.schema_name <> system.main.current_schema() LIMIT 1),
    (SELECT i.oid FROM _pg_indexes i WHERE i.name = parse_ident_last(given::VARCHAR) LIMIT 1));
CREATE MACRO _pg_regclass_oid(given) AS CASE WHEN given IS NULL THEN NULL
    ELSE coalesce(_pg_known_regclass(given),
        error('relation "' || given || '" does not exist')::BIGINT) END;
CREATE MACRO to_regclass(given) AS _pg_regclass_name(_pg_known_regclass(given));
CREATE MACRO to_regtype(name) AS _pg_regtype_oid(name);
CREATE MACRO to_regproc(given) AS (SELECT f.oid FROM _pg_functions f
    WHERE f.name = parse_ident_last(given::VARCHAR) LIMIT 1);
CREATE MACRO to_regnamespace(given) AS (SELECT s.oid FROM _pg_schemas s
    WHERE s.name = given::VARCHAR);
CREATE MACRO _pg_regnamespace_name(id) AS coalesce(
    (SELECT s.name FROM _pg_schemas s WHERE s.oid = TRY_CAST(id AS BIGINT)), id::VARCHAR);
CREATE MACRO _pg_regproc_name(id) AS coalesce(
    (SELECT f.name FROM _pg_functions f WHERE f.oid = TRY_CAST(id AS BIGINT) LIMIT 1), id::VARCHAR);
CREATE MACRO _pg_expandarray(items) AS
    unnest(list_transform(items, lambda x, i: {'x': x, 'n': i::INTEGER}));
CREATE MACRO aclexplode(items) AS unnest(
    []::STRUCT(grantor BIGINT, grantee BIGINT, privilege_type VARCHAR, is_grantable BOOLEAN)[]);
CREATE MACRO acldefault(kind, owner) AS []::VARCHAR[];
CREATE MACRO array_upper(items, dimension) AS nullif(len(items), 0);
CREATE MACRO array_lower(items, dimension) AS CASE WHEN len(items) > 0 THEN 1 END;
CREATE MACRO bpchar(value) AS value::VARCHAR;
CREATE MACRO oidvectortypes(items) AS
    array_to_string(list_transform(items, lambda t: _pg_format_type(t, NULL)), ', ');
CREATE MACRO array_ndims(items) AS 1;
CREATE MACRO array_remove(items, item) AS list_filter(items, lambda x: x IS DISTINCT FROM item);
CREATE MACRO string_to_array(value, separator) AS string_split(value, separator);
-- Macros have no variable number of arguments.
CREATE MACRO json_build_object(a, b) AS json_object(a::VARCHAR, b),
    (a, b, c, d) AS json_object(a::VARCHAR, b, c::VARCHAR, d),
    (a, b, c, d, e, f) AS json_object(a::VARCHAR, b, c::VARCHAR, d, e::VARCHAR, f),
    (a, b, c, d, e, f, g, h) AS json_object(a::VARCHAR, b, c::VARCHAR, d, e::VARCHAR, f, g::VARCHAR,
        h),
    (a, b, c, d, e, f, g, h, i, j) AS json_object(a::VARCHAR, b, c::VARCHAR, d, e::VARCHAR, f,
        g::VARCHAR, h, i::VARCHAR, j),
    (a, b, c, d, e, f, g, h, i, j, k, l) AS json_object(a::VARCHAR, b, c::VARCHAR, d, e::VARCHAR, f,
        g::VARCHAR, h, i::VARCHAR, j, k::VARCHAR, l),
    (a, b, c, d, e, f, g, h, i, j, k, l, m, n) AS json_object(a::VARCHAR, b, c::VARCHAR, d,
        e::VARCHAR, f, g::VARCHAR, h, i::VARCHAR, j, k::VARCHAR, l, m::VARCHAR, n);
CREATE MACRO pg_options_to_table(options) AS TABLE SELECT '' AS option_name, '' AS option_value
    WHERE false;
CREATE MACRO pg_get_keywords() AS TABLE SELECT keyword_name AS word,
    CASE keyword_category WHEN 'reserved' THEN 'R' WHEN 'unreserved' THEN 'U'
        WHEN 'column_name' THEN 'C' ELSE 'T' END AS catcode, true AS barelabel,
    keyword_category AS catdesc, '' AS baredesc FROM duckdb_keywords();
CREATE MACRO pg_show_all_settings() AS TABLE SELECT * FROM pg_settings;
CREATE MACRO pg_stat_get_activity(pid) AS TABLE SELECT * FROM pg_stat_activity;
CREATE MACRO pg_listening_channels() AS TABLE SELECT '' AS pg_listening_channels WHERE false
