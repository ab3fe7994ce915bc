"""What patterns and normal forms mean to `tokenizers`, for every character; what differs is refused."""

import unicodedata
from functools import cache

import pytest

from mathcore.tokenizers.normalisers import normaliser
from mathcore.tokenizers.patterns import PATTERNS, compiled

regex = pytest.importorskip("regex", reason="needs regex: pip install -e '.[tokenizers]'")
CHANGED = {"\u0295"}
"""Letters that have been moved to another category since Unicode 14."""


@cache
def known():
    """Every character that Python's Unicode knows, but for most of the ideographs."""
    places = (*range(0x3500), *range(0xA000, 0xAC80), *range(0xD700, 0x20100))
    return "".join(c for c in map(chr, places) if unicodedata.category(c) not in ("Cn", "Cs", "Co"))


@pytest.mark.parametrize("part", [r"\s", r"\p{L}", r"\p{N}", r"\p{Ll}", r"\p{Lo}", r"\p{M}", r"(?i:s)"])
def test_classes_are_those_of_tokenizers(part):
    hf = pytest.importorskip("tokenizers", reason="needs tokenizers: pip install -e '.[frameworks]'")
    removed, ours = hf.pre_tokenizers.Split(hf.Regex(part), "removed"), compiled("pattern", part)
    kept = {c for piece, _ in removed.pre_tokenize_str(known()) for c in piece}
    assert (kept ^ set(ours.sub("", known()))) <= CHANGED


@pytest.mark.parametrize("form", ["NFC", "NFKC"])
def test_normal_forms_are_those_of_tokenizers(form):
    hf = pytest.importorskip("tokenizers", reason="needs tokenizers: pip install -e '.[frameworks]'")
    theirs, ours = getattr(hf.normalizers, form)().normalize_str, normaliser({"type": form})
    # Marks change places by their class, so each stands between marks of several.
    marked = (f"a\u0301{c}\u0323\u0345\u05b0\u3099" for c in known() if unicodedata.category(c)[0] == "M")
    for text in ("\n".join(known()), "\n".join(marked), "\U00011935\U00011930"):
        assert ours(text).split("\n") == theirs(text).split("\n")


@pytest.mark.parametrize("name", PATTERNS)
def test_patterns_of_models_cut_without_gaps(name):
    text = "It's 12345 o'clock,\r\n  \tnaïve CAFÉS'LL_x… 日本語 \u200d\ufeff"
    assert "".join(compiled("pattern", PATTERNS[name]).findall(text)) == text


@pytest.mark.parametrize(
    "pattern",
    [
        *(
            r"\w+",
            r"\h",
            r"^a",
            r"a$",
            r"\p{N}{1,3}+",
            "[a-z&&[^b]]",
            "[[:alpha:]]",
            r"\bx",
            r"\p{Script=Han}",
            r"(a)\1",
        ),
        *("a{,3}", r"(?m:a)", r"\x41", r"(?P<n>a)", "[]a]"),
    ],
)
def test_what_is_read_differently_is_refused(pattern):
    with pytest.raises(ValueError, match=r"pre_tokenizer Split has a pattern with .*, which is not known here"):
        compiled("pre_tokenizer Split", pattern)


@pytest.mark.parametrize(("pattern", "wrong"), [("a*", "matches the empty text"), ("(a", "is no pattern")])
def test_a_pattern_of_no_use_is_refused(pattern, wrong):
    with pytest.raises(ValueError, match=wrong):
        compiled("pattern", pattern)


def test_patterns_of_rust_are_read_as_rust_reads_them():
    assert compiled("pattern", r"\p{N}{1,3}+|\s+$|\s", rust=True).findall("1234 \n") == ["123", "4", " \n"]
    assert compiled("pattern", "a$", rust=True).findall("a\n") == []  # `$` is the end of the text, and no line's
