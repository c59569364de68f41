-- name: 2
ALTER TABLE {database}._duckml.model ADD COLUMN changes BIGINT;
ALTER TABLE {database}._duckml.artifact ADD COLUMN changes BIGINT;
ALTER TABLE {database}._duckml.model_version ADD COLUMN lineage VARCHAR DEFAULT 'trained';
ALTER TABLE {database}._duckml.model_version ADD COLUMN search_path VARCHAR;
ALTER TABLE {database}._duckml.model_version ADD COLUMN source_columns VARCHAR[];
ALTER TABLE {database}._duckml.model_version ADD COLUMN random_state BIGINT;
ALTER TABLE {database}._duckml.model_version ADD COLUMN split VARCHAR;
ALTER TABLE {database}._duckml.model_version ALTER COLUMN parity DROP NOT NULL;
