"""Tokenizers: words, and byte pairs."""
