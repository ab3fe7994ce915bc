"""The ids of loaded tokenizers are those of `tokenizers` and of tiktoken, on text in more than 30 scripts.

0.1 MB for each tokenizer; MATHCORE_TOKENIZER_MB=20 gives each 20 MB, and `-s` shows how long both took, in CPU seconds
of one thread.
"""

import base64
import json
import os
import sys
import time

import pytest

import mathcore as mc
from mathcore.tokenizers.decoders import byte_symbols
from mathcore.tokenizers.patterns import PATTERNS
from tests.unicode_text import SCRIPTS, characters, documents

os.environ["TOKENIZERS_PARALLELISM"], os.environ["RAYON_NUM_THREADS"] = "false", "1"
hf = pytest.importorskip("tokenizers", reason="needs tokenizers: pip install -e '.[frameworks]'")
pytest.importorskip("regex", reason="needs regex: pip install -e '.[tokenizers]'")

MEGABYTES = float(os.environ.get("MATHCORE_TOKENIZER_MB", "0.1"))
MERGED = int(300 + 400 * MEGABYTES**0.9)
SPECIAL = ("<unk>", "<s>", "</s>", "<|endoftext|>")
ADDED = ("<tool>", "Added", "\n\n\n")


def byte_level(split=None, **options):
    cuts = hf.pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=split is None, **options)
    if split is None:
        return cuts
    return hf.pre_tokenizers.Sequence([hf.pre_tokenizers.Split(hf.Regex(split), "isolated"), cuts])


D, N, P = hf.decoders, hf.normalizers, hf.pre_tokenizers
TO_SPACES = D.Sequence([D.Replace("▁", " "), D.ByteFallback(), D.Fuse(), D.Strip(" ", 1, 0)])
KINDS = {
    "gpt2": {"pre_tokenizer": byte_level(), "decoder": D.ByteLevel()},
    "gpt2, spaces before": {"pre_tokenizer": P.ByteLevel(), "decoder": D.ByteLevel(), "normalizer": N.Lowercase()},
    "llama3": {"pre_tokenizer": byte_level(PATTERNS["cl100k"]), "decoder": D.ByteLevel()},
    "qwen2": {"pre_tokenizer": byte_level(PATTERNS["qwen2"]), "decoder": D.ByteLevel(), "normalizer": N.NFC()},
    "gpt4o": {"pre_tokenizer": byte_level(PATTERNS["o200k"]), "decoder": D.ByteLevel()},
    "metaspace": {"pre_tokenizer": P.Metaspace(), "decoder": D.Metaspace(), "normalizer": N.NFKC()},
    "llama2": {"normalizer": N.Sequence([N.Prepend("▁"), N.Replace(" ", "▁")]), "decoder": TO_SPACES},
}


def trained(kind):
    """A tokenizer of `tokenizers`, trained on such text, with special and added tokens."""
    parts = KINDS[kind]
    of_bytes = isinstance(parts["decoder"], D.ByteLevel)
    options = {} if of_bytes else {"byte_fallback": True, "unk_token": "<unk>", "fuse_unk": True}
    tokenizer = hf.Tokenizer(hf.models.BPE(**options))
    # A text without cuts cannot be trained on as it is: its words are learned by Metaspace.
    learned = {"pre_tokenizer": P.Metaspace()} if kind == "llama2" else parts
    tokenizer.pre_tokenizer = learned["pre_tokenizer"]
    trainer = hf.trainers.BpeTrainer(
        vocab_size=len(SPECIAL) + 256 + MERGED * (1 if of_bytes else 4),
        special_tokens=list(SPECIAL),
        initial_alphabet=P.ByteLevel.alphabet() if of_bytes else [],
        limit_alphabet=MERGED,
        show_progress=False,
    )
    tokenizer.train_from_iterator(documents(max(0.1, MEGABYTES / 20), seed=1), trainer)
    if not of_bytes:
        tokenizer = with_bytes(tokenizer)
    for name, part in parts.items():
        setattr(tokenizer, name, part)
    if kind == "llama2":
        tokenizer.pre_tokenizer = None
    tokenizer.post_processor = hf.processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 1), ("</s>", 2)]
    )
    tokenizer.add_tokens(
        [
            hf.AddedToken("<tool>", lstrip=True, rstrip=True, normalized=False),
            hf.AddedToken("Added", single_word=True, normalized=True),
            hf.AddedToken("\n\n\n", normalized=False),
        ]
    )
    return tokenizer


