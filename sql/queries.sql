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
SELECT schema_name, name FROM {database}._duckml.model ORDER BY ALL

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
    CAST(metrics['row_count'] AS BIGINT) AS row_count,
    metrics['precision'] AS precision,
    metrics['recall'] AS recall,
    metrics['accuracy'] AS accuracy,
    metrics['f1_score'] AS f1_score,
    metrics['log_loss'] AS log_loss,
    metrics['roc_auc'] AS roc_auc
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
    count(*) AS row_count,
    NULL::DOUBLE AS precision, NULL::DOUBLE AS recall, NULL::DOUBLE AS accuracy, NULL::DOUBLE AS f1_score,
    NULL::DOUBLE AS log_loss, NULL::DOUBLE AS roc_auc
FROM (
    SELECT {target} AS y, {prediction} AS p,
        (SELECT target_mean FROM {database}._duckml.model_version WHERE {where}) AS b
    FROM {input}
)
WHERE isfinite(y) AND p IS NOT NULL

-- name: evaluate_classes
WITH __duckml_rows AS (
    SELECT {target} AS y, {known} AS known, {prediction} AS p FROM {input}
), __duckml_judged AS (
    SELECT coalesce(y, 0) AS y, p, {choice} AS d FROM __duckml_rows WHERE known AND p IS NOT NULL
), __duckml_classes AS (
    SELECT c, count(*) FILTER (y = c AND d = c) AS hits, count(*) FILTER (d = c) AS chosen,
        count(*) FILTER (y = c) AS actual
    FROM __duckml_judged, range({first}, {classes} + 1) r(c) GROUP BY c
), __duckml_ranks AS (
    SELECT c, y = c AS hit,
        rank() OVER (PARTITION BY c ORDER BY p[c]) + (count(*) OVER (PARTITION BY c, p[c]) - 1) / 2 AS place
    FROM __duckml_judged, range({first}, {classes} + 1) r(c)
), __duckml_areas AS (
    SELECT (sum(place) FILTER (hit) - count(*) FILTER (hit) * (count(*) FILTER (hit) + 1) / 2)
        / nullif(count(*) FILTER (hit) * count(*) FILTER (NOT hit), 0) AS area
    FROM __duckml_ranks GROUP BY c
)
SELECT NULL::DOUBLE AS mean_absolute_error, NULL::DOUBLE AS mean_squared_error,
    NULL::DOUBLE AS mean_squared_log_error, NULL::DOUBLE AS median_absolute_error, NULL::DOUBLE AS r2_score,
    NULL::DOUBLE AS explained_variance, NULL::DOUBLE AS root_mean_squared_error,
    NULL::DOUBLE AS baseline_r2_score,
    (SELECT count(*) FROM __duckml_judged) AS row_count,
    avg(coalesce(hits / nullif(chosen, 0), 0)) AS precision,
    avg(coalesce(hits / nullif(actual, 0), 0)) AS recall,
    (SELECT avg(CASE WHEN y = d THEN 1 ELSE 0 END) FROM __duckml_judged) AS accuracy,
    avg(2 * hits / (chosen + actual)) AS f1_score,
    (SELECT avg(-ln(greatest(coalesce(p[y], 0), 2.220446049250313e-16))) FROM __duckml_judged) AS log_loss,
    (SELECT avg(area) FROM __duckml_areas) AS roc_auc
FROM __duckml_classes WHERE chosen + actual > 0

-- name: confusion_matrix
SELECT expected_label, predicted_label, row_count
FROM {database}._duckml.confusion_matrix WHERE {where} ORDER BY ALL

-- name: confusion_matrix_none
SELECT NULL::VARCHAR AS expected_label, NULL::VARCHAR AS predicted_label, NULL::BIGINT AS row_count WHERE false

-- name: confusion_matrix_rows
SELECT expected_label, CAST({labels} AS VARCHAR[])[d] AS predicted_label, count(*) AS row_count
FROM (
    SELECT coalesce(CAST({labels} AS VARCHAR[])[y], expected_label) AS expected_label, {choice} AS d
    FROM (
        SELECT {target} AS y, CAST({target_value} AS VARCHAR) AS expected_label, {known} AS known, {prediction} AS p
        FROM {input}
    )
    WHERE known AND p IS NOT NULL
)
GROUP BY ALL ORDER BY ALL

-- name: roc_curve
SELECT threshold, recall, false_positive_rate, true_positives, false_positives, true_negatives, false_negatives
FROM {database}._duckml.roc_curve WHERE {where} ORDER BY threshold

-- name: roc_curve_none
SELECT NULL::DOUBLE AS threshold, NULL::DOUBLE AS recall, NULL::DOUBLE AS false_positive_rate,
    NULL::BIGINT AS true_positives, NULL::BIGINT AS false_positives, NULL::BIGINT AS true_negatives,
    NULL::BIGINT AS false_negatives
WHERE false

