"""What the laws leave out where they are tried on functions of a model, whose arguments are no arrays of rows."""

from __future__ import annotations

from collections.abc import Mapping

from mathcore.verify.limits import SHORT_FORMATS, Limits

_SMALL = Limits(("rope_base",), SHORT_FORMATS, rows=8, width=8)

LIMITS: Mapping[str, Limits] = {
    "generate.defaults": Limits(("rope_base", "temperature"), SHORT_FORMATS, rows=8, width=8),
    "init_transformer.defaults": Limits(("dtype",)),
    **dict.fromkeys(
        ("transformer.defaults", "transformer_gradient.defaults", "transformer_loss.defaults"),
        _SMALL,
    ),
    "transformer.many_rows": Limits(
        ("rope_base",), ("float16", "bfloat16"), rows=8, width=8, also=("a model without layers",)
    ),
    "transformer_step.defaults": Limits(("caches", "rope_base"), SHORT_FORMATS, rows=8, width=8),
    "transformer_vjp.defaults": Limits(("rope_base",), SHORT_FORMATS, width=8),
}
