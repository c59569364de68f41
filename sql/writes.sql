-- name: claim
UPDATE {database}._duckml.model SET changes = coalesce(changes, 0) + 1
WHERE schema_key = $schema_key AND name_key = $name_key

-- name: insert_artifact
INSERT INTO {database}._duckml.artifact (key, onnx) VALUES ($key, $onnx)

-- name: touch_artifact
UPDATE {database}._duckml.artifact SET changes = coalesce(changes, 0) + 1 WHERE key = $key

-- name: insert_model
INSERT INTO {database}._duckml.model (schema_key, name_key, schema_name, name, default_version, created_at)
VALUES ($schema_key, $name_key, $schema_name, $name, $version, $created_at)
ON CONFLICT DO NOTHING

-- name: set_default
UPDATE {database}._duckml.model SET default_version = $version
WHERE schema_key = $schema_key AND name_key = $name_key

-- name: insert_training_info
INSERT INTO {database}._duckml.training_info
SELECT $schema_key, $name_key, $version, 0, unnest($iteration), unnest($loss), unnest($eval_loss),
    unnest($learning_rate), unnest($duration_ms)

-- name: insert_feature_info
INSERT INTO {database}._duckml.feature_info
SELECT $schema_key, $name_key, $version, unnest($position), unnest($input), unnest($min), unnest($max), unnest($mean),
    unnest($median), unnest($stddev), unnest($category_count), unnest($null_count), unnest($dimension)

-- name: insert_weight
INSERT INTO {database}._duckml.weight BY NAME
SELECT $schema_key AS schema_key, $name_key AS name_key, $version AS version, unnest($position) AS position,
    unnest($class_label) AS class_label, unnest($processed_input) AS processed_input, unnest($category) AS category,
    unnest($is_category) AS is_category, unnest($weight) AS weight,
    unnest($standardized_weight) AS standardized_weight

-- name: insert_confusion_matrix
INSERT INTO {database}._duckml.confusion_matrix
SELECT $schema_key, $name_key, $version, unnest($expected_label), unnest($predicted_label), unnest($row_count)

-- name: insert_roc_curve
INSERT INTO {database}._duckml.roc_curve
SELECT $schema_key, $name_key, $version, unnest($threshold), unnest($recall), unnest($false_positive_rate),
    unnest($true_positives), unnest($false_positives), unnest($true_negatives), unnest($false_negatives)

-- name: insert_background_row
INSERT INTO {database}._duckml.background_row
SELECT $schema_key, $name_key, $version, unnest($position), unnest($features), unnest($answer)

-- name: insert_alias
INSERT INTO {database}._duckml.alias (schema_key, name_key, alias_key, alias, version)
VALUES ($schema_key, $name_key, $alias_key, $alias, $version)

-- name: delete_alias
DELETE FROM {database}._duckml.alias
WHERE schema_key = $schema_key AND name_key = $name_key AND alias_key = $alias_key

-- name: set_options
UPDATE {database}._duckml.model_version SET description = $description, tags = $tags
WHERE schema_key = $schema_key AND name_key = $name_key AND version = $version

-- name: insert_event
INSERT INTO {database}._duckml.event ("at", who, schema_name, name, version, action)
VALUES ($at, $who, $schema_name, $name, $version, $action)

-- name: claim_artifacts
UPDATE {database}._duckml.artifact SET changes = coalesce(changes, 0) + 1
WHERE key NOT IN (SELECT artifact_key FROM {database}._duckml.model_version)

-- name: delete_artifacts
DELETE FROM {database}._duckml.artifact
WHERE key NOT IN (SELECT artifact_key FROM {database}._duckml.model_version)