def with_bytes(tokenizer):
    content = json.loads(tokenizer.to_str())
    vocabulary = content["model"]["vocab"]
    for byte in range(256):
        vocabulary.setdefault(f"<0x{byte:02X}>", len(vocabulary))
    return hf.Tokenizer.from_str(json.dumps(content))


def compared(texts, theirs, ours):
    """How many ids, how many texts differ, and how often ours takes the CPU seconds of theirs."""
    ids, different, seconds = 0, [], [0.0, 0.0]
    for text in texts:
        start = time.process_time()
        right = theirs(text)
        middle = time.process_time()
        found = ours(text)
        seconds[0] += middle - start
        seconds[1] += time.process_time() - middle
        ids += len(right)
        if found.tolist() != right:
            different.append(text)
    return ids, different, seconds


def shown(name, ids, different, seconds):
    ratio = seconds[1] / seconds[0]
    sys.stdout.write(f"{name}: {ids} ids, {len(different)} texts differ, {seconds[1]:.2f} s, {ratio:.2f} × theirs\n")


def test_there_are_30_scripts():
    assert set(characters()) == set(SCRIPTS)
    assert len(SCRIPTS) >= 30


@pytest.mark.parametrize("kind", KINDS)
def test_ids_are_those_of_tokenizers(kind, tmp_path):
    theirs = trained(kind)
    theirs.save(str(tmp_path / "tokenizer.json"))
    ours = mc.load_tokenizer(tmp_path)
    found = compared(
        documents(MEGABYTES, extra=(*SPECIAL, *ADDED)),
        lambda text: theirs.encode(text).ids,
        lambda text: ours.encode(text, allowed_special="all"),
    )
    shown(kind, *found)
    assert found[1] == []
    for text in documents(MEGABYTES / 20, extra=(*SPECIAL, *ADDED), seed=2):
        theirs.encode_special_tokens = True
        right = theirs.encode(text, add_special_tokens=False).ids
        assert ours.encode(text, add_special_tokens=False).tolist() == right
        decoded = theirs.decode(right, skip_special_tokens=False)
        assert ours.decode(right, skip_special_tokens=False, errors="replace") == decoded


@pytest.mark.parametrize("pattern", ["gpt2", "cl100k", "o200k"])
def test_ids_are_those_of_tiktoken(pattern, tmp_path):
    tiktoken = pytest.importorskip("tiktoken", reason="needs tiktoken: pip install -e '.[frameworks]'")
    vocabulary = trained("llama3").get_vocab(with_added_tokens=False)
    ranks = {byte_symbols(t).encode("latin-1"): i for t, i in vocabulary.items() if t not in SPECIAL}
    special = {token: vocabulary[token] for token in SPECIAL}
    lines = (b"%s %d\n" % (base64.b64encode(token), rank) for token, rank in ranks.items())
    (tmp_path / "t.tiktoken").write_bytes(b"".join(lines))
    theirs = tiktoken.Encoding("t", pat_str=PATTERNS[pattern], mergeable_ranks=ranks, special_tokens=special)
    ours = mc.load_tokenizer(tmp_path / "t.tiktoken", pattern=pattern, special_tokens=special)
    found = compared(
        documents(MEGABYTES, extra=SPECIAL),
        lambda text: theirs.encode(text, allowed_special="all"),
        lambda text: ours.encode(text, allowed_special="all"),
    )
    shown(f"tiktoken, {pattern}", *found)
    assert found[1] == []
    for text in documents(MEGABYTES / 20, extra=SPECIAL, seed=2):
        right = theirs.encode(text, disallowed_special=())
        assert ours.encode(text).tolist() == right
        assert ours.decode(right) == theirs.decode(right) == text


@pytest.mark.parametrize("changed", ["ranks", "a cut", "a special token"])
def test_a_planted_difference_is_seen(changed):
    theirs = trained("gpt2")
    content = json.loads(theirs.to_str())
    if changed == "ranks":
        content["model"]["merges"].reverse()
    elif changed == "a cut":
        content["pre_tokenizer"] = {"type": "Split", "pattern": {"String": " "}, "behavior": "MergedWithNext"}
        content["pre_tokenizer"] = {
            "type": "Sequence",
            "pretokenizers": [content["pre_tokenizer"], {"type": "ByteLevel", "use_regex": False}],
        }
    ours = mc.Tokenizer.from_json(content)
    allowed = () if changed == "a special token" else "all"
    texts = documents(0.05, extra=(*SPECIAL, *ADDED))
    found = compared(texts, lambda t: theirs.encode(t).ids, lambda t: ours.encode(t, allowed_special=allowed))
    assert found[1] != []
