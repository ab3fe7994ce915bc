"""Texts that tokenizers are tried on."""

from __future__ import annotations

from hypothesis import strategies as st

# Texts.
FRAGMENTS = (
    *(" ", "  ", "\t", "\n", "\n\n", "\r\n", "\r", "\v", "\x1c", "\x85", "\xa0", "\u2003", "\u2028", "\u3000"),
    *(".", "..", "3.14", "a", "b", "ab", "The", "_", "1", "12", "'s", "-", ",", "!", "²", "ß", "İ"),
    *("é", "e\u0301", "\u0301", "中", "ا", "ﬁ", "😀", "👩\u200d👧", "🇩🇪", "\u200b", "\u200d", "\ufe0f", "\ufeff"),
    *("\0", "\x7f", "\ud83d", "\udc00", "\ud83d\ude00", "\uffff", "\U00010000", "\U0010ffff"),
)
"""What tokenizers stumble over: white space of all kinds, marks, accents, emoji, lone surrogates, ends of planes."""


ANY_CHARACTER = st.characters(exclude_categories=())


TEXTS = st.lists(st.sampled_from(FRAGMENTS) | st.text(ANY_CHARACTER, max_size=3), max_size=10).map("".join)


LETTERS = st.text(st.sampled_from("abc"), min_size=1, max_size=9)
