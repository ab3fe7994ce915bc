"""What the laws of every operation leave out where they are tried, by the id of the claim that a law makes."""

from __future__ import annotations

from collections.abc import Mapping

from mathcore.verify import Limits

LIMITS: Mapping[str, Limits] = {}
