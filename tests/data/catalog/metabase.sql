-- Metabase 0.55 (connection, privileges, sync of tables, fields and foreign keys). Metabase also sends what jdbc.sql has.
-- Source: written to the shape of what the tool sends (tables, columns, functions, casts and joins alike, text its own);
-- not a recording; run on PostgreSQL 16.2.

-- name: show_timezone
-- rows: 1
show timezone
;

-- name: table_privileges
-- expect: house_prices
with rels as (
  select schemaname, tablename as objectname from pg_catalog.pg_tables
  union
  select schemaname, viewname as objectname from pg_catalog.pg_views
  union
  select schemaname, matviewname as objectname from pg_catalog.pg_matviews
), quoted as (
  select r.schemaname, r.objectname, '"' || replace(r.schemaname, '"', '""') || '"' || '.' || '"' || replace(r.objectname, '"', '""') || '"' as ident
  from rels r
  where r.schemaname !~ '^pg_' and r.schemaname <> 'information_schema'
    and pg_catalog.has_schema_privilege(current_user, r.schemaname, 'usage')
)
select NULL as role, q.schemaname as schema, q.objectname as "table",
       pg_catalog.has_any_column_privilege(current_user, q.ident, 'update') as update,
       pg_catalog.has_any_column_privilege(current_user, q.ident, 'select') as select,
       pg_catalog.has_any_column_privilege(current_user, q.ident, 'insert') as insert,
       pg_catalog.has_table_privilege(current_user, q.ident, 'delete') as delete
from quoted q
;

-- name: sync_tables
-- expect: house_prices
SELECT "ns"."nspname" AS "schema", "rel"."relname" AS "name",
       CASE "rel"."relkind" WHEN 'r' THEN 'TABLE' WHEN 'p' THEN 'PARTITIONED TABLE' WHEN 'v' THEN 'VIEW' WHEN 'f' THEN 'FOREIGN TABLE' WHEN 'm' THEN 'MATERIALIZED VIEW' ELSE NULL END AS "type",
       "cm"."description" AS "description", "st"."n_live_tup" AS "estimated_row_count"
FROM "pg_catalog"."pg_class" AS "rel"
INNER JOIN "pg_catalog"."pg_namespace" AS "ns" ON "ns"."oid" = "rel"."relnamespace"
LEFT JOIN "pg_catalog"."pg_description" AS "cm" ON ("cm"."objoid" = "rel"."oid") AND ("cm"."objsubid" = 0) AND ("cm"."classoid" = 'pg_class'::regclass)
LEFT JOIN "pg_stat_user_tables" AS "st" ON ("st"."schemaname" = "ns"."nspname") AND ("st"."relname" = "rel"."relname")
WHERE ("ns"."nspname" !~ '^pg_') AND ("ns"."nspname" <> 'information_schema') AND rel.relkind in ('r', 'p', 'v', 'f', 'm') AND ("ns"."nspname" IN ('main'))
ORDER BY "type" ASC, "schema" ASC, "name" ASC
;

-- name: sync_fields
-- expect: sqft_living
SELECT "col"."column_name" AS "name",
       CASE WHEN "col"."udt_schema" IN ('public', 'pg_catalog') THEN FORMAT('%s', "col"."udt_name") ELSE FORMAT('"%s"."%s"', "col"."udt_schema", "col"."udt_name") END AS "database-type",
       "col"."ordinal_position" - 1 AS "database-position", "col"."table_schema" AS "table-schema", "col"."table_name" AS "table-name",
       "key"."column_name" IS NOT NULL AS "pk?",
       COL_DESCRIPTION(CAST(CAST(FORMAT('%I.%I', CAST("col"."table_schema" AS TEXT), CAST("col"."table_name" AS TEXT)) AS REGCLASS) AS OID), "col"."ordinal_position") AS "field-comment",
       ((("col"."column_default" IS NULL) OR (LOWER("col"."column_default") = 'null')) AND ("col"."is_nullable" = 'NO')) AS "database-required",
       ((("col"."column_default" IS NOT NULL) AND ("col"."column_default" LIKE '%nextval(%')) OR ("col"."is_identity" <> 'NO')) AS "database-is-auto-increment"
FROM "information_schema"."columns" AS "col"
LEFT JOIN (SELECT "kc"."table_schema", "kc"."table_name", "kc"."column_name"
           FROM "information_schema"."key_column_usage" AS "kc"
           INNER JOIN "information_schema"."table_constraints" AS "tc" ON ("tc"."constraint_name" = "kc"."constraint_name") AND ("tc"."table_schema" = "kc"."table_schema") AND ("tc"."table_name" = "kc"."table_name")
           WHERE "tc"."constraint_type" = 'PRIMARY KEY') AS "key"
  ON ("key"."table_schema" = "col"."table_schema") AND ("key"."table_name" = "col"."table_name") AND ("key"."column_name" = "col"."column_name")
WHERE col.table_schema !~ '^information_schema|catalog_history|pg_' AND ("col"."table_schema" IN ('main'))
ORDER BY "table-schema" ASC, "table-name" ASC, "database-position" ASC
;

-- name: sync_foreign_keys
SELECT "fns"."nspname" AS "fk-table-schema", "frel"."relname" AS "fk-table-name", "fatt"."attname" AS "fk-column-name",
       "pns"."nspname" AS "pk-table-schema", "prel"."relname" AS "pk-table-name", "patt"."attname" AS "pk-column-name"
FROM "pg_constraint" AS "con"
INNER JOIN "pg_class" AS "frel" ON "frel"."oid" = "con"."conrelid"
INNER JOIN "pg_namespace" AS "fns" ON "fns"."oid" = "frel"."relnamespace"
INNER JOIN "pg_attribute" AS "fatt" ON "fatt"."attrelid" = "frel"."oid"
INNER JOIN "pg_class" AS "prel" ON "prel"."oid" = "con"."confrelid"
INNER JOIN "pg_namespace" AS "pns" ON "pns"."oid" = "prel"."relnamespace"
INNER JOIN "pg_attribute" AS "patt" ON "patt"."attrelid" = "prel"."oid"
WHERE "fns"."nspname" !~ '^information_schema|catalog_history|pg_' AND ("con"."contype" = 'f')
  AND ("fatt"."attnum" = ANY("con"."conkey")) AND ("patt"."attnum" = ANY("con"."confkey")) AND ("fns"."nspname" IN ('main'))
ORDER BY "fk-table-schema" ASC, "fk-table-name" ASC
;
