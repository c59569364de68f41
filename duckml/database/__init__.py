"""Questions and commands to DuckDB on a session of the user.

Sessions, transactions, binding, streams of rows, the catalog, files and extensions are here.
"""
