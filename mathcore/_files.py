"""Files written whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path


def write_atomically(path: str | os.PathLike[str], content: bytes) -> None:
    """Write `content` to `path` so that a reader, or a crash, sees the old file or the new one and nothing between.

    The bytes reach the disk under another name in the same folder before that name replaces `path`.
    """
    target = Path(path).resolve()  # a link keeps pointing at the file that is replaced
    temporary = target.with_name(f".{target.name}.{os.urandom(4).hex()}.tmp")
    try:
        with temporary.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)
