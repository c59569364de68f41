"""Signatures of models, and DuckDB columns as models read them.

Training and prediction share this package, so that both read a column in the same way.
"""
