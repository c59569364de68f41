-- Grafana's PostgreSQL data source, 12 (version, TimescaleDB, tables and columns of the query builder).
-- Source: written to the shape of what the tool sends (tables, columns, functions, casts and joins alike, text its own);
-- not a recording; run on PostgreSQL 16.2.

-- name: version
-- rows: 1
SELECT current_setting('server_version_num')::int/100 as version
;

-- name: timescaledb_version
SELECT extversion FROM pg_extension WHERE extname = 'timescaledb'
;

-- name: schemas
-- expect: main
SELECT schema_name AS "name"
FROM information_schema.schemata
WHERE schema_name NOT IN ('information_schema', 'pg_catalog', 'pg_toast', '_timescaledb_catalog')
ORDER BY schema_name
;

-- name: tables
-- expect: house_prices
SELECT CASE WHEN quote_ident(table_schema) IN (
      SELECT CASE WHEN trim(parts[n]) = '"$user"' THEN user ELSE trim(parts[n]) END
      FROM generate_series(array_lower(string_to_array(current_setting('search_path'), ','), 1),
                           array_upper(string_to_array(current_setting('search_path'), ','), 1)) AS n,
           string_to_array(current_setting('search_path'), ',') parts)
       THEN quote_ident(table_name)
       ELSE quote_ident(table_schema) || '.' || quote_ident(table_name) END AS "table"
FROM information_schema.tables
WHERE quote_ident(table_schema) NOT IN ('information_schema', 'pg_catalog', '_timescaledb_catalog')
ORDER BY CASE WHEN quote_ident(table_schema) IN (
      SELECT CASE WHEN trim(parts[n]) = '"$user"' THEN user ELSE trim(parts[n]) END
      FROM generate_series(array_lower(string_to_array(current_setting('search_path'), ','), 1),
                           array_upper(string_to_array(current_setting('search_path'), ','), 1)) AS n,
           string_to_array(current_setting('search_path'), ',') parts) THEN 0 ELSE 1 END, 1
;

-- name: columns
-- expect: sqft_living
-- rows: 5
SELECT quote_ident(column_name) AS "column", data_type AS "type"
FROM information_schema.columns
WHERE CASE WHEN array_length(parse_ident('house_prices'), 1) = 2
      THEN (parse_ident('house_prices'))[1] = quote_ident(table_schema) AND (parse_ident('house_prices'))[2] = quote_ident(table_name)
      ELSE quote_ident(table_name) = 'house_prices' AND quote_ident(table_schema) IN (
      SELECT CASE WHEN trim(parts[n]) = '"$user"' THEN user ELSE trim(parts[n]) END
      FROM generate_series(array_lower(string_to_array(current_setting('search_path'), ','), 1),
                           array_upper(string_to_array(current_setting('search_path'), ','), 1)) AS n,
           string_to_array(current_setting('search_path'), ',') parts) END
;
