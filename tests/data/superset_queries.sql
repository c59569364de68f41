-- What Apache Superset 6.1.0 (SQLAlchemy 1.4.54, psycopg2 2.9.13) sends to a PostgreSQL 16, each as one simple query.
-- 16385 is the oid of the table house_prices (id, price, sqft_living, zipcode, sold), 16394 of the view valued
-- (zipcode, price, fair). The query named sqllab_error_unknown_column is refused.

-- name: begin
BEGIN
;

-- name: rollback
ROLLBACK
;

-- name: connect_hstore
SELECT t.oid, typarray
FROM pg_type t JOIN pg_namespace ns
    ON typnamespace = ns.oid
WHERE typname = 'hstore';
;

-- name: connect_version
select pg_catalog.version()
;

-- name: connect_current_schema
select current_schema()
;

-- name: connect_isolation_level
show transaction isolation level
;

-- name: connect_conforming_strings
show standard_conforming_strings
;

-- name: connect_ping
SELECT 1
;

-- name: connect_catalogs
SELECT datname FROM pg_database
WHERE datistemplate = false;
;

-- name: browse_schemas
SELECT nspname FROM pg_namespace WHERE nspname NOT LIKE 'pg_%' ORDER BY nspname
;

-- name: browse_tables
SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'main' AND c.relkind in ('r', 'p')
;

-- name: browse_foreign_tables
SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'main' AND c.relkind = 'f'
;

-- name: browse_views
SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'main' AND c.relkind IN ('v', 'm')
;

-- name: columns_oid_of_table
SELECT c.oid
            FROM pg_catalog.pg_class c
            LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
            WHERE (n.nspname = 'main')
            AND c.relname = 'house_prices' AND c.relkind in
            ('r', 'v', 'm', 'f', 'p')
;

-- name: columns_of_table
SELECT a.attname,
              pg_catalog.format_type(a.atttypid, a.atttypmod),
              (
                SELECT pg_catalog.pg_get_expr(d.adbin, d.adrelid)
                FROM pg_catalog.pg_attrdef d
                WHERE d.adrelid = a.attrelid AND d.adnum = a.attnum
                AND a.atthasdef
              ) AS DEFAULT,
              a.attnotnull,
              a.attrelid as table_oid,
              pgd.description as comment,
              a.attgenerated as generated,
                              (SELECT json_build_object(
                    'always', a.attidentity = 'a',
                    'start', s.seqstart,
                    'increment', s.seqincrement,
                    'minvalue', s.seqmin,
                    'maxvalue', s.seqmax,
                    'cache', s.seqcache,
                    'cycle', s.seqcycle)
                FROM pg_catalog.pg_sequence s
                JOIN pg_catalog.pg_class c on s.seqrelid = c."oid"
                WHERE c.relkind = 'S'
                AND a.attidentity != ''
                AND s.seqrelid = pg_catalog.pg_get_serial_sequence(
                    a.attrelid::regclass::text, a.attname
                )::regclass::oid
                ) as identity_options                
            FROM pg_catalog.pg_attribute a
            LEFT JOIN pg_catalog.pg_description pgd ON (
                pgd.objoid = a.attrelid AND pgd.objsubid = a.attnum)
            WHERE a.attrelid = 16385
            AND a.attnum > 0 AND NOT a.attisdropped
            ORDER BY a.attnum
;

-- name: columns_domains
SELECT t.typname as "name",
               pg_catalog.format_type(t.typbasetype, t.typtypmod) as "attype",
               not t.typnotnull as "nullable",
               t.typdefault as "default",
               pg_catalog.pg_type_is_visible(t.oid) as "visible",
               n.nspname as "schema"
            FROM pg_catalog.pg_type t
               LEFT JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
            WHERE t.typtype = 'd'
;

-- name: columns_enums
SELECT t.typname as "name",
               -- no enum defaults in 8.4 at least
               -- t.typdefault as "default",
               pg_catalog.pg_type_is_visible(t.oid) as "visible",
               n.nspname as "schema",
               e.enumlabel as "label"
            FROM pg_catalog.pg_type t
                 LEFT JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
                 LEFT JOIN pg_catalog.pg_enum e ON t.oid = e.enumtypid
            WHERE t.typtype = 'e'
        ORDER BY "schema", "name", e.oid
