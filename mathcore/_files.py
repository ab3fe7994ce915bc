"""Files written whole or not at all, by one process at a time; and files of others, read with care."""

from __future__ import annotations

import contextlib
import errno
import glob
import json
import os
import shutil
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any


def write_atomically(path: str | os.PathLike[str], content: bytes) -> None:
    """Write `content` to `path` so that a reader, or a crash, sees the old file or the new one and nothing between.

    The bytes reach the disk under another name in the same folder before that name replaces `path`.
    """
    target = Path(path).resolve()  # a link keeps pointing at the file that is replaced
    temporary = _temporary(target)
    try:
        with temporary.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


def check_place(path: str | os.PathLike[str], size: int = 0) -> None:
    """Try whether `write_atomically` could write `size` bytes to `path` now; the file itself is not touched.

    Raises:
        OSError: what the writing would raise: the folder does not exist or cannot be written to, `path` is a folder,
            the name is too long, the disk has no room. Room is reserved and given back where the system can do that
            (`posix_fallocate`), which counts quotas; elsewhere the free room of the disk is asked for.
    """
    target = Path(path).resolve()
    if target.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), os.fspath(path))
    temporary = _temporary(target)
    try:
        with temporary.open("xb") as file:
            _reserve(file, size)
    finally:
        temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def only_writer(path: str | os.PathLike[str]) -> Iterator[None]:
    """Keep other processes that ask for the same file out, and remove what a killed one left half written.

    The lock is the system's, on an empty file `.NAME.lock` beside `path`: it ends with the process, however that ends,
    and a file that is left over locks nothing. Where the system or the file system has no locks, nobody is kept out.

    Raises:
        BlockingIOError: if another process, or another part of this one, is the writer.
        OSError: if the folder cannot be written to.
    """
    target = Path(path).resolve()
    lock = target.with_name(f".{target.name}.lock")
    file = _locked(lock)
    try:
        for left in target.parent.glob(f".{glob.escape(target.name)}.????????.tmp"):
            left.unlink(missing_ok=True)
        yield
    finally:
        with contextlib.suppress(OSError):
            lock.unlink()  # while it is locked; Windows lets it stay
        file.close()


def json_values(content: bytes | str) -> Any:
    """The values in JSON from anywhere.

    Raises:
        ValueError: if it is no JSON, is nested too deeply for Python, or has an object that names a key twice.
    """
    try:
        return json.loads(content, object_pairs_hook=_unique)
    except RecursionError:
        raise ValueError("its values are nested too deeply") from None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) < len(pairs):
        twice = Counter(name for name, _ in pairs).most_common(1)[0][0]
        raise ValueError(f"an object has the key {twice[:40]!r} twice")
    return values


def _temporary(target: Path) -> Path:
    return target.with_name(f".{target.name}.{os.urandom(4).hex()}.tmp")


def _reserve(file: IO[bytes], size: int) -> None:
    if size and hasattr(os, "posix_fallocate"):
        try:
            os.posix_fallocate(file.fileno(), 0, size)
        except OSError as refused:
            if refused.errno not in (errno.EINVAL, errno.EOPNOTSUPP, errno.ENOSYS):  # a file system that cannot
                raise
    elif shutil.disk_usage(Path(file.name).parent).free < size:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), file.name)


def _locked(path: Path) -> IO[bytes]:
    """The file at `path`, open and locked."""
    while True:
        file = path.open("ab")
        try:
            _lock(file)
            if os.path.samestat(os.fstat(file.fileno()), path.stat()):
                return file
        except FileNotFoundError:
            pass  # whoever held the lock removed the file after it was opened here
        except BaseException:
            file.close()
            raise
        file.close()


def _lock(file: IO[bytes]) -> None:
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError) as held:
        raise BlockingIOError(errno.EAGAIN, "another process is writing it") from held
    except (OSError, ModuleNotFoundError):
        pass  # no locks here
