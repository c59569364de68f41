-- name: schema
CREATE SCHEMA IF NOT EXISTS {database}._duckml;

-- name: format
CREATE TABLE IF NOT EXISTS {database}._duckml.format (version INTEGER NOT NULL);

-- name: model
CREATE TABLE IF NOT EXISTS {database}._duckml.model (
    schema_key VARCHAR NOT NULL,
    name_key VARCHAR NOT NULL,
    schema_name VARCHAR NOT NULL,
    name VARCHAR NOT NULL,
    default_version INTEGER,
    created_at TIMESTAMP NOT NULL,
    changes BIGINT,
    PRIMARY KEY (schema_key, name_key)
);

-- name: model_version
CREATE TABLE IF NOT EXISTS {database}._duckml.model_version (
    schema_key VARCHAR NOT NULL,
    name_key VARCHAR NOT NULL,
    version INTEGER NOT NULL,
    artifact_key VARCHAR NOT NULL,
    estimator VARCHAR NOT NULL,
    target VARCHAR NOT NULL,
    signature VARCHAR NOT NULL,
    options VARCHAR NOT NULL,
    params VARCHAR NOT NULL,
    metrics MAP(VARCHAR, DOUBLE) NOT NULL,
    target_mean DOUBLE NOT NULL,
    parity DOUBLE,
    precision VARCHAR NOT NULL,
    training_query VARCHAR NOT NULL,
    source_tables VARCHAR[] NOT NULL,
    data_hash VARCHAR NOT NULL,
    rows_read BIGINT NOT NULL,
    rows_used BIGINT NOT NULL,
    rows_validation BIGINT NOT NULL,
    rows_test BIGINT NOT NULL,
    iterations INTEGER NOT NULL,
    stop_reason VARCHAR NOT NULL,
    warnings STRUCT(code VARCHAR, message VARCHAR)[] NOT NULL,
    library_versions MAP(VARCHAR, VARCHAR) NOT NULL,
    description VARCHAR,
    tags VARCHAR,
    size_bytes BIGINT NOT NULL,
    seconds DOUBLE NOT NULL,
    created_at TIMESTAMP NOT NULL,
    created_by VARCHAR NOT NULL,
    lineage VARCHAR,
    search_path VARCHAR,
    source_columns VARCHAR[],
    random_state BIGINT,
    split VARCHAR,
    PRIMARY KEY (schema_key, name_key, version)
);

-- name: artifact
CREATE TABLE IF NOT EXISTS {database}._duckml.artifact (
    key VARCHAR NOT NULL,
    onnx BLOB NOT NULL,
    changes BIGINT
);

-- name: training_info
CREATE TABLE IF NOT EXISTS {database}._duckml.training_info (
    schema_key VARCHAR NOT NULL,
    name_key VARCHAR NOT NULL,
    version INTEGER NOT NULL,
    training_run BIGINT NOT NULL,
    iteration BIGINT NOT NULL,
    loss DOUBLE,
    eval_loss DOUBLE,
    learning_rate DOUBLE,
    duration_ms BIGINT NOT NULL
);

-- name: feature_info
CREATE TABLE IF NOT EXISTS {database}._duckml.feature_info (
    schema_key VARCHAR NOT NULL,
    name_key VARCHAR NOT NULL,
    version INTEGER NOT NULL,
    position INTEGER NOT NULL,
    input VARCHAR NOT NULL,
    min DOUBLE,
    max DOUBLE,
    mean DOUBLE,
    median DOUBLE,
    stddev DOUBLE,
    category_count BIGINT,
    null_count BIGINT NOT NULL,
    dimension BIGINT NOT NULL
);

-- name: alias
CREATE TABLE IF NOT EXISTS {database}._duckml.alias (
    schema_key VARCHAR NOT NULL,
    name_key VARCHAR NOT NULL,
    alias_key VARCHAR NOT NULL,
    alias VARCHAR NOT NULL,
    version INTEGER NOT NULL
);

-- name: weight
CREATE TABLE IF NOT EXISTS {database}._duckml.weight (
    schema_key VARCHAR NOT NULL,
    name_key VARCHAR NOT NULL,
    version INTEGER NOT NULL,
    position INTEGER NOT NULL,
    class_label VARCHAR,
    processed_input VARCHAR NOT NULL,
    category VARCHAR,
    is_category BOOLEAN NOT NULL,
    weight DOUBLE NOT NULL,
    standardized_weight DOUBLE NOT NULL
);

