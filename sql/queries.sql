-- name: registries
SELECT database_name FROM duckdb_tables() WHERE schema_name = '_duckml' AND table_name = 'format'

-- name: format
SELECT max(version) FROM {database}._duckml.format

-- name: find
SELECT m.schema_name, m.name, v.version, v.artifact_key, v.signature, m.default_version
FROM {database}._duckml.model m
JOIN {database}._duckml.model_version v
    ON v.schema_key = m.schema_key AND v.name_key = m.name_key
    AND v.version = coalesce($version, m.default_version)
WHERE m.schema_key = $schema_key AND m.name_key = $name_key

-- name: versions_of
SELECT version FROM {database}._duckml.model_version
WHERE schema_key = $schema_key AND name_key = $name_key ORDER BY version

-- name: names
SELECT schema_name, name FROM {database}._duckml.model

-- name: artifact
SELECT onnx FROM {database}._duckml.artifact WHERE key = $key

-- name: evaluate
SELECT metrics['mean_absolute_error'] AS mean_absolute_error,
    metrics['mean_squared_error'] AS mean_squared_error,
    metrics['mean_squared_log_error'] AS mean_squared_log_error,
    metrics['median_absolute_error'] AS median_absolute_error,
    metrics['r2_score'] AS r2_score,
    metrics['explained_variance'] AS explained_variance,
    metrics['root_mean_squared_error'] AS root_mean_squared_error,
    metrics['baseline_r2_score'] AS baseline_r2_score,
    CAST(metrics['row_count'] AS BIGINT) AS row_count
FROM {database}._duckml.model_version WHERE {where}

-- name: evaluate_rows
SELECT avg(abs(y - p)) AS mean_absolute_error,
    avg((y - p) * (y - p)) AS mean_squared_error,
    CASE WHEN min(y) >= 0 AND min(p) >= 0 THEN avg(power(ln(1 + greatest(y, 0)) - ln(1 + greatest(p, 0)), 2)) END
        AS mean_squared_log_error,
    median(abs(y - p)) AS median_absolute_error,
    1 - sum((y - p) * (y - p)) / nullif(var_pop(y) * count(*), 0) AS r2_score,
    1 - var_pop(y - p) / nullif(var_pop(y), 0) AS explained_variance,
    sqrt(avg((y - p) * (y - p))) AS root_mean_squared_error,
    1 - sum((y - b) * (y - b)) / nullif(var_pop(y) * count(*), 0) AS baseline_r2_score,
    count(*) AS row_count
FROM (
    SELECT {target} AS y, {prediction} AS p,
        (SELECT target_mean FROM {database}._duckml.model_version WHERE {where}) AS b
    FROM {input}
)
WHERE isfinite(y) AND p IS NOT NULL

-- name: training_info
SELECT training_run, iteration, loss, eval_loss, learning_rate, duration_ms
FROM {database}._duckml.training_info WHERE {where} ORDER BY training_run, iteration

-- name: feature_info
SELECT input, min, max, mean, median, stddev, category_count, null_count, dimension
FROM {database}._duckml.feature_info WHERE {where} ORDER BY position

-- name: show_models
SELECT {database_literal} AS database, schema, name, default_version, versions, estimator, target,
    'r2_score' AS metric, metrics['r2_score'] AS metric_value, created_at, size_bytes, description
FROM {database}._duckml.models
WHERE (lower(schema), 'predict_' || lower(name)) IN (
    SELECT (lower(schema_name), lower(function_name)) FROM duckdb_functions()
    WHERE database_name = {database_literal} AND function_type = 'macro'
)

-- name: show_nothing
SELECT NULL::VARCHAR AS database, NULL::VARCHAR AS schema, NULL::VARCHAR AS name, NULL::INTEGER AS default_version,
    NULL::BIGINT AS versions, NULL::VARCHAR AS estimator, NULL::VARCHAR AS target, NULL::VARCHAR AS metric,
    NULL::DOUBLE AS metric_value, NULL::TIMESTAMP AS created_at, NULL::BIGINT AS size_bytes,
    NULL::VARCHAR AS description
WHERE false

-- name: dependents
SELECT DISTINCT coalesce(t.schema_name || '.' || t.table_name, i.schema_name || '.' || i.index_name) AS dependent
FROM duckdb_functions() f
JOIN duckdb_dependencies() d ON d.objid = f.function_oid
LEFT JOIN duckdb_tables() t ON t.table_oid = d.refobjid AND t.database_name = f.database_name
LEFT JOIN duckdb_indexes() i ON i.index_oid = d.refobjid AND i.database_name = f.database_name
WHERE f.database_name = $database AND lower(f.schema_name) = lower($schema)
    AND list_contains($functions, lower(f.function_name))
    AND dependent IS NOT NULL
ORDER BY ALL

-- name: views
SELECT database_name, schema_name, view_name, sql FROM duckdb_views() WHERE NOT internal AND sql IS NOT NULL
ORDER BY ALL

-- name: macro_bodies
SELECT function_name, macro_definition FROM duckdb_functions()
WHERE function_type IN ('macro', 'table_macro') AND NOT internal AND macro_definition IS NOT NULL

-- name: created
SELECT {name_literal} AS model, v.version, v.version = m.default_version AS is_default, v.estimator, v.target,
    json_array_length(v.signature, '$.features')::INTEGER AS feature_count, v.rows_read, v.rows_used,
    v.rows_validation, v.rows_test, v.iterations, v.stop_reason, v.metrics, v.parity, v.size_bytes, v.seconds,
    v.warnings
FROM {database}._duckml.model_version v
JOIN {database}._duckml.model m USING (schema_key, name_key)
WHERE v.schema_key = {schema_key} AND v.name_key = {name_key} AND v.version = {version}

-- name: version
SELECT estimator, target, metrics, params, options, warnings, parity, training_query, source_tables, data_hash, rows_read,
    rows_used, rows_validation, rows_test, iterations, stop_reason, size_bytes, seconds, created_at, created_by,
    library_versions, description, tags, precision
FROM {database}._duckml.model_version
WHERE schema_key = $schema_key AND name_key = $name_key AND version = $version

-- name: last_version
SELECT coalesce(max(version), 0) FROM {database}._duckml.event
WHERE lower(schema_name) = lower($schema_key) AND lower(name) = lower($name_key)
