"""Layers: linear, ReLU, low rank."""
