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
    "best_score_table.layout_free": Limits(also=("the vectors themselves, of which the products are compared",)),
    "rope.any_width": Limits(also=("odd widths of which all turn, which have no pairs",)),
    "apply_rope.layout_free": Limits(fixed={"scale": "no coordinate overflows"}),
    "apply_rope.pure": Limits(fixed={"scale": "no coordinate overflows"}),
    "apply_rope.any_width": Limits(
        fixed={"scale": "no coordinate overflows"}, also=("odd widths of which all turn, which have no pairs",)
    ),
    "apply_rope.many_rows": Limits(fixed={"scale": "no coordinate overflows"}),
    "apply_rope.keeps_dtype": Limits(fixed={"scale": "no coordinate overflows"}),
    "cosine_similarity.layout_free": Limits(fixed={"scale": "no gradient overflows"}),
    "cosine_similarity.pure": Limits(fixed={"scale": "no gradient overflows"}),
    "cosine_similarity.any_width": Limits(fixed={"scale": "no gradient overflows"}),
    "cosine_similarity.many_rows": Limits(fixed={"scale": "no gradient overflows"}),
    "cosine_similarity.keeps_dtype": Limits(fixed={"scale": "no gradient overflows"}),
    "embedding.layout_free": Limits(fixed={"scale": "no sum overflows"}),
    "embedding.pure": Limits(fixed={"scale": "no sum overflows"}),
    "embedding.any_width": Limits(fixed={"scale": "no sum overflows"}),
    "embedding.many_rows": Limits(fixed={"scale": "no sum overflows"}),
    "embedding.keeps_dtype": Limits(fixed={"scale": "no sum overflows"}),
    "rope_cos_sin.any_width": Limits(also=("odd widths, which have no pairs",)),
}
