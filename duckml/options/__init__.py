"""The options of statements: from names and values to checked dataclasses.

One table lists the options of CREATE MODEL, and one module the names of BigQuery ML.
"""
