"""SciPy: the functions of `scipy.special`."""

from __future__ import annotations

from scipy import special

from mathcore.verify import Conventions, Restrictions, Target

PACKAGES = ("scipy",)
NAMES = {
    "softmax": "scipy.special.softmax",
    "log_softmax": "scipy.special.log_softmax",
    "logsumexp": "scipy.special.logsumexp",
}
TARGET = Target.numpy(
    "SciPy",
    softmax=special.softmax,
    log_softmax=special.log_softmax,
    logsumexp=special.logsumexp,
    dtypes=("float64", "float32"),
    restrictions=Restrictions(min_width=1),  # an empty axis is an error of NumPy's max
    conventions=Conventions(errors="none", softmax_of_nothing="nan"),
)
