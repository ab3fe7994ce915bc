"""Byte pairs: learned and merged in plain Python, merged by the model of `tokenizers`, and as read from a file."""

import itertools
import json
import re
import zlib
from collections import Counter
from pathlib import Path

import numpy as np
from tokenizers.models import BPE

from mathcore import Tokenizer
from mathcore.tokenizers.decoders import printable
from mathcore.verify import Target

PIECES = re.compile(r" ?[^\W\d_]+| ?\d+| ?(?:[^\s\w]|_)+|\s+(?!\S)|\s+")


def pieces(text):
    return [piece.encode("utf-8", "surrogatepass") for piece in PIECES.findall(text)]


def replaced(ids, pair, new):
    out, i = [], 0
    while i < len(ids):
        both = tuple(ids[i : i + 2]) == pair
        out.append(new if both else ids[i])
        i += 1 + both
    return out


def learn(text, num_merges):
    """The most frequent pair, again and again, as in the paper."""
    if num_merges < 0:
        raise ValueError(f"num_merges is {num_merges}")
    words, merges = [(list(piece), n) for piece, n in Counter(pieces(text)).items()], []
    while len(merges) < num_merges:
        pairs = Counter()
        for ids, n in words:
            for pair in itertools.pairwise(ids):
                pairs[pair] += n
        best = min(pairs, key=lambda pair: (-pairs[pair], pair), default=None)
        if best is None or pairs[best] < 2:
            break
        words = [(replaced(ids, best, 256 + len(merges)), n) for ids, n in words]
        merges.append(best)
    return merges


class Plain:
    """As minbpe does it."""

    def __init__(self, merges):
        self.merges = [tuple(pair) for pair in merges]
        self.vocabulary = [bytes([i]) for i in range(256)]
        for left, right in self.merges:
            self.vocabulary.append(self.vocabulary[left] + self.vocabulary[right])

    @classmethod
    def train(cls, text, num_merges):
        return cls(learn(text, num_merges))

    def merged(self, piece):
        ids = list(piece)
        for rank, pair in enumerate(self.merges):
            ids = replaced(ids, pair, 256 + rank)
        return ids

    def encode(self, text):
        return np.array([i for piece in pieces(text) for i in self.merged(piece)], np.int64)

    def decode(self, ids, errors="surrogatepass"):
        if min(ids, default=0) < 0:
            raise IndexError("ids begin at 0")
        return b"".join(self.vocabulary[i] for i in ids).decode("utf-8", errors)

    def save(self, path):
        content = json.dumps(self.merges)
        Path(path).write_text(json.dumps({"merges": content, "crc": zlib.crc32(content.encode())}))

    @classmethod
    def load(cls, path):
        try:
            saved = json.loads(Path(path).read_bytes())
            if saved["crc"] != zlib.crc32(saved["merges"].encode()):
                raise ValueError("wrong checksum")
            return cls(json.loads(saved["merges"]))
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as wrong:
            raise ValueError(f"{path} is no tokenizer: {wrong}") from wrong


class Fast(Plain):
    """The merges are replayed by the model of `tokenizers`, where bytes are characters."""

    def __init__(self, merges):
        super().__init__(merges)
        named = [token.decode("latin-1") for token in self.vocabulary]
        vocab = {name: i for i, name in enumerate(named)}
        self.model = BPE(vocab, [(named[left], named[right]) for left, right in self.merges])

    def merged(self, piece):
        return [token.id for token in self.model.tokenize(piece.decode("latin-1"))]


class FromFile(Plain):
    """The merges are replayed by mathcore's reader of a `tokenizer.json`, which names a token by its bytes alone."""

    def __init__(self, merges):
        super().__init__(merges)
        named = [printable(token.decode("latin-1")) for token in self.vocabulary]
        content = {
            "model": {
                "vocab": {name: i for i, name in enumerate(named)},
                "merges": [[named[left], named[right]] for left, right in self.merges],
            },
            "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": False, "use_regex": False},
        }
        self.uncut = Tokenizer.from_json(content) if len(set(named)) == len(named) else None

    def merged(self, piece):
        if self.uncut is None:  # two ways to the same bytes
            return super().merged(piece)
        return self.uncut.encode(piece.decode("utf-8", "surrogatepass")).tolist()


TARGETS = (
    Target.numpy("byte pairs, Python", byte_pair_tokenizer=Plain.train, load_byte_pair_tokenizer=Plain.load),
    Target.numpy("byte pairs, file", byte_pair_tokenizer=FromFile.train, load_byte_pair_tokenizer=FromFile.load),
    Target.numpy("byte pairs, tokenizers", byte_pair_tokenizer=Fast.train, load_byte_pair_tokenizer=Fast.load),
)  # fmt: skip
