-- Npgsql 8 (load of types, composite fields and enum labels on connect; schema queries).
-- On connect the version, types, composites and enums go in one message of the simple protocol, as in load_batch.
-- Source: written to the shape of what the tool sends (tables, columns, functions, casts and joins alike, text its own);
-- not a recording; run on PostgreSQL 16.2.
-- Object identifiers that the tool had found by a query before are placeholders:
-- :house_prices_oid, :valued_oid, :predict_house_price_oid, :main_oid (the schema).

-- name: load_types
-- expect: float8
SELECT sp.nspname, t.oid, t.typname, t.typtype, t.typnotnull, t.elemtypoid
FROM (
    -- an array has typtype b: it is known by its receive function
    SELECT outerty.oid, outerty.typnamespace, outerty.typname, outerty.typtype, outerty.typrelid, outerty.typnotnull, outerty.relkind,
           inner_ty.oid AS elemtypoid, inner_ty.typname AS elemtypname, inner_rel.relkind AS elemrelkind,
           CASE WHEN inner_proc.proname = 'array_recv' THEN 'a' ELSE inner_ty.typtype END AS elemtyptype
    FROM (
        SELECT ty.oid, typnamespace, typname, typrelid, typnotnull, relkind, typelem AS elemoid,
               CASE WHEN recv.proname = 'array_recv' THEN 'a' ELSE ty.typtype END AS typtype,
               CASE WHEN recv.proname = 'array_recv' THEN ty.typelem
                    WHEN ty.typtype = 'r' THEN rngsubtype
                    WHEN ty.typtype = 'm' THEN (SELECT rngtypid FROM pg_range WHERE rngmultitypid = ty.oid)
                    WHEN ty.typtype = 'd' THEN ty.typbasetype
               END AS elemtypoid
        FROM pg_type AS ty
        LEFT JOIN pg_class AS rel ON (rel.oid = ty.typrelid)
        LEFT JOIN pg_proc AS recv ON recv.oid = ty.typreceive
        LEFT JOIN pg_range ON (pg_range.rngtypid = ty.oid)
    ) AS outerty
    LEFT JOIN pg_type AS inner_ty ON inner_ty.oid = outerty.elemtypoid
    LEFT JOIN pg_class AS inner_rel ON (inner_rel.oid = inner_ty.typrelid)
    LEFT JOIN pg_proc AS inner_proc ON inner_proc.oid = inner_ty.typreceive
) AS t
JOIN pg_namespace AS sp ON (sp.oid = t.typnamespace)
WHERE typtype IN ('b', 'r', 'm', 'e', 'd')
   OR (typtype = 'c' AND relkind = 'c')
   OR (typtype = 'p' AND typname IN ('record', 'void', 'unknown'))
   OR (typtype = 'a' AND (elemtyptype IN ('b', 'r', 'm', 'e', 'd') OR (elemtyptype = 'p' AND elemtypname IN ('record', 'void')) OR (elemtyptype = 'c' AND elemrelkind = 'c')))
ORDER BY CASE WHEN typtype IN ('b', 'e', 'p') THEN 0 WHEN typtype = 'r' THEN 1 WHEN typtype = 'm' THEN 2 WHEN typtype = 'c' THEN 3
              WHEN typtype = 'd' AND elemtyptype <> 'a' THEN 4 WHEN typtype = 'a' THEN 5 WHEN typtype = 'd' AND elemtyptype = 'a' THEN 6 END;
;

-- name: load_composite_fields
SELECT ty.oid, fld.attname, fld.atttypid
FROM pg_type AS ty
JOIN pg_namespace AS sp ON (sp.oid = ty.typnamespace)
JOIN pg_class AS rel ON (rel.oid = ty.typrelid)
JOIN pg_attribute AS fld ON (fld.attrelid = ty.typrelid)
WHERE (ty.typtype = 'c' AND rel.relkind = 'c') AND attnum > 0 AND NOT attisdropped
ORDER BY ty.oid, fld.attnum;
;

