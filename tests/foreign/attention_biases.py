"""ALiBi and T5's buckets in transformers."""

import torch
from transformers.models.bloom.modeling_bloom import build_alibi_tensor
from transformers.models.mpt.modeling_mpt import build_mpt_alibi_tensor
from transformers.models.t5.modeling_t5 import T5Attention

from mathcore.verify import Conventions, Target


def bloom_slopes(num_heads):
    """What the second of two words gets beyond the first."""
    return build_alibi_tensor(torch.ones(1, 2), num_heads, torch.float32)[:, 0, 1]


def mpt_slopes(num_heads):
    """The last word gets 0, the one before a slope less."""
    return -build_mpt_alibi_tensor(num_heads, 2).reshape(num_heads, 2)[:, 0]


def bias_by_bloom(num_heads, queries, keys=None, *, query_offset=0):
    places = torch.arange(queries)[:, None] + query_offset - torch.arange(queries if keys is None else keys)
    return -bloom_slopes(num_heads)[:, None, None] * places.abs()


LAX = Conventions(errors="none")
TARGETS = (
    Target.torch("ALiBi of Bloom, transformers", alibi_slopes=bloom_slopes, alibi_bias=bias_by_bloom, conventions=LAX),
    Target.torch("ALiBi of MPT, transformers", alibi_slopes=mpt_slopes, conventions=LAX),
    Target.torch("buckets of T5, transformers", conventions=LAX,
                 t5_relative_position_bucket=T5Attention._relative_position_bucket),
)  # fmt: skip
