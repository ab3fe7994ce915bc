"""Seeded text in more than 30 scripts: words that come again, and what tokenizers stumble over."""

import random
import unicodedata
from collections import defaultdict
from functools import cache

NAMES = """
LATIN GREEK CYRILLIC ARMENIAN GEORGIAN HEBREW ARABIC SYRIAC THAANA NKO DEVANAGARI BENGALI GURMUKHI GUJARATI ORIYA TAMIL
TELUGU KANNADA MALAYALAM SINHALA THAI LAO TIBETAN MYANMAR KHMER ETHIOPIC CHEROKEE CANADIAN MONGOLIAN HIRAGANA KATAKANA
BOPOMOFO HANGUL CJK RUNIC GOTHIC DESERET ADLAM
"""
SCRIPTS = tuple(NAMES.split())
"""First words of the names of characters."""

CHANGED = {"\u0295"}
"""Letters whose category has changed since Python's oldest Unicode: to the two libraries they are not the same."""

SPACES = (*(" ",) * 8, ", ", ". ", "\n", "  ", "\n\n", "\r\n", "\t", " \n  ", "\u3000", "\xa0")
ODD = (
    *("'s", "'LL", "'ſ", "don't", "WE'VE", "I'm", "\u212a", "ﬁ", "İ", "ß", "Ǆ", "_", "__init__", "²", "Ⅷ", "½"),
    *("...", "!?", "--", "$9.99", "\\n", "//", "<|", "|>", "3.14159", "1234567", "٣٤٥", "e\u0301", "a\u0308\u0323"),
    *("👩\u200d👩\u200d👧\u200d👦", "🏳️\u200d🌈", "🇩🇪🇯🇵", "👍🏽", "1️⃣", "\u1112\u1161\u11ab", "\u200b", "\ufeff"),
    *("\u2028", "x1y22z333", "\x00", "\x07", "\x1b[0m", "\x1c", "\x85", "\x7f", "▁", "▁▁", "<0x41>", "Ġ", "𝔘𝔫𝔦"),
    *("\U0010ffff", "\ue000"),
)


@cache
def characters():
    """Script → (letters, marks, digits), of the characters that Python's Unicode knows."""
    found = defaultdict(lambda: ([], [], []))
    for c in map(chr, (*range(0x3400), *range(0x4E00, 0x5200), *range(0xA000, 0xAD00), *range(0xF900, 0x1F000))):
        script = unicodedata.name(c, "").split("-")[0].split(" ")[0]
        kind = {"L": 0, "M": 1, "Nd": 2}.get(category if (category := unicodedata.category(c)) == "Nd" else category[0])
        if script in SCRIPTS and kind is not None and c not in CHANGED:
            found[script][kind].append(c)
    return dict(found)


@cache
def words(script, seed):
    """Words of a script, the frequent ones first."""
    draw = random.Random(f"{script} {seed}")
    letters, marks, digits = characters()[script]
    made = []
    for _ in range(400):
        word = "".join(
            draw.choice(letters) + (draw.choice(marks) if marks and draw.random() < 0.2 else "")
            for _ in range(draw.randint(1, 8))
        )
        made.append(draw.choice((word, word, word.title(), word.upper(), unicodedata.normalize("NFD", word))))
    return [*made, *("".join(draw.choices(digits, k=draw.randint(1, 9))) for _ in range(20) if digits)]


def document(draw, extra=(), seed=0):
    """Some 1,000 words of one to three scripts, with odd ones between them."""
    scripts = draw.sample(SCRIPTS, draw.randint(1, 3))
    lexicon = [word for script in scripts for word in words(script, seed)]
    weights = [1 / (i % 420 + 3) for i in range(len(lexicon))]
    drawn = draw.choices(lexicon, weights, k=1000)
    for _ in range(60):
        drawn[draw.randrange(len(drawn))] = draw.choice((*ODD, *extra))
    anything = (chr(draw.choice((draw.randrange(0x250), draw.randrange(0xD800)))) for _ in range(20))
    drawn += [c for c in anything if unicodedata.category(c) != "Cn" and c not in CHANGED]
    return "".join(part for word in drawn for part in (word, draw.choice(SPACES)))


def documents(megabytes, extra=(), seed=0):
    """Documents of as many million bytes of UTF-8 in all."""
    draw, size = random.Random(seed), 0
    while size < megabytes * 1e6:
        text = document(draw, extra, seed)
        size += len(text.encode())
        yield text
