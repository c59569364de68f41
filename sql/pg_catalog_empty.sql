-- PostgreSQL's catalogs of objects that DuckDB does not have. The views have no rows: clients
-- query them for every database, and fail where one is missing.

-- name: pg_shdescription
SELECT 0 AS objoid, 0 AS classoid, '' AS description WHERE false

-- name: pg_group
SELECT '' AS groname, 0 AS grosysid, []::BIGINT[] AS grolist WHERE false

-- name: pg_auth_members
SELECT 0 AS roleid, 0 AS member, 0 AS grantor, false AS admin_option, false AS inherit_option,
    false AS set_option WHERE false

-- name: pg_extension
SELECT 1 AS oid, 'duckml' AS extname, 10 AS extowner, 11 AS extnamespace, false AS extrelocatable,
    '' AS extversion, NULL::BIGINT[] AS extconfig, NULL::VARCHAR[] AS extcondition WHERE false

-- name: pg_available_extensions
SELECT '' AS name, '' AS default_version, '' AS installed_version, '' AS comment WHERE false

-- name: pg_conversion
SELECT 0 AS oid, '' AS conname, 0 AS connamespace, 0 AS conowner, 0 AS conforencoding,
    0 AS contoencoding WHERE false

-- name: pg_enum
SELECT 0 AS oid, 0 AS enumtypid, 0::FLOAT AS enumsortorder, '' AS enumlabel WHERE false

-- name: pg_range
SELECT 0 AS rngtypid, 0 AS rngsubtype, 0 AS rngmultitypid, 0 AS rngcollation, 0 AS rngsubopc,
    '-' AS rngcanonical, '-' AS rngsubdiff WHERE false

-- name: pg_inherits
SELECT 0 AS inhrelid, 0 AS inhparent, 0 AS inhseqno, false AS inhdetachpending WHERE false

-- name: pg_partitioned_table
SELECT 0 AS partrelid, '' AS partstrat, 0 AS partnatts, 0 AS partdefid, []::SMALLINT[] AS partattrs,
    []::BIGINT[] AS partclass, []::BIGINT[] AS partcollation, '' AS partexprs WHERE false

-- name: pg_rules
SELECT '' AS schemaname, '' AS tablename, '' AS rulename, '' AS definition WHERE false

-- name: pg_trigger
SELECT 0 AS oid, 0 AS tgrelid, 0 AS tgparentid, '' AS tgname, 0 AS tgfoid, 0 AS tgtype,
    '' AS tgenabled, false AS tgisinternal, 0 AS tgconstrrelid, 0 AS tgconstrindid,
    0 AS tgconstraint, false AS tgdeferrable, false AS tginitdeferred, 0 AS tgnargs,
    []::SMALLINT[] AS tgattr, '' AS tgargs, '' AS tgqual, '' AS tgoldtable, '' AS tgnewtable
WHERE false

-- name: pg_event_trigger
SELECT 0 AS oid, '' AS evtname, '' AS evtevent, 0 AS evtowner, 0 AS evtfoid, '' AS evtenabled,
    []::VARCHAR[] AS evttags
WHERE false

-- name: pg_shdepend
SELECT 0 AS dbid, 0 AS classid, 0 AS objid, 0 AS objsubid, 0 AS refclassid, 0 AS refobjid,
    '' AS deptype WHERE false

-- name: pg_opclass
SELECT 0 AS oid, 0 AS opcmethod, '' AS opcname, 0 AS opcnamespace, 0 AS opcowner, 0 AS opcfamily,
    0 AS opcintype, true AS opcdefault, 0 AS opckeytype WHERE false

-- name: pg_operator
SELECT 0 AS oid, '' AS oprname, 0 AS oprnamespace, 0 AS oprowner, '' AS oprkind, 0 AS oprleft,
    0 AS oprright, 0 AS oprresult, '' AS oprcode WHERE false

-- name: pg_opfamily
SELECT 0 AS oid, 0 AS opfmethod, '' AS opfname, 0 AS opfnamespace, 0 AS opfowner WHERE false

-- name: pg_amop
SELECT 0 AS oid, 0 AS amopfamily, 0 AS amopopr, 0 AS amopstrategy, 0 AS amoplefttype,
    0 AS amoprighttype WHERE false

-- name: pg_aggregate
SELECT 0 AS aggfnoid, '' AS aggkind, 0 AS aggnumdirectargs, '-' AS aggtransfn, '-' AS aggfinalfn,
    0 AS aggtranstype, '' AS agginitval, 0 AS aggsortop
WHERE false

-- name: pg_cast
SELECT 0 AS oid, 0 AS castsource, 0 AS casttarget, 0 AS castfunc, '' AS castcontext,
    '' AS castmethod WHERE false

-- name: pg_policy
SELECT 0 AS oid, '' AS polname, 0 AS polrelid, '' AS polcmd, true AS polpermissive,
    []::BIGINT[] AS polroles, '' AS polqual, '' AS polwithcheck WHERE false