-- name: roc_curve_rows
WITH __duckml_rows AS (
    SELECT y, p[2] AS p FROM (SELECT {target} AS y, {prediction} AS p FROM {input}) WHERE y > 0 AND p IS NOT NULL
), __duckml_thresholds AS (
    SELECT DISTINCT unnest(coalesce(
        CAST({thresholds} AS DOUBLE[]),
        (SELECT quantile_disc(p, list_transform(range(0, 101), lambda i: i / 100)) FROM __duckml_rows)
    )) AS threshold
)
SELECT threshold, true_positives / nullif(true_positives + false_negatives, 0) AS recall,
    false_positives / nullif(false_positives + true_negatives, 0) AS false_positive_rate,
    true_positives, false_positives, true_negatives, false_negatives
FROM (
    SELECT threshold, count(*) FILTER (p >= threshold AND y = 2) AS true_positives,
        count(*) FILTER (p >= threshold AND y = 1) AS false_positives,
        count(*) FILTER (p < threshold AND y = 1) AS true_negatives,
        count(*) FILTER (p < threshold AND y = 2) AS false_negatives
    FROM __duckml_thresholds, __duckml_rows GROUP BY threshold
)
ORDER BY threshold

-- name: weights
SELECT processed_input, any_value(w) FILTER (NOT is_category) AS weight,
    list({{'category': category, 'weight': w}} ORDER BY position) FILTER (is_category) AS category_weights,
    class_label
FROM (
    SELECT *, CASE WHEN {standardize} THEN standardized_weight ELSE weight END AS w
    FROM {database}._duckml.weight WHERE {where}
)
GROUP BY processed_input, class_label ORDER BY min(position)

-- name: weights_none
SELECT NULL::VARCHAR AS processed_input, NULL::DOUBLE AS weight,
    NULL::STRUCT(category VARCHAR, weight DOUBLE)[] AS category_weights, NULL::VARCHAR AS class_label
WHERE false

-- name: training_info
SELECT training_run, iteration, loss, eval_loss, learning_rate, duration_ms
FROM {database}._duckml.training_info WHERE {where} ORDER BY training_run, iteration

-- name: feature_info
SELECT input, min, max, mean, median, stddev, category_count, null_count, dimension
FROM {database}._duckml.feature_info WHERE {where} ORDER BY position

-- name: show_models
SELECT {database_literal} AS database, schema, name, default_version, versions, estimator, target,
    CASE WHEN metrics['accuracy'] IS NULL THEN 'r2_score' ELSE 'accuracy' END AS metric,
    coalesce(metrics['accuracy'], metrics['r2_score']) AS metric_value, created_at, size_bytes, description
FROM {database}._duckml.models
WHERE (schema, name) IN ({models})

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

-- name: created_columns
SELECT NULL::VARCHAR AS model, NULL::INTEGER AS version, NULL::BOOLEAN AS is_default, NULL::VARCHAR AS estimator,
    NULL::VARCHAR AS target, NULL::INTEGER AS feature_count, NULL::BIGINT AS rows_read, NULL::BIGINT AS rows_used,
    NULL::BIGINT AS rows_validation, NULL::BIGINT AS rows_test, NULL::INTEGER AS iterations,
    NULL::VARCHAR AS stop_reason, NULL::MAP(VARCHAR, DOUBLE) AS metrics, NULL::DOUBLE AS parity,
    NULL::BIGINT AS size_bytes, NULL::DOUBLE AS seconds,
    NULL::STRUCT(code VARCHAR, message VARCHAR)[] AS warnings

-- name: created
SELECT {name_literal} AS model, v.version, v.version = m.default_version AS is_default, v.estimator, v.target,
    json_array_length(v.signature, '$.features')::INTEGER AS feature_count, v.rows_read, v.rows_used,
    v.rows_validation, v.rows_test, v.iterations, v.stop_reason, v.metrics, v.parity, v.size_bytes, v.seconds,
    v.warnings
FROM {database}._duckml.model_version v
JOIN {database}._duckml.model m USING (schema_key, name_key)
WHERE v.schema_key = {schema_key} AND v.name_key = {name_key} AND v.version = {version}

-- name: version
SELECT * EXCLUDE (schema_key, name_key, version, artifact_key, signature, target_mean)
FROM {database}._duckml.model_version
WHERE schema_key = $schema_key AND name_key = $name_key AND version = $version

-- name: aliases
SELECT alias, version FROM {database}._duckml.alias
WHERE schema_key = $schema_key AND name_key = $name_key ORDER BY alias

-- name: background_rows
SELECT features, answer FROM {database}._duckml.background_row
WHERE schema_key = $schema_key AND name_key = $name_key AND version = $version ORDER BY position

-- name: has_artifact
SELECT 1 FROM {database}._duckml.artifact WHERE key = $key

-- name: past
SELECT action FROM {database}._duckml.event
WHERE lower(schema_name) = lower($schema_key) AND lower(name) = lower($name_key)
    AND (version IS NOT NULL OR action LIKE 'renamed to %')
ORDER BY "at"

-- name: last_version
SELECT coalesce(max(version), 0) FROM {database}._duckml.event
WHERE lower(schema_name) = lower($schema_key) AND lower(name) = lower($name_key)
