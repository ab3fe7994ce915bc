"""What the laws of every operation leave out where they are tried, by the id of the claim that a law makes."""

from __future__ import annotations

from collections.abc import Mapping

from mathcore.verify import Limits

LIMITS: Mapping[str, Limits] = {
    "best_score_table.layout_free": Limits(also=("the vectors themselves, of which the products are compared",)),
    "rope.any_width": Limits(also=("odd widths of which all turn, which have no pairs",)),
    "apply_rope.any_width": Limits(also=("odd widths of which all turn, which have no pairs",)),
    "rope_cos_sin.any_width": Limits(also=("odd widths, which have no pairs",)),
}
