"""The former address of the runner, which scripts beside the project use; it lives in `mathcore.verify.run`."""

from __future__ import annotations

from mathcore.verify.run.results import PROFILES
from mathcore.verify.run.runner import derived_seed, run_check

__all__ = ["PROFILES", "derived_seed", "run_check"]
