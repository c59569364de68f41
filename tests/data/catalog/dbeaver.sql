-- DBeaver 25.1 (start of a connection, then the tree of a schema). DBeaver also sends what jdbc.sql has.
-- Source: written to the shape of what the tool sends (tables, columns, functions, casts and joins alike, text its own);
-- not a recording; run on PostgreSQL 16.2.
-- Object identifiers that the tool had found by a query before are placeholders:
-- :house_prices_oid, :valued_oid, :predict_house_price_oid, :main_oid (the schema).

-- name: current_schema_and_user
-- expect: main
-- rows: 1
SELECT current_schema(), session_user
;

-- name: search_path
-- rows: 1
SHOW search_path
;

-- name: database_row
-- rows: 1
SELECT d.oid, d.* FROM pg_catalog.pg_database d WHERE d.datname = current_database()
;

-- name: standard_conforming_strings
-- expect: standard_conforming_strings
-- rows: 1
SELECT * FROM pg_catalog.pg_settings WHERE name = 'standard_conforming_strings'
;

-- name: schemas_with_comments
-- expect: main
SELECT ns.oid, ns.*, cm.description
FROM pg_catalog.pg_namespace ns
LEFT OUTER JOIN pg_catalog.pg_description cm ON cm.classoid = 'pg_namespace'::regclass AND cm.objoid = ns.oid AND cm.objsubid = 0
ORDER BY ns.nspname
;

-- name: data_types
-- expect: float8
SELECT ty.oid, ty.*, rel.relkind, format_type(nullif(ty.typbasetype, 0), ty.typtypmod) AS base_type_name, cm.description
FROM pg_catalog.pg_type ty
LEFT OUTER JOIN pg_catalog.pg_type elem ON elem.oid = ty.typelem
LEFT OUTER JOIN pg_catalog.pg_class rel ON rel.oid = ty.typrelid
LEFT OUTER JOIN pg_catalog.pg_description cm ON cm.objoid = ty.oid
WHERE ty.typname IS NOT NULL
  AND (rel.relkind IS NULL OR rel.relkind = 'c')
  AND (elem.typcategory IS NULL OR elem.typcategory <> 'C')
;

-- name: tables_of_schema
-- expect: house_prices
SELECT rel.oid, rel.*, cm.description, pg_catalog.pg_get_expr(rel.relpartbound, rel.oid) AS bound_expr, pg_catalog.pg_get_partkeydef(rel.oid) AS key_def
FROM pg_catalog.pg_class rel
LEFT OUTER JOIN pg_catalog.pg_description cm ON cm.classoid = 'pg_class'::regclass AND cm.objoid = rel.oid AND cm.objsubid = 0
WHERE rel.relnamespace = :main_oid AND rel.relkind NOT IN ('i', 'I', 'c')
;

-- name: columns_of_table
-- expect: sqft_living
SELECT rel.relname, att.*, pg_catalog.pg_get_expr(df.adbin, df.adrelid, true) AS default_text, cm.description, dep.objid
FROM pg_catalog.pg_attribute att
INNER JOIN pg_catalog.pg_class rel ON rel.oid = att.attrelid
LEFT OUTER JOIN pg_catalog.pg_attrdef df ON df.adrelid = att.attrelid AND df.adnum = att.attnum
LEFT OUTER JOIN pg_catalog.pg_description cm ON cm.objoid = rel.oid AND cm.objsubid = att.attnum
LEFT OUTER JOIN pg_catalog.pg_depend dep ON dep.refobjid = att.attrelid AND dep.refobjsubid = att.attnum AND dep.deptype = 'i' AND dep.classid = dep.refclassid
WHERE NOT att.attisdropped AND rel.relkind NOT IN ('i', 'I', 'c') AND rel.oid = :house_prices_oid
ORDER BY att.attnum
;

-- name: constraints_of_schema
-- expect: house_prices
SELECT con.oid, con.*, rel.relname AS tab_name, frel.relnamespace AS ref_schema, cm.description, pg_catalog.pg_get_constraintdef(con.oid) AS def_text
FROM pg_catalog.pg_constraint con
INNER JOIN pg_catalog.pg_class rel ON rel.oid = con.conrelid
LEFT OUTER JOIN pg_catalog.pg_class frel ON frel.oid = con.confrelid
LEFT OUTER JOIN pg_catalog.pg_description cm ON cm.classoid = 'pg_constraint'::regclass AND cm.objoid = con.oid AND cm.objsubid = 0
WHERE rel.relnamespace = :main_oid
ORDER BY con.oid
;

-- name: indexes_of_table
SELECT ix.*, ix.indkey AS key_columns, ic.relname, ic.relnamespace, ic.relam, ic.reltablespace, tc.relname AS tabrelname, cm.description,
       pg_catalog.pg_get_expr(ix.indpred, ix.indrelid) AS pred_text, pg_catalog.pg_get_expr(ix.indexprs, ix.indrelid, true) AS expr_text, pg_catalog.pg_relation_size(ix.indexrelid) AS index_rel_size
FROM pg_catalog.pg_index ix
INNER JOIN pg_catalog.pg_class ic ON ic.oid = ix.indexrelid
INNER JOIN pg_catalog.pg_class tc ON tc.oid = ix.indrelid
LEFT OUTER JOIN pg_catalog.pg_description cm ON cm.objoid = ix.indexrelid
WHERE ix.indrelid = :house_prices_oid
ORDER BY tc.relname, ic.relname
;

-- name: procedures_of_schema
-- expect: predict_house_price
SELECT fn.oid AS poid, fn.*, pg_catalog.pg_get_expr(fn.proargdefaults, 0) AS arg_defaults, cm.description
FROM pg_catalog.pg_proc fn
LEFT OUTER JOIN pg_catalog.pg_description cm ON cm.objoid = fn.oid
WHERE fn.pronamespace = :main_oid
ORDER BY fn.proname
;
