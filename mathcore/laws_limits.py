"""What the laws of every operation leave out where they are tried, by the id of the claim that a law makes."""

from __future__ import annotations

from collections.abc import Mapping

from mathcore.verify import Limits

_FINITE = Limits(fixed={"scale": "nothing overflows"})

LIMITS: Mapping[str, Limits] = {
    "linear.any_width": _FINITE,
    "linear.layout_free": _FINITE,
    "linear.keeps_dtype": _FINITE,
    "linear.many_rows": _FINITE,
}
