"""scikit-learn: what its models compute probabilities and distances with."""

from __future__ import annotations

from typing import Any

from sklearn.utils import extmath

from mathcore.verify import Conventions, Restrictions, Target
from mathcore.verify.errors import NotTriedError

PACKAGES = ("scikit-learn",)
NAMES = {
    "softmax": "sklearn.utils.extmath.softmax",
}


def softmax(x: Any) -> Any:
    if x.ndim != 2:
        raise NotTriedError("softmax", "arrays of other than 2 axes")
    return extmath.softmax(x)


TARGET = Target.numpy(
    "scikit-learn",
    softmax=softmax,
    dtypes=("float64", "float32"),
    restrictions=Restrictions(min_width=1),  # an empty axis is an error of NumPy's max
    conventions=Conventions(softmax_of_nothing="nan"),
)
