"""Checkpoints in files: `numpy.savez` and safetensors."""

import hashlib
import io
import json
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors.numpy import load as load_tensors
from safetensors.numpy import save as save_tensors

from mathcore.verify import Target


@dataclass
class Run:
    """What a run goes on from."""

    params: dict
    state: dict
    rng_state: dict
    step: int
    config: dict

    def rng(self):
        rng = np.random.default_rng()
        rng.bit_generator.state = self.rng_state
        return rng


def as_savez(arrays):
    memory = io.BytesIO()
    np.savez(memory, **arrays)
    return memory.getvalue()


def from_savez(content):
    with np.load(io.BytesIO(content), allow_pickle=False) as files:
        return {name: files[name] for name in files.files}


def saving(to_bytes):
    def save(path, run):
        for name, array in {**run.params, **run.state}.items():
            if array.dtype.kind not in "fiub":
                raise TypeError(f"`{name}` has dtype {array.dtype}")
        names = {"params": list(run.params), "state": list(run.state)}
        arrays = [np.ascontiguousarray(a).reshape(a.shape) for part in (run.params, run.state) for a in part.values()]
        about = json.dumps({"rng_state": run.rng_state, "step": run.step, "config": dict(run.config), **names})
        rest = to_bytes({f"a{i}": array for i, array in enumerate(arrays)})
        content = about.encode() + b"\n" + rest
        new = Path(f"{path}.new")
        new.write_bytes(b"run 1\n" + hashlib.sha256(content).digest() + content)
        os.replace(new, path)

    return save


def loading(from_bytes):
    def load(path):
        whole = Path(path).read_bytes()
        head, digest, content = whole[:6], whole[6:38], whole[38:]
        if head != b"run 1\n" or hashlib.sha256(content).digest() != digest:
            raise ValueError(f"{path} is no sound checkpoint")
        about, _, rest = content.partition(b"\n")
        said, arrays = json.loads(about), from_bytes(rest)
        array = iter([arrays[f"a{i}"] for i in range(len(arrays))])
        params, state = ({name: next(array) for name in said[part]} for part in ("params", "state"))
        return Run(params, state, said["rng_state"], said["step"], said["config"])

    return load


TARGETS = (
    Target.numpy("checkpoints by numpy.savez", Checkpoint=Run, save_checkpoint=saving(as_savez),
                 load_checkpoint=loading(from_savez)),
    Target.numpy("checkpoints by safetensors", Checkpoint=Run, save_checkpoint=saving(save_tensors),
                 load_checkpoint=loading(load_tensors)),
)  # fmt: skip
