"""BigQuery SQL, translated by sqlglot to DuckDB's.

BigQuery ML's statements and functions become those of duckml's grammar.
"""
