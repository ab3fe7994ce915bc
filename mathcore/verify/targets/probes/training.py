"""Detectors of optimisers."""

from __future__ import annotations

from typing import Any

import numpy as np

from mathcore.verify.errors import NotTriedError
from mathcore.verify.targets.caller import Caller
from mathcore.verify.targets.probes.probe import Probe


def adam_counts(probe: Probe) -> tuple[Any, str]:
    """A first gradient in the second step, corrected by t = 2 or by t = 1, when the step is as long as its rate."""
    if "adam_init" not in probe.target.operations:
        raise NotTriedError("adam_init", "start of its state")
    call, found = Caller(probe.target, once=True), []
    for late in ("a", "b"):
        params = {name: probe.floats([1.0, 2.0]) for name in "ab"}
        state = call("adam_init", (params,), {})
        for names in ({"a", "b"} - {late}, {"a", "b"}):
            grads = {name: probe.floats([0.5, -0.5]) for name in sorted(names)}
            params, state = call("adam_step", (params, grads, state), {"rate": 0.25})
        found.append(float(1 - np.asarray(params[late], np.float64)[0]))
    length = (1 - 0.9) / (1 - 0.9**2) / np.sqrt((1 - 0.999) / (1 - 0.999**2))
    value = next((name for name, share in (("gradients", 1.0), ("steps", length))
                  if np.allclose(found, 0.25 * share, rtol=0.02)), None)  # fmt: skip
    return value, f"at a rate of 0.25, a first gradient in the second step makes a step of {found[0]:.4f}"