-- name: pg_policies
SELECT '' AS schemaname, '' AS tablename, '' AS policyname, '' AS permissive,
    []::VARCHAR[] AS roles, '' AS cmd, '' AS qual, '' AS with_check WHERE false

-- name: pg_statistic_ext
SELECT 0 AS oid, 0 AS stxrelid, '' AS stxname, 0 AS stxnamespace, 0 AS stxowner,
    []::SMALLINT[] AS stxkeys, []::VARCHAR[] AS stxkind, 0 AS stxstattarget, '' AS stxexprs
WHERE false

-- name: pg_publication
SELECT 0 AS oid, '' AS pubname, 0 AS pubowner, false AS puballtables, false AS pubinsert,
    false AS pubupdate, false AS pubdelete, false AS pubtruncate, false AS pubviaroot WHERE false

-- name: pg_publication_rel
SELECT 0 AS oid, 0 AS prpubid, 0 AS prrelid, '' AS prqual, []::SMALLINT[] AS prattrs WHERE false

-- name: pg_publication_namespace
SELECT 0 AS oid, 0 AS pnpubid, 0 AS pnnspid WHERE false

-- name: pg_subscription
SELECT 0 AS oid, 0 AS subdbid, '' AS subname, 0 AS subowner, false AS subenabled WHERE false

-- name: pg_foreign_table
SELECT 0 AS ftrelid, 0 AS ftserver, []::VARCHAR[] AS ftoptions WHERE false

-- name: pg_foreign_server
SELECT 0 AS oid, '' AS srvname, 0 AS srvowner, 0 AS srvfdw, '' AS srvtype, '' AS srvversion,
    NULL::VARCHAR[] AS srvacl, []::VARCHAR[] AS srvoptions WHERE false

-- name: pg_foreign_data_wrapper
SELECT 0 AS oid, '' AS fdwname, 0 AS fdwowner, 0 AS fdwhandler, 0 AS fdwvalidator,
    NULL::VARCHAR[] AS fdwacl, []::VARCHAR[] AS fdwoptions WHERE false

-- name: pg_user_mapping
SELECT 0 AS oid, 0 AS umuser, 0 AS umserver, []::VARCHAR[] AS umoptions WHERE false

-- name: pg_ts_config
SELECT 0 AS oid, '' AS cfgname, 0 AS cfgnamespace, 0 AS cfgowner, 0 AS cfgparser WHERE false

-- name: pg_ts_dict
SELECT 0 AS oid, '' AS dictname, 0 AS dictnamespace, 0 AS dictowner, 0 AS dicttemplate WHERE false

-- name: pg_ts_parser
SELECT 0 AS oid, '' AS prsname, 0 AS prsnamespace WHERE false

-- name: pg_ts_template
SELECT 0 AS oid, '' AS tmplname, 0 AS tmplnamespace WHERE false

-- name: pg_default_acl
SELECT 0 AS oid, 0 AS defaclrole, 0 AS defaclnamespace, '' AS defaclobjtype,
    []::VARCHAR[] AS defaclacl WHERE false

-- name: pg_init_privs
SELECT 0 AS objoid, 0 AS classoid, 0 AS objsubid, '' AS privtype, []::VARCHAR[] AS initprivs
WHERE false

-- name: pg_db_role_setting
SELECT 0 AS setdatabase, 0 AS setrole, []::VARCHAR[] AS setconfig WHERE false

-- name: pg_seclabel
SELECT 0 AS objoid, 0 AS classoid, 0 AS objsubid, '' AS provider, '' AS label WHERE false

-- name: pg_seclabels
SELECT 0 AS objoid, 0 AS classoid, 0 AS objsubid, '' AS objtype, 0 AS objnamespace, '' AS objname,
    '' AS provider, '' AS label WHERE false

-- name: pg_shseclabel
SELECT 0 AS objoid, 0 AS classoid, '' AS provider, '' AS label WHERE false

-- name: pg_transform
SELECT 0 AS oid, 0 AS trftype, 0 AS trflang WHERE false

-- name: pg_locks
SELECT '' AS locktype, 0 AS database, 0 AS relation, 0 AS page, 0 AS tuple, '' AS virtualxid,
    0 AS transactionid, 0 AS classid, 0 AS objid, 0 AS objsubid, '' AS virtualtransaction, 0 AS pid,
    '' AS mode, true AS granted, false AS fastpath WHERE false

-- name: pg_prepared_xacts
SELECT 0 AS transaction, '' AS gid, NULL::TIMESTAMPTZ AS prepared, '' AS owner, '' AS database
WHERE false

-- name: pg_replication_slots
SELECT '' AS slot_name, '' AS plugin, '' AS slot_type, 0 AS datoid, '' AS database, false AS active,
    0 AS active_pid
WHERE false

-- name: pg_stat_replication
SELECT 0 AS pid, 0 AS usesysid, '' AS usename, '' AS application_name, '' AS state WHERE false

-- name: pg_matviews
SELECT '' AS schemaname, '' AS matviewname, '' AS matviewowner, '' AS tablespace,
    false AS hasindexes, false AS ispopulated, '' AS definition WHERE false
