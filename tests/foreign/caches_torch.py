"""Packed documents, pages and windows in PyTorch, as people write them."""

import torch
import torch.nn.functional as F  # noqa: N812  (everybody's name for it)

from mathcore.verify import Conventions, Restrictions, Target
from tests.foreign.attention_torch import every_option


def packed_by_mask(query, key, value, cu_seqlens, *, is_causal=False, scale=None):
    """One call with a block-diagonal mask, as where there is no kernel for variable lengths."""
    places = torch.arange(query.shape[-2])
    ids = torch.searchsorted(cu_seqlens[1:].contiguous(), places, right=True)
    mask = ids[:, None] == ids
    if is_causal:
        mask = mask & (places <= places[:, None])
    return every_option(query, key, value, mask=mask, scale=scale)


def packed_one_by_one(query, key, value, cu_seqlens, *, is_causal=False, scale=None):
    """Split, attend, and put side by side."""
    sizes = cu_seqlens.diff().tolist()
    parts = zip(*(x.split(sizes, dim=-2) for x in (query, key, value)), strict=True)
    out = [
        F.scaled_dot_product_attention(
            q, k, v, is_causal=is_causal, scale=scale, enable_gqa=q.ndim > 2 and q.shape[-3] != k.shape[-3]
        )
        for q, k, v in parts
        if q.shape[-2]
    ]
    return torch.cat(out, dim=-2)


def paged(query, key_pages, value_pages, block_table, lengths, *, is_causal=True, scale=None):
    """Pages gathered by their table, as a reference for a kernel is written."""
    out = torch.empty(*query.shape[:-1], value_pages.shape[-1], dtype=query.dtype)
    for text, length in enumerate(lengths.tolist()):
        pages = block_table[text, : -(-length // key_pages.shape[-2])].long()
        k, v = (x[pages].transpose(0, 1).flatten(1, 2)[:, :length] for x in (key_pages, value_pages))
        offset = length - query.shape[-2]
        out[text] = every_option(query[text], k, v, is_causal=is_causal, query_offset=offset, scale=scale)
    return out


class Pages:
    """A pool of pages that is written in place, free pages handed out from its end, and a table."""

    def __init__(self, page_size):
        self.size, self.length, self.table, self.pools = page_size, 0, [], None

    def __len__(self):
        return self.length

    def append(self, key, value):
        if self.pools is None:
            self.pools = [
                torch.full((64, *x.shape[:-2], self.size, x.shape[-1]), 1e3, dtype=x.dtype) for x in (key, value)
            ]
        for t in range(key.shape[-2]):
            block, place = divmod(self.length, self.size)
            if block == len(self.table):
                self.table.append(63 - block)
            for pool, x in zip(self.pools, (key, value), strict=True):
                pool[self.table[block]][..., place, :] = x[..., t, :]
            self.length += 1
        return self

    def attend(self, query, *, mask=None, bias=None, is_causal=True, scale=None):
        k, v = (torch.cat([pool[page] for page in self.table], dim=-2)[..., : self.length, :] for pool in self.pools)
        offset = self.length - query.shape[-2]
        return every_option(query, k, v, mask=mask, bias=bias, is_causal=is_causal, query_offset=offset, scale=scale)


class Window:
    """The last keys alone, cut after each append to what the oldest of the new queries sees."""

    def __init__(self, window, key=None, value=None, length=0):
        self.window, self.key, self.value, self.length = window, key, value, length

    def __len__(self):
        return self.length

    def append(self, key, value):
        new, last = key.shape[-2], self.window - 1
        if self.key is not None:
            held = (x[..., max(x.shape[-2] - last, 0) :, :] for x in (self.key, self.value))
            key, value = (torch.cat(pair, dim=-2) for pair in zip(held, (key, value), strict=True))
        return Window(self.window, key, value, self.length + new)

    def attend(self, query, *, mask=None, bias=None, is_causal=True, scale=None):
        held, rows = self.key.shape[-2], query.shape[-2]
        places = torch.arange(held) - (held - rows)
        near = places > torch.arange(rows)[:, None] - self.window
        mask, bias = (x if x is None or x.shape[-1] == 1 else x[..., -held:] for x in (mask, bias))
        near = near if mask is None else near & mask
        return every_option(
            query,
            self.key,
            self.value,
            mask=near,
            bias=bias,
            is_causal=is_causal,
            query_offset=held - rows,
            scale=scale,
        )


LAX = Conventions(errors="none")
WIDE = ("float64", "float32")
TARGETS = (
    Target.torch("packed documents, torch, mask", packed_attention=packed_by_mask, dtypes="float32", conventions=LAX,
                 restrictions=Restrictions(finite=True)),
    Target.torch("packed documents, torch, one by one", packed_attention=packed_one_by_one, dtypes=WIDE,
                 conventions=LAX),
    Target.torch("pages, torch", paged_attention=paged, PagedKeyValueCache=Pages, dtypes="float32", conventions=LAX),
    Target.torch("window, torch", RotatingKeyValueCache=Window, dtypes="float32", conventions=LAX),
)  # fmt: skip
