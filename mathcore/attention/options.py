"""The arguments of attention by name, and its options."""

from __future__ import annotations

from typing import Any

Case = dict[str, Any]


ARRAYS = ("query", "key", "value")
