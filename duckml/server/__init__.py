"""The PostgreSQL protocol in front of a DuckDB file, for BI tools and every program that has a PostgreSQL driver."""