-- name: confusion_matrix
CREATE TABLE IF NOT EXISTS {database}._duckml.confusion_matrix (
    schema_key VARCHAR NOT NULL,
    name_key VARCHAR NOT NULL,
    version INTEGER NOT NULL,
    expected_label VARCHAR NOT NULL,
    predicted_label VARCHAR NOT NULL,
    row_count BIGINT NOT NULL
);

-- name: roc_curve
CREATE TABLE IF NOT EXISTS {database}._duckml.roc_curve (
    schema_key VARCHAR NOT NULL,
    name_key VARCHAR NOT NULL,
    version INTEGER NOT NULL,
    threshold DOUBLE NOT NULL,
    recall DOUBLE,
    false_positive_rate DOUBLE,
    true_positives BIGINT NOT NULL,
    false_positives BIGINT NOT NULL,
    true_negatives BIGINT NOT NULL,
    false_negatives BIGINT NOT NULL
);

-- name: background_row
CREATE TABLE IF NOT EXISTS {database}._duckml.background_row (
    schema_key VARCHAR NOT NULL,
    name_key VARCHAR NOT NULL,
    version INTEGER NOT NULL,
    position INTEGER NOT NULL,
    features VARCHAR NOT NULL,
    answer VARCHAR NOT NULL
);

-- name: event
CREATE TABLE IF NOT EXISTS {database}._duckml.event (
    "at" TIMESTAMP NOT NULL,
    who VARCHAR NOT NULL,
    schema_name VARCHAR NOT NULL,
    name VARCHAR NOT NULL,
    version INTEGER,
    action VARCHAR NOT NULL
);

-- name: models
CREATE OR REPLACE VIEW {database}._duckml.models AS
SELECT m.schema_name AS schema, m.name, m.default_version, c.versions, v.estimator, v.target, v.metrics, v.created_at,
    v.size_bytes, v.description, a.aliases,
    v.* EXCLUDE (schema_key, name_key, version, estimator, target, metrics, created_at, size_bytes, description)
FROM {database}._duckml.model m
JOIN {database}._duckml.model_version v
    ON v.schema_key = m.schema_key AND v.name_key = m.name_key AND v.version = m.default_version
JOIN (
    SELECT schema_key, name_key, count(*) AS versions FROM {database}._duckml.model_version GROUP BY ALL
) c ON c.schema_key = m.schema_key AND c.name_key = m.name_key
LEFT JOIN (
    SELECT schema_key, name_key, map_from_entries(list((alias, version) ORDER BY alias)) AS aliases
    FROM {database}._duckml.alias GROUP BY ALL
) a ON a.schema_key = m.schema_key AND a.name_key = m.name_key;

-- name: versions
CREATE OR REPLACE VIEW {database}._duckml.versions AS
SELECT m.schema_name AS schema, m.name, v.* EXCLUDE (schema_key, name_key),
    v.version = m.default_version AS is_default,
    (
        SELECT list(a.alias ORDER BY a.alias) FROM {database}._duckml.alias a
        WHERE a.schema_key = v.schema_key AND a.name_key = v.name_key AND a.version = v.version
    ) AS aliases
FROM {database}._duckml.model m
JOIN {database}._duckml.model_version v ON v.schema_key = m.schema_key AND v.name_key = m.name_key;

-- name: metrics
CREATE OR REPLACE VIEW {database}._duckml.metrics AS
SELECT m.schema_name AS schema, m.name, v.version, unnest(map_keys(v.metrics)) AS metric,
    unnest(map_values(v.metrics)) AS value
FROM {database}._duckml.model m
JOIN {database}._duckml.model_version v ON v.schema_key = m.schema_key AND v.name_key = m.name_key;

-- name: features
CREATE OR REPLACE VIEW {database}._duckml.features AS
SELECT m.schema_name AS schema, m.name, f.* EXCLUDE (schema_key, name_key)
FROM {database}._duckml.feature_info f
JOIN {database}._duckml.model m USING (schema_key, name_key);

-- name: events
CREATE OR REPLACE VIEW {database}._duckml.events AS
SELECT "at", who, schema_name AS schema, name, version, action FROM {database}._duckml.event ORDER BY "at";
