"""What to train on, and what to hold out."""

from __future__ import annotations

import re

from mathcore._scalars import is_a, whole

_PARAGRAPH = "\n\n"


def default_text() -> str:
    """Real English text that every Python installation carries: the documentation topics of the standard library.

    Some topics repeat others word for word. Every paragraph is kept once, so that what is held out has not been
    read before.

    Examples:
        >>> len(mc.course.default_text()) > 100_000
        True
    """
    from pydoc_data.topics import topics

    paragraphs = (p for topic in topics.values() for p in re.split(r"\n{2,}", topic.strip("\n")))
    return _PARAGRAPH.join(dict.fromkeys(paragraphs))


def split_text(text: str, *, block: int = 4000, every: int = 10) -> tuple[str, str]:
    r"""A text to train on and one to hold out, both from all parts of `text`.

    Args:
        text: any string.
        block: paragraphs are collected into blocks of at least so many characters; the last block may be shorter.
        every: of so many blocks the last is held out.

    Returns:
        The blocks to train on and the blocks held out, each joined; together they are all of `text`.

    Raises:
        ValueError: if the text is too short to hold anything out.

    Examples:
        >>> mc.course.split_text("One.\n\nTwo.\n\nThree.\n\n", block=1, every=3)
        ('One.\n\nTwo.\n\n', 'Three.\n\n')
    """
    block, every = whole("block", block, 0), whole("every", every, 1)
    blocks: list[str] = []
    paragraphs = re.split(r"(?<=\n\n)", is_a("text", text, str))
    for paragraph in filter(None, paragraphs):  # nothing stands behind the last blank line
        if not blocks or len(blocks[-1]) >= block:
            blocks.append("")
        blocks[-1] += paragraph
    held_out = blocks[every - 1 :: every]
    if not held_out:
        raise ValueError(
            f"the text must have at least {every} blocks of {block} characters to hold one out, it has {len(blocks)}"
        )
    seen = [b for i, b in enumerate(blocks) if i % every != every - 1]
    return "".join(seen), "".join(held_out)


def _size(text: str) -> int:
    """The length of a text in bytes, by which its bits are divided."""
    size = len(is_a("text", text, str).encode("utf-8", "surrogatepass"))
    if not size:
        raise ValueError("an empty text has no bits per byte")
    return size
