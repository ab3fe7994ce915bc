"""Tokenizers."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Any

import numpy as np

from mathcore.tokenizers.byte_pairs_mutants import Changed
from mathcore.verify.claims import mutant
from mathcore.verify.real_bugs import real_bug


@real_bug(
    mutant("byte_pair_tokenizer", wraps=True),
    claim="bpe.lossless",
    reports="""
    huggingface/transformers #46491 (2026)
    huggingface/transformers #47487 (2026)
    rasbt/LLMs-from-scratch PR#1069 (2026) merged
    """,
)
def space_stripped_in_decoding(correct: Any) -> Any:
    """Strips a space from the beginning of what it decodes."""

    def train(text: str, num_merges: int) -> Any:
        tokenizer = correct(text, num_merges)
        return Changed(tokenizer, decode=lambda ids, **how: re.sub("^ ", "", tokenizer.decode(ids, **how)))

    return train


@real_bug(
    mutant("byte_pair_tokenizer", wraps=True),
    claim="bpe.merges_by_rank",
    reports="""
    rasbt/LLMs-from-scratch #558 (2025)
    ggml-org/llama.cpp #167 (2023)
    ggml-org/llama.cpp #3502 (2023)
    ggml-org/llama.cpp #4772 (2024)
    """,
)
def merged_from_the_left(correct: Any) -> Any:
    """Merges from left to right, whatever was learned first: other ids that decode to the same text."""

    def train(text: str, num_merges: int) -> Any:
        tokenizer = correct(text, num_merges)
        ranks = {tuple(pair): rank for rank, pair in enumerate(tokenizer.merges)}

        def merged(word: str) -> list[int]:
            ids = list(word.encode("utf-8", "surrogatepass"))
            while places := [i for i, pair in enumerate(pairwise(ids)) if pair in ranks]:
                i = places[0]
                ids[i : i + 2] = [256 + ranks[ids[i], ids[i + 1]]]
            return ids

        def encode(text: str) -> Any:
            words = re.findall(r" ?\S+|\s+", text) if text.isascii() else [text]
            return np.array([i for word in words for i in merged(word)], dtype=np.intp)

        return Changed(tokenizer, encode=encode)

    return train