;

-- name: columns_primary_key_of_table
SELECT a.attname
                FROM pg_attribute a JOIN (
                    SELECT unnest(ix.indkey) attnum,
                           generate_subscripts(ix.indkey, 1) ord
                    FROM pg_index ix
                    WHERE ix.indrelid = 16385 AND ix.indisprimary
                    ) k ON a.attnum=k.attnum
                WHERE a.attrelid = 16385
                ORDER BY k.ord
;

-- name: columns_primary_key_name_of_table
SELECT conname
           FROM  pg_catalog.pg_constraint r
           WHERE r.conrelid = 16385 AND r.contype = 'p'
           ORDER BY 1
;

-- name: columns_foreign_keys_of_table
SELECT r.conname,
                pg_catalog.pg_get_constraintdef(r.oid, true) as condef,
                n.nspname as conschema
          FROM  pg_catalog.pg_constraint r,
                pg_namespace n,
                pg_class c

          WHERE r.conrelid = 16385 AND
                r.contype = 'f' AND
                c.oid = confrelid AND
                n.oid = c.relnamespace
          ORDER BY 1
;

-- name: columns_indexes_of_table
SELECT
                  i.relname as relname,
                  ix.indisunique, ix.indexprs,
                  a.attname, a.attnum, c.conrelid, ix.indkey::varchar,
                  ix.indoption::varchar, i.reloptions, am.amname,
                  pg_get_expr(ix.indpred, ix.indrelid),
                  ix.indnkeyatts as indnkeyatts
              FROM
                  pg_class t
                        join pg_index ix on t.oid = ix.indrelid
                        join pg_class i on i.oid = ix.indexrelid
                        left outer join
                            pg_attribute a
                            on t.oid = a.attrelid and a.attnum = ANY(ix.indkey)
                        left outer join
                            pg_constraint c
                            on (ix.indrelid = c.conrelid and
                                ix.indexrelid = c.conindid and
                                c.contype in ('p', 'u', 'x'))
                        left outer join
                            pg_am am
                            on i.relam = am.oid
              WHERE
                  t.relkind IN ('r', 'v', 'f', 'm', 'p')
                  and t.oid = 16385
                  and ix.indisprimary = 'f'
              ORDER BY
                  t.relname,
                  i.relname
;

-- name: columns_comment_of_table
SELECT
                pgd.description as table_comment
            FROM
                pg_catalog.pg_description pgd
            WHERE
                pgd.objsubid = 0 AND
                pgd.objoid = 16385
;

-- name: columns_oid_of_view
SELECT c.oid
            FROM pg_catalog.pg_class c
            LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
            WHERE (n.nspname = 'main')
            AND c.relname = 'valued' AND c.relkind in
            ('r', 'v', 'm', 'f', 'p')
;

-- name: columns_of_view
SELECT a.attname,
              pg_catalog.format_type(a.atttypid, a.atttypmod),
              (
                SELECT pg_catalog.pg_get_expr(d.adbin, d.adrelid)
                FROM pg_catalog.pg_attrdef d
                WHERE d.adrelid = a.attrelid AND d.adnum = a.attnum
                AND a.atthasdef
              ) AS DEFAULT,
              a.attnotnull,
              a.attrelid as table_oid,
              pgd.description as comment,
              a.attgenerated as generated,
                              (SELECT json_build_object(
                    'always', a.attidentity = 'a',
                    'start', s.seqstart,
                    'increment', s.seqincrement,
                    'minvalue', s.seqmin,
                    'maxvalue', s.seqmax,
                    'cache', s.seqcache,
                    'cycle', s.seqcycle)
                FROM pg_catalog.pg_sequence s
                JOIN pg_catalog.pg_class c on s.seqrelid = c."oid"
                WHERE c.relkind = 'S'
                AND a.attidentity != ''
                AND s.seqrelid = pg_catalog.pg_get_serial_sequence(
                    a.attrelid::regclass::text, a.attname
                )::regclass::oid
                ) as identity_options                
            FROM pg_catalog.pg_attribute a
            LEFT JOIN pg_catalog.pg_description pgd ON (
                pgd.objoid = a.attrelid AND pgd.objsubid = a.attnum)
            WHERE a.attrelid = 16394
            AND a.attnum > 0 AND NOT a.attisdropped
            ORDER BY a.attnum
