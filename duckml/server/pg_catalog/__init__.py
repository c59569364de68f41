"""PostgreSQL's catalogs over DuckDB's: views and macros, and the translation of queries on them."""
