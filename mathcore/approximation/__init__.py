"""Nets of ReLU built by hand, and what they can do."""
