"""The laws of gates and of the gated MLP."""

from __future__ import annotations

from mathcore.layers import gated_mutants as wrong
from mathcore.layers.gated_records import GATED_MLP, GATED_MLP_VJP, GEGLU, GEGLU_VJP, SWIGLU, SWIGLU_VJP
from mathcore.verify import laws

of_gates = (
    *laws.every_law(SWIGLU, SWIGLU_VJP),
    *laws.every_law(GEGLU, GEGLU_VJP),
    laws.defaults(SWIGLU, SWIGLU_VJP, alpha=(1.0, 1.702), beta=(0.0, 1.0), limit=(None, 1.5)),
    laws.defaults(GEGLU, GEGLU_VJP, approximate=("none", "tanh")),
    *laws.every_law(
        GATED_MLP,
        GATED_MLP_VJP,
        any_width=(wrong.last_unit_lost,),
        rows_are_independent=(wrong.rows_touch,),
    ),
    laws.defaults(GATED_MLP, GATED_MLP_VJP, activation=("silu", "gelu"), beta=(0.0, 1.0)),
)
