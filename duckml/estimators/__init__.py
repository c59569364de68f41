"""Estimators that SQL can name, and the values of a trained model.

Training fits them, onnx_graphs converts them and the registry stores their description.
"""
