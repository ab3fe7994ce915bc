"""What must be true of a checkpoint in a file."""

from __future__ import annotations

import hashlib
import io
import pickle
import tempfile
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import strategies as st

from mathcore.training import checkpoint_mutants as wrong
from mathcore.verify import Claim, Limits, Operations, Target, all_of, domain, equal, identical, raises
from mathcore.verify.domains import Draw, as_dtype, draw_integers

checkpoint_round_trip = Claim(
    "training.checkpoint_comes_back",
    statement="A checkpoint that was written comes back bit for bit, its config as JSON has it; a file that was cut "
    "short, changed in one place or is something else is an error that names it; no code that is in a file runs.",
    formula=r"\mathrm{load}(\mathrm{save}(c)) = c",
    needs=("Checkpoint", "save_checkpoint", "load_checkpoint"),
    limits=Limits(width=3),
    refuted_by=(
        wrong.state_lost, wrong.random_numbers_restart, wrong.stored_in_single, wrong.counts_from_zero,
        wrong.takes_anything, wrong.unpickles,
    ),
)  # fmt: skip


@domain
def checkpoints(draw: Draw, target: Target) -> dict[str, Any]:
    """The parts of a checkpoint: arrays of any shape, layout and NumPy dtype, special values among them."""

    def arrays(names: tuple[str, ...]) -> dict[str, Any]:
        out = {}
        for name in names:
            dtype = draw(st.sampled_from(["float64", "float32", "float16", "int64", "uint8", "bool"]))
            values = draw_integers(draw, tuple(draw(st.lists(st.integers(0, 3), max_size=3))), 9) / 7
            if dtype.startswith("f") and values.size and draw(st.booleans()):
                values.flat[0] = draw(st.sampled_from([np.nan, np.inf, -0.0, 5e-324]))
            with np.errstate(invalid="ignore"):
                out[name] = values.astype(dtype).T
        return out

    names = st.lists(st.sampled_from(["w", "0.mlp.up", "m/w", "é ü", 'a"b']), max_size=3, unique=True)
    return {
        "params": arrays(tuple(draw(names))), "state": arrays(tuple(draw(names))), "step": draw(st.integers(0, 2**40)),
        "config": draw(st.dictionaries(st.text(max_size=2), st.floats(allow_nan=False) | st.text(), max_size=2)),
    }  # fmt: skip


def parts_of(checkpoint: Any) -> list[Any]:
    """All that a checkpoint holds."""
    return [
        list(checkpoint.params), list(checkpoint.state), dict(checkpoint.rng_state), checkpoint.step,
        dict(checkpoint.config),
    ]  # fmt: skip


@checkpoint_round_trip.exact(parts=checkpoints(), seed=st.integers(0, 2**32 - 1), effort=0.5)
def checkpoint_comes_back_bit_for_bit(ops: Operations, parts: Any, seed: int) -> Any:
    rng = np.random.default_rng(seed)
    rng.normal(size=seed % 5)
    rng.integers(0, 9, dtype=np.int32)  # leaves half a word behind
    made = ops.Checkpoint(parts["params"], parts["state"], rng.bit_generator.state, parts["step"], parts["config"])
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "c.ckpt"
        ops.save_checkpoint(path, made)
        back = ops.load_checkpoint(path)
        left = sorted(p.name for p in Path(folder).iterdir())
    same = [identical(back.params[n], a) for n, a in made.params.items()]
    same += [identical(back.state[n], a) for n, a in made.state.items()]
    return all_of(
        equal(parts_of(back) == parts_of(made), True), equal(left == ["c.ckpt"], True), *same,
        identical(back.rng().normal(size=3), rng.normal(size=3)),
    )  # fmt: skip


@checkpoint_round_trip.exact(parts=checkpoints(), where=st.floats(0, 1, exclude_max=True), flip=st.integers(1, 255),
                             kind=st.sampled_from(["cut", "flip", "foreign", "longer"]), effort=0.5)  # fmt: skip
def damaged_files_are_refused(ops: Operations, parts: Any, where: float, flip: int, kind: str) -> Any:
    state = np.random.default_rng(0).bit_generator.state
    made = ops.Checkpoint(parts["params"], parts["state"], state, parts["step"], parts["config"])
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "c.ckpt"
        ops.save_checkpoint(path, made)
        ops.load_checkpoint(path)
        content = path.read_bytes()
        at = int(where * len(content))
        path.write_bytes(
            {
                "cut": content[:at],
                "flip": content[:at] + bytes([content[at] ^ flip]) + content[at + 1 :],
                "foreign": b"PK" + content[:at],
                "longer": content + content[at:],
            }[kind]
        )
        return raises(lambda: ops.load_checkpoint(path), ValueError, saying=("c.ckpt", "checkpoint"))


@checkpoint_round_trip.exact(name=st.sampled_from(["object", "bfloat16"]), effort=0.1)
def unsupported_dtypes_are_refused(ops: Operations, name: str) -> Any:
    # What a file cannot hold is refused, and what was there before stays. bfloat16 is held or refused.
    array = np.array([Fraction(1, 3)]) if name == "object" else as_dtype([1.0], name)
    state = np.random.default_rng(0).bit_generator.state
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "c.ckpt"
        ops.save_checkpoint(path, ops.Checkpoint({"w": np.ones(2)}, {}, state, 3, {}))
        other = ops.Checkpoint({"w": array}, {}, state, 4, {})
        refused = raises(lambda: ops.save_checkpoint(path, other), TypeError, saying=("w", name))
        if refused.refused or name == "object":
            return all_of(refused, equal(ops.load_checkpoint(path).step, 3))
        return identical(ops.load_checkpoint(path).params["w"], array)


_RAN: list[str] = []
"""A word for each time that code out of a file ran."""


def _run(word: str) -> None:
    """What a file calls: it is pickled by name, as a method of the list would not be, which takes a copy along."""
    _RAN.append(word)


class _Trap:
    """Whoever unpickles it calls a function, as a file from strangers could."""

    def __reduce__(self) -> Any:
        return _run, ("code ran",)


def hostile_files(saved: bytes) -> dict[str, bytes]:
    """Files that would call a function if they were unpickled, the last a checkpoint whose checksum is right."""
    trap = np.array([_Trap()], object)
    array, archive = io.BytesIO(), io.BytesIO()
    np.lib.format.write_array(array, trap, allow_pickle=True)
    np.savez(archive, w=trap)
    magic, _, rest = saved.partition(b"\n")
    about = rest[hashlib.sha256().digest_size :].partition(b"\n")[0]
    content = about + b"\n" + array.getvalue()
    return {
        "pickle": pickle.dumps(_Trap()), "npy": array.getvalue(), "npz": archive.getvalue(),
        "checkpoint": magic + b"\n" + hashlib.sha256(content).digest() + content,
    }  # fmt: skip


@checkpoint_round_trip.exact(kind=st.sampled_from(["checkpoint", "npy", "npz", "pickle"]), effort=0.3)
def no_code_runs_from_a_file(ops: Operations, kind: str) -> Any:
    state = np.random.default_rng(0).bit_generator.state
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "c.ckpt"
        ops.save_checkpoint(path, ops.Checkpoint({"w": np.ones(2)}, {}, state, 3, {}))
        path.write_bytes(hostile_files(path.read_bytes())[kind])
        _RAN.clear()
        refused = raises(lambda: ops.load_checkpoint(path), ValueError, saying=("c.ckpt", "checkpoint"))
    return all_of(equal(len(_RAN), 0), refused)
