"""Tokenizers that others trained: their ids, from their files."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from mathcore._arrays import Array
from mathcore._files import json_values
from mathcore._scalars import flag, is_a
from mathcore.tokenizers._ids import _id_list
from mathcore.tokenizers.added_tokens import Finder
from mathcore.tokenizers.decoders import Decoder
from mathcore.tokenizers.parts import Parts, parts_of_gpt2, parts_of_json, parts_of_tiktoken


def load_tokenizer(
    path: str | os.PathLike[str], *, pattern: str | None = None, special_tokens: Mapping[str, int] | None = None
) -> Tokenizer:
    """The byte-pair tokenizer in files of Hugging Face, of GPT-2 or of tiktoken.

    Args:
        path: a `tokenizer.json`; a `vocab.json`, with its `merges.txt` beside it; a file of tiktoken, whose name ends
            in `.tiktoken` or `.model`; or a folder with the first of these that is there.
        pattern: what texts are cut by: "gpt2", "cl100k" (GPT-4, Llama-3), "qwen2", "o200k", or a regular expression.
            A `tokenizer.json` says it itself; a file of tiktoken never does; GPT-2's files mean "gpt2".
        special_tokens: the special tokens and their ids, where the files do not say them: `<|endoftext|>` alone of
            GPT-2's files, none of one of tiktoken.

    Returns:
        The tokenizer.

    Raises:
        TypeError: if `path` is no path, `pattern` not a string, or `special_tokens` not a mapping.
        ValueError: if the file is damaged, or asks for something that is not known here; the message names the file
            and what it is. Nothing is ignored that could change an id.
        ImportError: if texts are cut by a pattern with classes of Unicode, and the package `regex` is missing.
        OSError: if a file cannot be read.

    Examples:
        >>> import json
        >>> from pathlib import Path
        >>> from tempfile import TemporaryDirectory
        >>> model = {"type": "BPE", "vocab": {"l": 0, "o": 1, "lo": 2}, "merges": ["l o"]}
        >>> with TemporaryDirectory() as folder:
        ...     _ = Path(folder, "tokenizer.json").write_text(json.dumps({"model": model}))
        ...     mc.load_tokenizer(folder).encode("lolo")
        array([2, 2])
    """
    if pattern is not None and not isinstance(pattern, str):
        raise TypeError(f"`pattern` must be a string, got {type(pattern).__name__}")
    if special_tokens is not None and not isinstance(special_tokens, Mapping):
        raise TypeError(f"`special_tokens` must be a mapping of tokens to ids, got {type(special_tokens).__name__}")
    if not isinstance(path, (str, os.PathLike)):
        raise TypeError(f"`path` must be a path, got {type(path).__name__}")
    path = Path(path)
    if path.is_dir():
        path = next((path / name for name in _IN_FOLDERS if (path / name).exists()), path / _IN_FOLDERS[0])
    try:
        return Tokenizer(_parts(path, pattern, special_tokens))
    except ValueError as wrong:
        raise ValueError(f"{path} is not a tokenizer that is known here: {wrong}") from wrong


class Tokenizer:
    """A byte-pair tokenizer as a file describes it; `load_tokenizer` makes one.

    A text is encoded in this order: added tokens are found, what lies between them is normalised and cut into pieces,
    and in each piece the merge of lowest rank goes first until none applies. What it remembers of pieces that come
    again changes no answer. It can be pickled, as worker processes need it.

    Attributes:
        vocabulary: the bytes of every token; the id of a token is its index. None where no token has the id.
        special_tokens: the tokens that steer a model, and their ids.

    Examples:
        >>> end = {"id": 3, "content": "<end>", "special": True}
        >>> model = {"vocab": {"l": 0, "o": 1, "lo": 2}, "merges": ["l o"], "unk_token": "o"}
        >>> low = mc.Tokenizer.from_json({"model": model, "added_tokens": [end]})
        >>> low.vocabulary, dict(low.special_tokens)
        ((b'l', b'o', b'lo', b'<end>'), {'<end>': 3})

    Source:
        Sennrich, Haddow & Birch, arXiv:1508.07909; bytes: Radford et al., Language Models are Unsupervised Multitask
        Learners (2019), §2.2; bytes where a character is unknown: Kudo & Richardson, arXiv:1808.06226.
    """

    vocabulary: tuple[bytes | None, ...]
    special_tokens: Mapping[str, int]

    def __init__(self, parts: Parts) -> None:
        self._parts = is_a("parts", parts, Parts)
        as_they_stand = [(token.content, token) for token in parts.added if not token.normalized]
        in_normal_form = [(parts.normalise(token.content), token) for token in parts.added if token.normalized]
        self._as_they_stand, self._in_normal_form = Finder(as_they_stand), Finder(in_normal_form)
        self.special_tokens = MappingProxyType({token.content: token.id for token in parts.added if token.special})
        self._special_ids = frozenset(self.special_tokens.values())
        contents, firsts = (_contents(parts, first=first) for first in (False, True))
        self.vocabulary = tuple(contents.get(i) for i in range(1 + max(contents, default=-1)))
        self._firsts = {i: content for i, content in firsts.items() if content != contents[i]}

    def __reduce__(self) -> tuple[Any, ...]:
        """The parts, from which the rest is made again."""
        return type(self), (self._parts,)

    @classmethod
    def from_json(cls, content: Any) -> Tokenizer:
        """The tokenizer that the values of a `tokenizer.json` describe.

        Raises:
            ValueError: for anything that is not known here; the message names it.
            ImportError: if a pattern needs the package `regex`, which is missing.

        Examples:
            >>> mc.Tokenizer.from_json({"model": {"type": "Unigram"}})
            Traceback (most recent call last):
            ValueError: model of type 'Unigram' is not known here; known is BPE
        """
        return cls(parts_of_json(content))

    @property
    def vocabulary_size(self) -> int:
        """1 + the largest id: how many rows an embedding of these tokens has.

        Examples:
            >>> mc.Tokenizer.from_json({"model": {"vocab": {"a": 0, "b": 1}, "merges": []}}).vocabulary_size
            2
        """
        return len(self.vocabulary)

    def encode(
        self, text: str, *, add_special_tokens: bool = True, allowed_special: Literal["all"] | Collection[str] = ()
    ) -> Array:
        """The ids of `text`, with those that the file puts around a text.

        Args:
            text: any string, lone surrogates included.
            add_special_tokens: whether the ids are put around it that the file asks for, such as one where it begins.
            allowed_special: the special tokens that count in `text`, or "all", as in `tokenizers`. Others are read as
                the ordinary text that they look like, so that a text from elsewhere cannot steer a model.

        Returns:
            (tokens,), integers.

        Raises:
            TypeError: if `text` is not a string, or `allowed_special` not a collection.
            ValueError: if something in `allowed_special` is no special token, and if a character has no token while
                the file says nothing of unknown ones (`tokenizers` leaves them out).

        Examples:
            >>> end = {"id": 3, "content": "<l>", "special": True}
            >>> model = {"vocab": {"<": 0, "l": 1, ">": 2}, "merges": []}
            >>> tokenizer = mc.Tokenizer.from_json({"model": model, "added_tokens": [end]})
            >>> tokenizer.encode("l<l>"), tokenizer.encode("l<l>", allowed_special="all")
            (array([1, 0, 1, 2]), array([1, 3]))
        """
        if not isinstance(text, str):
            raise TypeError(f"`text` must be a string, got {type(text).__name__}")
        before, after = self._parts.template if flag("add_special_tokens", add_special_tokens) else ((), ())
        ids = self._ids_of(text, self._allowed(allowed_special))
        return np.array([*before, *ids, *after], np.intp)

    def decode(self, ids: npt.ArrayLike, *, skip_special_tokens: bool = True, errors: str = "surrogatepass") -> str:
        """The text of `ids`.

        `decode(encode(text))` is `text` where neither a normaliser nor an added token takes away white space or writes
        one thing for another; a `▁` in a text of SentencePiece's kind comes back as a space.

        Args:
            ids: (tokens,), integers.
            skip_special_tokens: whether special tokens are left out.
            errors: what to do with bytes that are no UTF-8, as in `bytes.decode`; "replace" for ids that a model made.

        Returns:
            A string.

        Raises:
            TypeError: if `ids` are not integers.
            IndexError: if an id is that of no token; the message names it.
            UnicodeDecodeError: if the bytes are no UTF-8 and `errors` does not say otherwise.

        Examples:
            >>> model = {"vocab": {"l": 0, "o": 1, "lo": 2}, "merges": ["l o"]}
            >>> mc.Tokenizer.from_json({"model": model, "decoder": {"type": "Fuse"}}).decode([2, 2])
            'lolo'
        """
        kept = _id_list(ids, len(self.vocabulary))
        is_a("errors", errors, str)
        if flag("skip_special_tokens", skip_special_tokens) and self._special_ids:
            kept = [i for i in kept if i not in self._special_ids]
        contents = [self.vocabulary[i] for i in kept]
        if None in contents:
            raise IndexError(f"no token has the id {kept[contents.index(None)]}")
        if kept and kept[0] in self._firsts:
            contents[0] = self._firsts[kept[0]]
        decoder = self._parts.decoder
        return decoder.stripped(decoder.between.join(contents).decode("utf-8", errors))  # type: ignore[arg-type]

    def _allowed(self, allowed_special: Any) -> Collection[str]:
        if isinstance(allowed_special, str):
            if allowed_special != "all":
                raise ValueError(f"`allowed_special` must be 'all' or a collection, got {allowed_special!r}")
            return self.special_tokens.keys()
        if not isinstance(allowed_special, Collection) or isinstance(allowed_special, np.ndarray):
            raise TypeError(f"`allowed_special` must be 'all' or a collection, got {type(allowed_special).__name__}")
        for token in allowed_special:
            if not isinstance(token, str) or token not in self.special_tokens:
                raise ValueError(f"`allowed_special` must hold special tokens, got {token!r}")
        return allowed_special

    def _ids_of(self, text: str, allowed: Collection[str]) -> Iterable[int]:
        ids: list[int] = []
        for token, raw, start in self._as_they_stand.split(text, allowed):
            if token is not None:
                ids.append(token)
                continue
            for inner, part, place in self._in_normal_form.split(self._parts.normalise(raw), allowed):
                if inner is not None:
                    ids.append(inner)
                else:
                    pieces = self._parts.pre_tokenizer.pieces(part, first=start == place == 0)
                    ids.extend(self._parts.model.encode(pieces))
        return ids


_IN_FOLDERS = ("tokenizer.json", "vocab.json")


def _parts(path: Path, pattern: str | None, special_tokens: Mapping[str, int] | None) -> Parts:
    if path.suffix in (".tiktoken", ".model"):
        if pattern is None:
            raise ValueError("the file does not say what texts are cut by: pass `pattern`")
        return parts_of_tiktoken(path.read_bytes(), pattern, special_tokens)
    if path.name.endswith("vocab.json"):
        merges = path.with_name(path.name.removesuffix("vocab.json") + "merges.txt")
        vocabulary = json_values(path.read_bytes())
        return parts_of_gpt2(vocabulary, merges.read_text("utf-8"), pattern or "gpt2", special_tokens)
    if pattern is not None or special_tokens is not None:
        raise ValueError("`pattern` and `special_tokens` are not for a tokenizer.json, which says them itself")
    return parts_of_json(json_values(path.read_bytes()))


def _contents(parts: Parts, *, first: bool) -> dict[int, bytes]:
    """Id → the bytes of a token; those of an added token are its content, also where the others are named by bytes."""
    contents = {i: parts.decoder.content(name, first) for name, i in parts.names.items()}
    plain = Decoder() if parts.decoder.of_bytes else parts.decoder
    for token in parts.added:
        content = parts.normalise(token.content) if token.normalized else token.content
        contents[token.id] = plain.content(content, first)
    return contents
