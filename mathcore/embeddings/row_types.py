"""Ids as they are drawn."""

from __future__ import annotations

IDS = ("embedding", "embedding_vjp", "one_hot")
"""The operations that take ids."""