;

-- name: columns_primary_key_of_view
SELECT a.attname
                FROM pg_attribute a JOIN (
                    SELECT unnest(ix.indkey) attnum,
                           generate_subscripts(ix.indkey, 1) ord
                    FROM pg_index ix
                    WHERE ix.indrelid = 16394 AND ix.indisprimary
                    ) k ON a.attnum=k.attnum
                WHERE a.attrelid = 16394
                ORDER BY k.ord
;

-- name: columns_primary_key_name_of_view
SELECT conname
           FROM  pg_catalog.pg_constraint r
           WHERE r.conrelid = 16394 AND r.contype = 'p'
           ORDER BY 1
;

-- name: columns_foreign_keys_of_view
SELECT r.conname,
                pg_catalog.pg_get_constraintdef(r.oid, true) as condef,
                n.nspname as conschema
          FROM  pg_catalog.pg_constraint r,
                pg_namespace n,
                pg_class c

          WHERE r.conrelid = 16394 AND
                r.contype = 'f' AND
                c.oid = confrelid AND
                n.oid = c.relnamespace
          ORDER BY 1
;

-- name: columns_indexes_of_view
SELECT
                  i.relname as relname,
                  ix.indisunique, ix.indexprs,
                  a.attname, a.attnum, c.conrelid, ix.indkey::varchar,
                  ix.indoption::varchar, i.reloptions, am.amname,
                  pg_get_expr(ix.indpred, ix.indrelid),
                  ix.indnkeyatts as indnkeyatts
              FROM
                  pg_class t
                        join pg_index ix on t.oid = ix.indrelid
                        join pg_class i on i.oid = ix.indexrelid
                        left outer join
                            pg_attribute a
                            on t.oid = a.attrelid and a.attnum = ANY(ix.indkey)
                        left outer join
                            pg_constraint c
                            on (ix.indrelid = c.conrelid and
                                ix.indexrelid = c.conindid and
                                c.contype in ('p', 'u', 'x'))
                        left outer join
                            pg_am am
                            on i.relam = am.oid
              WHERE
                  t.relkind IN ('r', 'v', 'f', 'm', 'p')
                  and t.oid = 16394
                  and ix.indisprimary = 'f'
              ORDER BY
                  t.relname,
                  i.relname
;

-- name: columns_comment_of_view
SELECT
                pgd.description as table_comment
            FROM
                pg_catalog.pg_description pgd
            WHERE
                pgd.objsubid = 0 AND
                pgd.objoid = 16394
;

-- name: set_search_path
set search_path = "main"
;

-- name: sqllab_backend_pid
SELECT pg_backend_pid()
;

-- name: sqllab_preview_of_table
SELECT
  id,
  price,
  sqft_living,
  zipcode,
  sold
FROM main.house_prices
LIMIT 101
;

-- name: sqllab_preview_of_view
SELECT
  zipcode,
  price,
  fair
FROM main.valued
LIMIT 101
;

-- name: sqllab_predict_columns
SELECT
  id,
  PREDICT_HOUSE_PRICE(sqft_living, zipcode) AS fair
FROM house_prices
ORDER BY
  id
LIMIT 6
;

-- name: sqllab_predict_row
SELECT
  h.*,
  PREDICT_HOUSE_PRICE(h) AS fair
FROM house_prices AS h
LIMIT 4
;

-- name: sqllab_without_limit
SELECT
  *
FROM house_prices
LIMIT 1001
;

-- name: sqllab_with
WITH a AS (
  SELECT
    zipcode,
    AVG(PREDICT_HOUSE_PRICE(h)) AS fair
  FROM house_prices AS h
  GROUP BY
    1
)
SELECT
  *
