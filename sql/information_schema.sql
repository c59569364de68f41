-- The views of information_schema as PostgreSQL has them. DuckDB's own differ in columns and types,
-- and show the registry's tables. {database} is the name of the served database as a literal.

-- name: information_schema_schemata
SELECT {database} AS catalog_name, name AS schema_name, getvariable('__pg_user') AS schema_owner,
    NULL::VARCHAR AS default_character_set_catalog, NULL::VARCHAR AS default_character_set_schema,
    NULL::VARCHAR AS default_character_set_name, NULL::VARCHAR AS sql_path FROM _pg_schemas

-- name: information_schema_tables
SELECT {database} AS table_catalog, schema_name AS table_schema, name AS table_name,
    CASE WHEN kind = 'v' THEN 'VIEW' WHEN is_temporary THEN 'LOCAL TEMPORARY'
        ELSE 'BASE TABLE' END AS table_type,
    NULL::VARCHAR AS self_referencing_column_name, NULL::VARCHAR AS reference_generation,
    NULL::VARCHAR AS user_defined_type_catalog, NULL::VARCHAR AS user_defined_type_schema,
    NULL::VARCHAR AS user_defined_type_name,
    CASE kind WHEN 'r' THEN 'YES' ELSE 'NO' END AS is_insertable_into, 'NO' AS is_typed,
    NULL::VARCHAR AS commit_action
FROM _pg_relations WHERE kind IN ('r', 'v')

-- name: information_schema_views
SELECT {database} AS table_catalog, schema_name AS table_schema, name AS table_name,
    _pg_view_body(sql) AS view_definition, 'NONE' AS check_option, 'NO' AS is_updatable,
    'NO' AS is_insertable_into, 'NO' AS is_trigger_updatable, 'NO' AS is_trigger_deletable,
    'NO' AS is_trigger_insertable_into
FROM _pg_relations WHERE kind = 'v'

-- name: information_schema_columns
SELECT {database} AS table_catalog, schema_name AS table_schema, table_name, name AS column_name,
    number::INTEGER AS ordinal_position, default_text AS column_default,
    CASE WHEN is_nullable THEN 'YES' ELSE 'NO' END AS is_nullable,
    _pg_format_type(_pg_type_oid(data_type), NULL) AS data_type,
    NULL::INTEGER AS character_maximum_length, NULL::INTEGER AS character_octet_length,
    numeric_precision,
    CASE WHEN numeric_precision IS NULL THEN NULL ELSE 10 END AS numeric_precision_radix,
    numeric_scale,
    CASE WHEN starts_with(data_type, 'TIME') THEN 6
        WHEN data_type = 'DATE' THEN 0 END AS datetime_precision,
    NULL::VARCHAR AS interval_type, NULL::INTEGER AS interval_precision,
    NULL::VARCHAR AS character_set_catalog, NULL::VARCHAR AS character_set_schema,
    NULL::VARCHAR AS character_set_name, NULL::VARCHAR AS collation_catalog,
    NULL::VARCHAR AS collation_schema, NULL::VARCHAR AS collation_name,
    NULL::VARCHAR AS domain_catalog, NULL::VARCHAR AS domain_schema, NULL::VARCHAR AS domain_name,
    {database} AS udt_catalog, 'pg_catalog' AS udt_schema,
    _pg_type_name(_pg_type_oid(data_type)) AS udt_name, NULL::VARCHAR AS scope_catalog,
    NULL::VARCHAR AS scope_schema, NULL::VARCHAR AS scope_name,
    NULL::INTEGER AS maximum_cardinality, number::VARCHAR AS dtd_identifier,
    'NO' AS is_self_referencing, 'NO' AS is_identity, NULL::VARCHAR AS identity_generation,
    NULL::VARCHAR AS identity_start, NULL::VARCHAR AS identity_increment,
    NULL::VARCHAR AS identity_maximum, NULL::VARCHAR AS identity_minimum, 'NO' AS identity_cycle,
    CASE WHEN is_generated THEN 'ALWAYS' ELSE 'NEVER' END AS is_generated, generation_expression,
    'YES' AS is_updatable
FROM _pg_columns

-- name: information_schema_table_constraints
SELECT {database} AS constraint_catalog, schema_name AS constraint_schema, name AS constraint_name,
    {database} AS table_catalog, schema_name AS table_schema, table_name,
    CASE kind WHEN 'p' THEN 'PRIMARY KEY' WHEN 'u' THEN 'UNIQUE' WHEN 'f' THEN 'FOREIGN KEY'
        ELSE 'CHECK' END AS constraint_type,
    'NO' AS is_deferrable, 'NO' AS initially_deferred, 'YES' AS enforced, 'YES' AS nulls_distinct
FROM _pg_keys

-- name: information_schema_key_column_usage
SELECT {database} AS constraint_catalog, schema_name AS constraint_schema, name AS constraint_name,
    {database} AS table_catalog, schema_name AS table_schema, table_name,
    unnest(column_names) AS column_name,
    generate_subscripts(column_names, 1)::INTEGER AS ordinal_position,
    CASE WHEN kind = 'f' THEN generate_subscripts(column_names,
        1)::INTEGER END AS position_in_unique_constraint
FROM _pg_keys WHERE kind IN ('p', 'u', 'f')

-- name: information_schema_constraint_column_usage
SELECT {database} AS table_catalog, schema_name AS table_schema,
    coalesce(nullif(referenced_table, ''), table_name) AS table_name,
    unnest(CASE WHEN kind = 'f' THEN referenced_column_names ELSE column_names END) AS column_name,
    {database} AS constraint_catalog, schema_name AS constraint_schema, name AS constraint_name
