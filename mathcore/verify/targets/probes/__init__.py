"""Detectors: for each convention, calls whose answers show which value a target follows."""

from __future__ import annotations

from mathcore.verify.targets.probes.activations import OF_ACTIVATIONS
from mathcore.verify.targets.probes.attention import OF_ATTENTION, OF_MERGES
from mathcore.verify.targets.probes.probe import Detector, Probe
from mathcore.verify.targets.probes.rotations import OF_ROTATIONS
from mathcore.verify.targets.probes.rows import OF_ROWS
from mathcore.verify.targets.probes.training import adam_counts

DETECTORS: dict[str, dict[str, Detector]] = {
    **OF_ROWS,
    **OF_ROTATIONS,
    **OF_ACTIVATIONS,
    "scaled_dot_product_attention": OF_ATTENTION,
    "blockwise_attention": OF_ATTENTION,
    "merge_attention": OF_MERGES,
    "adam_step": {"adam_counts": adam_counts},
}
"""Operation → convention → detector, in the order in which they are asked."""

__all__ = ["DETECTORS", "Detector", "Probe"]
