"""Wrong negative log-likelihoods."""

from __future__ import annotations

from typing import Any

import numpy as np

from mathcore.verify.common_mutants import family


@family
def likelihood_uphill(correct: Any) -> Any:
    """Forgets the minus."""
    return lambda *arrays, **options: -correct(*arrays, **options)


@family
def likelihood_of_all_rows(correct: Any) -> Any:
    """Divides a mean by the number of all rows."""

    def wrong(*arrays: Any, **options: Any) -> Any:
        answer = correct(*arrays, **options)
        ids, weight, ignored = arrays[-1], options.get("weight"), options.get("ignore_index")
        if options.get("reduction", "mean") != "mean":
            return answer
        counted = ids[ids != ignored] if ignored is not None else ids
        total = counted.size if weight is None else weight.astype(np.float64)[counted].sum()
        return np.asarray(answer * (total / max(ids.size, 1))).astype(answer.dtype)

    return wrong
