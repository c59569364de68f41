"""Conversion between fitted models and ONNX graphs, and from ONNX graphs to plain SQL.

A graph of duckml has one named input per feature and a manifest in its metadata.
"""
