-- Power BI Desktop with Npgsql (navigator, columns, keys, relations, preview). Power BI also sends what npgsql.sql has.
-- Source: written to the shape of what the tool sends (tables, columns, functions, casts and joins alike, text its own);
-- not a recording; run on PostgreSQL 16.2.

-- name: character_sets
-- rows: 1
select character_set_name from INFORMATION_SCHEMA.character_sets
;

-- name: tables
-- expect: house_prices
select TABLE_SCHEMA, TABLE_NAME, TABLE_TYPE
from INFORMATION_SCHEMA.tables
where TABLE_SCHEMA not in ('information_schema', 'pg_catalog')
order by TABLE_SCHEMA, TABLE_NAME
;

-- name: columns
-- expect: sqft_living
-- rows: 5
select COLUMN_NAME, ORDINAL_POSITION, IS_NULLABLE,
       case when (data_type like '%unsigned%') then DATA_TYPE || ' unsigned' else DATA_TYPE end as DATA_TYPE
from INFORMATION_SCHEMA.columns
where TABLE_SCHEMA = 'main' and TABLE_NAME = 'house_prices'
order by TABLE_SCHEMA, TABLE_NAME, ORDINAL_POSITION
;

-- name: primary_and_unique_keys
-- expect: house_prices
select con.CONSTRAINT_SCHEMA || '_' || con.CONSTRAINT_NAME as INDEX_NAME, usage.COLUMN_NAME, usage.ORDINAL_POSITION,
       case when con.CONSTRAINT_TYPE = 'PRIMARY KEY' then 'Y' else 'N' end as PRIMARY_KEY
from INFORMATION_SCHEMA.table_constraints con
inner join INFORMATION_SCHEMA.key_column_usage usage
  on usage.CONSTRAINT_SCHEMA = con.CONSTRAINT_SCHEMA and usage.CONSTRAINT_NAME = con.CONSTRAINT_NAME
 and usage.TABLE_SCHEMA = con.TABLE_SCHEMA and usage.TABLE_NAME = con.TABLE_NAME
where con.TABLE_SCHEMA = 'main' and con.TABLE_NAME = 'house_prices' and con.CONSTRAINT_TYPE in ('PRIMARY KEY', 'UNIQUE')
order by con.CONSTRAINT_NAME, usage.ORDINAL_POSITION
;

-- name: relations_from_table
select refd.TABLE_SCHEMA as PK_TABLE_SCHEMA, refd.TABLE_NAME as PK_TABLE_NAME, refd.COLUMN_NAME as PK_COLUMN_NAME,
       refg.COLUMN_NAME as FK_COLUMN_NAME, refg.ORDINAL_POSITION as ORDINAL,
       rel.CONSTRAINT_SCHEMA || '_' || 'house_prices' || '_' || refd.TABLE_NAME || '_' || rel.CONSTRAINT_NAME as FK_NAME
from (select distinct constraint_catalog, constraint_schema, unique_constraint_schema, constraint_name, unique_constraint_name from INFORMATION_SCHEMA.referential_constraints) rel
inner join INFORMATION_SCHEMA.key_column_usage refg
  on refg.CONSTRAINT_SCHEMA = rel.CONSTRAINT_SCHEMA and refg.CONSTRAINT_NAME = rel.CONSTRAINT_NAME
inner join INFORMATION_SCHEMA.key_column_usage refd
  on refd.CONSTRAINT_SCHEMA = rel.UNIQUE_CONSTRAINT_SCHEMA and refd.CONSTRAINT_NAME = rel.UNIQUE_CONSTRAINT_NAME
where refg.TABLE_SCHEMA = 'main' and refg.TABLE_NAME = 'house_prices' and refd.ORDINAL_POSITION = refg.ORDINAL_POSITION
order by FK_NAME, refg.ORDINAL_POSITION
;

-- name: preview_rows
select "$Table"."id" as "id", "$Table"."price" as "price", "$Table"."zipcode" as "zipcode"
from "main"."house_prices" "$Table"
limit 1000
;
