"""The engines that compute predictions, and the choice between them.

An engine registers the SQL functions that the macros of models call: the native engine as a DuckDB
extension, the Python engine as Arrow functions over onnxruntime.
"""
