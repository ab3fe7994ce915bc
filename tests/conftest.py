"""One BLAS thread a process: the tests already use every core, and threads on top only fight."""

import os

for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")

if os.environ.get(
    "MATHCORE_VERIFIED"
):  # by `mathcore verify`, with the same seed: set where both run one after the other
    collect_ignore = ["test_claims.py"]
