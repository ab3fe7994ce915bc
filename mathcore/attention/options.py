"""The arguments of attention by name, under the address that `law_claims` knows."""

from mathcore.attention.textbook import ARRAYS, Case

__all__ = ["ARRAYS", "Case"]
