"""The statements of duckml that run: one module for each, given a connection and its text.

They use the registry, training and the engines; the connection only dispatches to them.
"""