FROM a
WHERE
  fair > 1
ORDER BY
  fair DESC
LIMIT 1001
;

-- name: sqllab_error_unknown_column
SELECT
  nothing
FROM house_prices
LIMIT 1001
;

-- name: dataset_unique_keys_of_view
SELECT
                cons.conname as name,
                cons.conkey as key,
                a.attnum as col_num,
                a.attname as col_name
            FROM
                pg_catalog.pg_constraint cons
                join pg_attribute a
                  on cons.conrelid = a.attrelid AND
                    a.attnum = ANY(cons.conkey)
            WHERE
                cons.conrelid = 16394 AND
                cons.contype = 'u'
;

-- name: dataset_checks_of_view
SELECT
                cons.conname as name,
                pg_get_constraintdef(cons.oid) as src
            FROM
                pg_catalog.pg_constraint cons
            WHERE
                cons.conrelid = 16394 AND
                cons.contype = 'c'
;

-- name: dataset_view_exists
select relname from pg_class c join pg_namespace n on n.oid=c.relnamespace where n.nspname='main' and relname='valued'
;

-- name: dataset_samples
SELECT
  zipcode AS zipcode,
  price AS price,
  fair AS fair
FROM main.valued
LIMIT 50
;

-- name: dataset_values
SELECT DISTINCT zipcode AS column_values 
FROM main.valued 
 LIMIT 10000
;

-- name: dataset_unique_keys_of_table
SELECT
                cons.conname as name,
                cons.conkey as key,
                a.attnum as col_num,
                a.attname as col_name
            FROM
                pg_catalog.pg_constraint cons
                join pg_attribute a
                  on cons.conrelid = a.attrelid AND
                    a.attnum = ANY(cons.conkey)
            WHERE
                cons.conrelid = 16385 AND
                cons.contype = 'u'
;

-- name: dataset_checks_of_table
SELECT
                cons.conname as name,
                pg_get_constraintdef(cons.oid) as src
            FROM
                pg_catalog.pg_constraint cons
            WHERE
                cons.conrelid = 16385 AND
                cons.contype = 'c'
;

-- name: dataset_table_exists
select relname from pg_class c join pg_namespace n on n.oid=c.relnamespace where n.nspname='main' and relname='house_prices'
;

-- name: dataset_of_query
SELECT
  zipcode,
  sold,
  price,
  PREDICT_HOUSE_PRICE(sqft_living, zipcode) AS fair
FROM house_prices
LIMIT 1
;

-- name: dataset_values_of_query
SELECT DISTINCT zipcode AS column_values 
FROM (SELECT zipcode, sold, price, predict_house_price(sqft_living, zipcode) AS fair FROM house_prices
) AS virtual_table 
 LIMIT 10000
;

-- name: chart_data
SELECT
  zipcode AS zipcode,
  AVG(fair) AS "average fair",
  AVG(price) AS "average price"
FROM main.valued
GROUP BY
  zipcode
ORDER BY
  zipcode ASC
LIMIT 1000
;

-- name: chart_in_browser
SELECT
  zipcode AS zipcode,
  AVG(fair) AS "average fair",
  AVG(price) AS "average price"
FROM main.valued
GROUP BY
  zipcode
ORDER BY
  "average fair" DESC
LIMIT 1000
;

-- name: chart_by_day
SELECT
  DATE_TRUNC('DAY', sold) AS sold,
  COUNT(*) AS count
FROM main.house_prices
WHERE
  sold >= TO_DATE('2014-01-01', 'YYYY-MM-DD')
  AND sold < TO_DATE('2016-01-01', 'YYYY-MM-DD')
GROUP BY
  DATE_TRUNC('DAY', sold)
LIMIT 1000
;

-- name: chart_by_week
SELECT
  DATE_TRUNC('WEEK', sold) AS sold,
  COUNT(*) AS count
FROM main.house_prices
WHERE
  sold >= TO_DATE('2014-01-01', 'YYYY-MM-DD')
  AND sold < TO_DATE('2016-01-01', 'YYYY-MM-DD')
