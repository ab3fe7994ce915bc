"""What must be true of a turn by given angles where they are zero: FAQ 19."""

from __future__ import annotations

from typing import Any

import numpy as np

from mathcore.positions import rope_mutants as wrong
from mathcore.positions.records import APPLY_ROPE
from mathcore.verify import Claim, Limits, Operations, equal

angle_zero = Claim(
    "apply_rope.angle_zero_changes_nothing",
    faq=19,
    statement="Where every angle is 0, `apply_rope` gives finite features back as they came, in every format: "
    "products with 1 and sums with 0 are exact.",
    formula=r"\cos = 1, \quad \sin = 0 \quad\Rightarrow\quad y = x",
    legend={"x": "the features", "y": "the result"},
    needs=("apply_rope",),
    limits=Limits(signs=("apply_rope.cos >= 0", "apply_rope.sin >= 0"), said=("finite",)),
    refuted_by=(wrong.angle_zero_is_padding, wrong.angles_never_zero),
)


@angle_zero.property(APPLY_ROPE.inputs(most=65))
def unturned_features_are_as_they_came(ops: Operations, x: Any, cos: Any, sin: Any, interleaved: bool) -> Any:
    return equal(ops.apply_rope(x, np.ones_like(cos), np.zeros_like(sin), interleaved=interleaved), x)
