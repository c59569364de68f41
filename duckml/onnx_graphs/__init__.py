"""Conversion of fitted models to ONNX graphs, and of ONNX files from elsewhere.

A graph of duckml has one named input per feature and a manifest in its metadata.
"""