FROM _pg_keys

-- name: information_schema_constraint_table_usage
SELECT DISTINCT table_catalog, table_schema, table_name, constraint_catalog, constraint_schema,
    constraint_name
FROM information_schema_constraint_column_usage

-- name: information_schema_referential_constraints
SELECT {database} AS constraint_catalog, f.schema_name AS constraint_schema,
    f.name AS constraint_name, {database} AS unique_constraint_catalog,
    u.schema_name AS unique_constraint_schema, u.name AS unique_constraint_name,
    'NONE' AS match_option, 'NO ACTION' AS update_rule, 'NO ACTION' AS delete_rule
FROM _pg_keys f LEFT JOIN _pg_keys u ON u.table_name = f.referenced_table
    AND u.schema_name = f.schema_name
    AND u.column_names = f.referenced_column_names AND u.kind IN ('p', 'u')
WHERE f.kind = 'f'

-- name: information_schema_check_constraints
SELECT {database} AS constraint_catalog, schema_name AS constraint_schema, name AS constraint_name,
    expression AS check_clause FROM _pg_keys WHERE kind = 'c'

-- name: information_schema_routines
SELECT {database} AS specific_catalog, schema_name AS specific_schema,
    name || '_' || oid AS specific_name, {database} AS routine_catalog,
    schema_name AS routine_schema, name AS routine_name, 'FUNCTION' AS routine_type,
    _pg_format_type(_pg_type_oid(return_type), NULL) AS data_type,
    _pg_type_name(_pg_type_oid(return_type)) AS type_udt_name, 'pg_catalog' AS type_udt_schema,
    'SQL' AS routine_body, macro_definition AS routine_definition, 'SQL' AS external_language,
    'YES' AS is_deterministic, 'READS' AS sql_data_access, 'INVOKER' AS security_type,
    NULL::VARCHAR AS external_name
FROM _pg_functions

-- name: information_schema_parameters
SELECT {database} AS specific_catalog, schema_name AS specific_schema,
    name || '_' || oid AS specific_name,
    generate_subscripts(argument_names, 1)::INTEGER AS ordinal_position, 'IN' AS parameter_mode,
    'NO' AS is_result, 'NO' AS as_locator, unnest(argument_names) AS parameter_name,
    unnest(list_transform(argument_types,
        lambda t: _pg_format_type(_pg_type_oid(t), NULL))) AS data_type,
    unnest(list_transform(argument_types, lambda t: _pg_type_name(_pg_type_oid(t)))) AS udt_name,
    NULL::INTEGER AS character_maximum_length, NULL::INTEGER AS numeric_precision,
    NULL::INTEGER AS numeric_scale, NULL::VARCHAR AS parameter_default
FROM _pg_functions

-- name: information_schema_sequences
SELECT {database} AS sequence_catalog, schema_name AS sequence_schema, sequence_name,
    'bigint' AS data_type, start_value::VARCHAR AS start_value, min_value::VARCHAR AS minimum_value,
    max_value::VARCHAR AS maximum_value, increment_by::VARCHAR AS increment,
    CASE WHEN cycle THEN 'YES' ELSE 'NO' END AS cycle_option
FROM duckdb_sequences() WHERE database_name = {database}

-- name: information_schema_triggers
SELECT '' AS trigger_catalog, '' AS trigger_schema, '' AS trigger_name, '' AS event_manipulation,
    '' AS event_object_schema, '' AS event_object_table, '' AS action_statement, '' AS action_timing
WHERE false

-- name: information_schema_table_privileges
SELECT 'duckml' AS grantor, getvariable('__pg_user') AS grantee, {database} AS table_catalog,
    schema_name AS table_schema, name AS table_name, 'SELECT' AS privilege_type,
    'NO' AS is_grantable, 'YES' AS with_hierarchy
FROM _pg_relations WHERE kind IN ('r', 'v')

-- name: information_schema_role_table_grants
SELECT * FROM information_schema_table_privileges

-- name: information_schema_column_privileges
SELECT 'duckml' AS grantor, getvariable('__pg_user') AS grantee, {database} AS table_catalog,
    schema_name AS table_schema, table_name, name AS column_name, 'SELECT' AS privilege_type,
    'NO' AS is_grantable
FROM _pg_columns

-- name: information_schema_domains
SELECT '' AS domain_catalog, '' AS domain_schema, '' AS domain_name, '' AS data_type WHERE false

-- name: information_schema_enabled_roles
SELECT getvariable('__pg_user') AS role_name

-- name: information_schema_applicable_roles
SELECT '' AS grantee, '' AS role_name, '' AS is_grantable WHERE false

-- name: information_schema_character_sets
SELECT NULL::VARCHAR AS character_set_catalog, NULL::VARCHAR AS character_set_schema,
    'UTF8' AS character_set_name, 'UCS' AS character_repertoire, 'UTF8' AS form_of_use,
    {database} AS default_collate_catalog, 'pg_catalog' AS default_collate_schema,
    'C.UTF-8' AS default_collate_name

-- name: information_schema_information_schema_catalog_name
SELECT {database} AS catalog_name

-- name: information_schema_view_table_usage
SELECT '' AS view_catalog, '' AS view_schema, '' AS view_name, '' AS table_catalog,
    '' AS table_schema, '' AS table_name
WHERE false

-- name: information_schema_element_types
SELECT '' AS object_catalog, '' AS object_schema, '' AS object_name, '' AS object_type,
    '' AS collection_type_identifier, '' AS data_type
WHERE false
