"""One BLAS thread a process: the tests already use every core, and threads on top only fight."""

import os

for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")

if os.environ.get("MATHCORE_VERIFIED"):  # `mathcore verify` has run them with the same seed
    collect_ignore = ["test_claims.py"]
