"""Models as plain SQL: a SELECT or a macro that computes an ONNX graph without duckml.

DuckDB, SQLite and PostgreSQL are tested, and sqlglot writes other dialects.
"""
