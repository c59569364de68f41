"""TRANSFORM: expressions that are computed before training and again before every prediction.

A list is read with DuckDB's parser, its ML functions are fitted on the training rows, and the
result is plain SQL.
"""
