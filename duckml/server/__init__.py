"""A server that gives PostgreSQL clients, such as BI tools, access to a DuckDB file.

It translates PostgreSQL's protocol, catalogs, settings and types to those of DuckDB.
"""
