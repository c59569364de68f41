"""Stored versions of models: the schema `_duckml` of a database and the macros that serve it.

Reads never change a database, and writes belong to the transaction that the caller has opened.
"""
