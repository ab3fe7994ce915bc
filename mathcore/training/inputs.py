"""A predictor of neighbours and a few pairs."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from mathcore.verify import Target, domain, draw_array
from mathcore.verify.domains import Draw, draw_integers


# What is drawn: a predictor of neighbours and a few pairs.
@domain
def predictors(
    draw: Draw, target: Target, *, dtype: str | None = None, most: int = 8, pairs: int = 9, large: bool = False
) -> dict[str, Any]:
    """Vectors and weight vectors of one scale, and pairs of words with their neighbours; a few are `large`."""
    vocabulary, width, count = draw(st.integers(1, most)), draw(st.integers(1, 4)), draw(st.integers(1, pairs))
    if large and draw(st.integers(0, 9)) == 9:
        vocabulary, width, count = 18, draw(st.sampled_from([3, 33])), 20
    name = dtype or draw(st.sampled_from([d for d in target.dtypes if d in ("float64", "float32")]))
    # Multiples of 2⁻²⁰, so that the small steps of finite differences are exact.
    sizes = st.sampled_from([2.0**-4, 1.0, 4.0])
    values = [draw_array(draw, (vocabulary, width), "float64", (s := draw(sizes), s)) for _ in range(2)]
    e, w = (np.round(v * 2**14).astype(name) / np.dtype(name).type(2**14) for v in values)
    words, neighbours = abs(draw_integers(draw, (2, count), 10**6)) % vocabulary
    return {"params": {"embedding": e, "output": w.T}, "words": words, "neighbours": neighbours}
