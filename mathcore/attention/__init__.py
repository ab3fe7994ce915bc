"""Attention: one head, many, in blocks, word by word."""
