"""Training: from the rows of a query to a fitted model with its metrics and warnings.

Rows are checked, ordered by hash, split, transformed and fitted with scikit-learn.
"""
