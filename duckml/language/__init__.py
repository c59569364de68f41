"""SQL text to statements and calls of duckml, and these to the SQL that DuckDB runs.

Nothing here reads a database.
"""
