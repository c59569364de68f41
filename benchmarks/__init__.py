"""Benchmarks of duckml against DuckDB, onnxruntime and scikit-learn: `make bench`."""