-- name: load_composite_fields_of_tables
-- expect: sqft_living
SELECT ty.oid, fld.attname, fld.atttypid
FROM pg_type AS ty
JOIN pg_namespace AS sp ON (sp.oid = ty.typnamespace)
JOIN pg_class AS rel ON (rel.oid = ty.typrelid)
JOIN pg_attribute AS fld ON (fld.attrelid = ty.typrelid)
WHERE (ty.typtype = 'c' AND sp.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')) AND attnum > 0 AND NOT attisdropped
ORDER BY ty.oid, fld.attnum;
;

-- name: load_enum_labels
SELECT pg_type.oid, enumlabel
FROM pg_enum
JOIN pg_type ON pg_type.oid = enumtypid
ORDER BY oid, enumsortorder;
;

-- name: load_batch
SELECT version();
SELECT ty.oid, fld.attname, fld.atttypid FROM pg_type AS ty JOIN pg_class AS rel ON rel.oid = ty.typrelid JOIN pg_attribute AS fld ON fld.attrelid = ty.typrelid WHERE ty.typtype = 'c' AND rel.relkind = 'c' AND attnum > 0 AND NOT attisdropped ORDER BY ty.oid, fld.attnum;
SELECT pg_type.oid, enumlabel FROM pg_enum JOIN pg_type ON pg_type.oid = enumtypid ORDER BY oid, enumsortorder;
;

-- name: pool_reset
DISCARD ALL
;

-- name: get_schema_columns
-- expect: sqft_living
-- rows: 5
SELECT table_catalog, table_schema, table_name, column_name, ordinal_position, column_default, is_nullable, udt_name::regtype::text AS data_type, character_maximum_length, character_octet_length, numeric_precision, numeric_precision_radix, numeric_scale, datetime_precision, character_set_catalog, character_set_schema, character_set_name, collation_catalog FROM information_schema.columns WHERE table_schema = 'main' AND table_name = 'house_prices'
;

-- name: column_schema_of_result
-- expect: sqft_living
-- rows: 2
SELECT ty.oid AS typoid, nspname, relname, attname, attrelid, attnum, attnotnull, attidentity != '' AS isidentity,
       CASE WHEN ty.typtype = 'd' THEN ty.typtypmod ELSE atttypmod END AS typmod,
       CASE WHEN atthasdef THEN (SELECT pg_get_expr(adbin, rel.oid) FROM pg_attrdef WHERE adrelid = rel.oid AND adnum = fld.attnum) ELSE NULL END AS default,
       CASE WHEN info.is_updatable = 'YES' THEN true ELSE false END AS is_updatable,
       EXISTS (SELECT * FROM pg_index WHERE pg_index.indrelid = rel.oid AND pg_index.indisprimary AND attnum = ANY (indkey)) AS isprimarykey,
       EXISTS (SELECT * FROM pg_index WHERE pg_index.indrelid = rel.oid AND pg_index.indisunique AND pg_index.indnkeyatts = 1 AND attnum = pg_index.indkey[0]) AS isunique
FROM pg_class AS rel
JOIN pg_attribute AS fld ON fld.attrelid = rel.oid
JOIN pg_type AS ty ON ty.oid = fld.atttypid
JOIN pg_namespace AS sp ON sp.oid = rel.relnamespace
LEFT OUTER JOIN information_schema.columns AS info ON info.table_schema = nspname AND info.table_name = relname AND info.column_name = attname
WHERE atttypid <> 0 AND relkind IN ('r', 'v', 'm') AND NOT attisdropped AND attnum > 0
  AND nspname NOT IN ('pg_catalog', 'information_schema')
  AND ((fld.attrelid = :house_prices_oid AND fld.attnum = 1) OR (fld.attrelid = :house_prices_oid AND fld.attnum = 3))
ORDER BY attnum
;