GROUP BY
  DATE_TRUNC('WEEK', sold)
LIMIT 1000
;

-- name: chart_by_month
SELECT
  DATE_TRUNC('MONTH', sold) AS sold,
  COUNT(*) AS count
FROM main.house_prices
WHERE
  sold >= TO_DATE('2014-01-01', 'YYYY-MM-DD')
  AND sold < TO_DATE('2016-01-01', 'YYYY-MM-DD')
GROUP BY
  DATE_TRUNC('MONTH', sold)
LIMIT 1000
;

-- name: chart_by_quarter
SELECT
  DATE_TRUNC('QUARTER', sold) AS sold,
  COUNT(*) AS count
FROM main.house_prices
WHERE
  sold >= TO_DATE('2014-01-01', 'YYYY-MM-DD')
  AND sold < TO_DATE('2016-01-01', 'YYYY-MM-DD')
GROUP BY
  DATE_TRUNC('QUARTER', sold)
LIMIT 1000
;

-- name: chart_by_year
SELECT
  DATE_TRUNC('YEAR', sold) AS sold,
  COUNT(*) AS count
FROM main.house_prices
WHERE
  sold >= TO_DATE('2014-01-01', 'YYYY-MM-DD')
  AND sold < TO_DATE('2016-01-01', 'YYYY-MM-DD')
GROUP BY
  DATE_TRUNC('YEAR', sold)
LIMIT 1000
;

-- name: chart_filters
SELECT
  zipcode AS zipcode,
  COUNT(*) AS count,
  AVG(price) AS "average price",
  COUNT(DISTINCT zipcode) AS n
FROM main.house_prices
WHERE
  zipcode IN ('98101', '98102')
  AND price > 100000
  AND NOT sold IS NULL
  AND zipcode ILIKE '98%'
  AND (
    sqft_living > 10
  )
GROUP BY
  zipcode
HAVING
  (
    COUNT(*) > 1
  )
ORDER BY
  count DESC
LIMIT 1000
;

-- name: chart_raw_rows
SELECT
  id AS id,
  price AS price,
  zipcode AS zipcode,
  sold AS sold
FROM main.house_prices
ORDER BY
  price DESC
LIMIT 1000
OFFSET 10
;

-- name: chart_total
SELECT
  COUNT(*) AS count
FROM main.house_prices
LIMIT 1000
;

-- name: chart_row_count
SELECT
  COUNT(*) AS rowcount
FROM (
  SELECT
    zipcode AS zipcode,
    COUNT(*) AS count
  FROM main.house_prices
  GROUP BY
    zipcode
  LIMIT 1000
) AS rowcount_qry
;

-- name: chart_percentile
SELECT
  zipcode AS zipcode,
  PERCENTILE_CONT(0.5) WITHIN GROUP (ORDER BY
    fair - price) AS median
FROM (
  SELECT
    zipcode,
    sold,
    price,
    PREDICT_HOUSE_PRICE(sqft_living, zipcode) AS fair
  FROM house_prices
) AS virtual_table
GROUP BY
  zipcode
LIMIT 1000
;

-- name: chart_series_limit
SELECT
  DATE_TRUNC('MONTH', sold) AS sold,
  zipcode AS zipcode,
  AVG(fair) AS "average fair"
FROM (
  SELECT
    zipcode,
    sold,
    price,
    PREDICT_HOUSE_PRICE(sqft_living, zipcode) AS fair
  FROM house_prices
) AS virtual_table
JOIN (
  SELECT
    zipcode AS zipcode__,
    AVG(fair) AS mme_inner__
  FROM (
    SELECT
      zipcode,
      sold,
      price,
      PREDICT_HOUSE_PRICE(sqft_living, zipcode) AS fair
    FROM house_prices
  ) AS virtual_table
  GROUP BY
    zipcode
  ORDER BY
    AVG(price) DESC
  LIMIT 3
) AS series_limit
  ON zipcode = zipcode__
GROUP BY
  DATE_TRUNC('MONTH', sold),
  zipcode
LIMIT 1000
;
