"""Training: what properties cannot say."""

import errno
import hashlib
import io
import json
import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import mathcore as mc
from mathcore.training._checkpoint_file import packed, unpacked
from mathcore.verify import Target, catalogue
from mathcore.verify.run.results import PROFILES
from mathcore.verify.run.runner import run_claim


def test_the_readme_of_a_predictor_of_neighbours():
    words = mc.WordTokenizer.train("the cat sat. the dog sat.")
    pairs = mc.course.neighbour_pairs(words.encode("the cat sat. the dog sat."))
    start = mc.course.init_neighbour_predictor(np.random.default_rng(0), vocabulary=len(words.vocabulary), width=4)
    trained = mc.course.train_neighbours(start, *pairs, rate=0.5, steps=200)
    assert mc.course.neighbour_loss(trained, *pairs) < mc.course.neighbour_loss(start, *pairs) - 0.3
    similar = mc.cosine_similarity(trained["embedding"][[1, 1]], trained["embedding"][[3, 0]])
    assert similar[0] > similar[1], "cat is nearer to dog than to the"


def test_optimisers_are_the_steps_by_another_name():
    params, grads = {"w": np.ones((2, 2)), "b": np.ones(2)}, {"w": np.full((2, 2), 3.0), "b": np.ones(2)}
    sgd, adam = mc.SGD(0.1), mc.Adam(0.1, 0.8, 0.9, 1e-3, 0.5)
    assert (sgd.step(params, grads, sgd.init(params))[0]["w"] == mc.sgd_step(params, grads, rate=0.1)["w"]).all()
    moved, state = adam.step(params, grads, adam.init(params), rate=0.2)
    options = {"rate": 0.2, "beta1": 0.8, "beta2": 0.9, "epsilon": 1e-3, "decay": 0.5}
    expected, expected_state = mc.adam_step(params, grads, mc.adam_init(params), **options)
    assert all((moved[n] == expected[n]).all() for n in params)
    assert state.keys() == expected_state.keys()


def test_training_ends_when_progress_says_so():
    def loss_and_gradient(params):
        return (params["x"] ** 2).sum(), {"x": 2 * params["x"]}

    start = mc.Checkpoint.start({"x": np.ones(2)}, mc.SGD(0.1), np.random.default_rng(0), {"a": 1})
    seen = []
    end = mc.train(
        loss_and_gradient, lambda rng: (), mc.SGD(0.1), start, steps=9,
        progress=lambda now, loss: seen.append(loss) or len(seen) == 3,
    )  # fmt: skip
    assert end.step == 3
    assert end.config == {"a": 1}
    assert seen == sorted(seen, reverse=True)


def test_a_file_that_cannot_be_written_leaves_nothing(tmp_path):
    start = mc.Checkpoint.start({"x": np.ones(2)}, mc.SGD(0.1), np.random.default_rng(0))
    with pytest.raises(OSError, match="missing"):
        mc.save_checkpoint(tmp_path / "missing" / "c.ckpt", start)
    assert list(tmp_path.iterdir()) == []


ADAM = {c.id: c for c in catalogue()}["training.adam_is_the_published_algorithm"]


WRONG = [m for m in ADAM.refuted_by if m.operation == "adam_step"]


@pytest.mark.parametrize(
    ("wrong", "dtype"),
    [(None, "float64"), (None, "float32"), *(pytest.param(m, "float32", id=m.name) for m in WRONG)],
)
def test_an_adam_on_floats_is_judged_as_an_exact_one_is(wrong, dtype):
    step = wrong.build(mc.adam_step) if wrong else mc.adam_step
    target = Target.numpy("mine", adam_init=mc.adam_init, adam_step=step, dtypes=dtype)
    result = run_claim(ADAM, target, None, PROFILES["quick"], 0)
    assert result.outcome == ("refuted" if wrong else "holds"), result.detail
    assert not result.misbehaved


# What a checkpoint in a file may be.


def saved_and_loaded(path, params, state=None, config=None):
    start = mc.Checkpoint(params, state or {}, np.random.default_rng(0).bit_generator.state, 3, config or {})
    mc.save_checkpoint(path, start)
    return mc.load_checkpoint(path)


KEYS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.tuples(st.integers())
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.just("$") | st.just(-0.0),
    lambda inner: st.lists(inner, max_size=3) | st.lists(inner, max_size=3).map(tuple)
    | st.dictionaries(KEYS | st.just("$"), inner, max_size=3),
    max_leaves=12,
)  # fmt: skip


@settings(max_examples=40, deadline=None, database=None)
@given(config=st.dictionaries(KEYS, VALUES, max_size=3))
def test_a_config_comes_back_with_its_tuples_and_keys(config):
    back = unpacked(io.BytesIO(packed({}, {}, {}, 0, config)))[-1]
    assert repr(back) == repr(config)  # which tells 1 from True and from 1.0, −0 from 0, and NaN is NaN


def arrays_of_every_kind():
    for name in ("float64", "float32", "float16", "longdouble", "int64", "int8", "uint16", "bool", ">f4"):
        yield np.arange(6).reshape(2, 3).astype(name)
    ml_dtypes = pytest.importorskip("ml_dtypes")
    values = np.array([[np.nan, np.inf, -0.0], [1.5, -np.inf, 1e-40]])
    for array in (values, values.astype(ml_dtypes.bfloat16), values.astype(ml_dtypes.bfloat16)[0, 2]):
        yield from (np.asarray(array), np.asarray(array).T, np.asarray(array)[..., :0] if array.ndim else array)
    yield from (np.array(-0.0), np.empty((0, 3)), np.arange(9)[::-2], np.zeros((1, 2, 1, 2), np.float16))


def test_arrays_of_every_kind_come_back(tmp_path):
    arrays = {f"{i} {a.dtype}": a for i, a in enumerate(arrays_of_every_kind())}
    back = saved_and_loaded(tmp_path / "c.ckpt", arrays, dict(list(arrays.items())[::2]))
    for part, given_part in ((back.params, arrays), (back.state, dict(list(arrays.items())[::2]))):
        assert list(part) == list(given_part)
        for name, array in part.items():
            kept = given_part[name]
            assert (array.dtype, array.shape, array.tobytes()) == (kept.dtype, kept.shape, kept.tobytes()), name
            assert array.flags.writeable


@pytest.mark.parametrize(
    ("params", "config", "error", "words"),
    [
        ({"z": np.ones(2) * 1j}, {}, TypeError, "`z` has dtype complex128"),
        ({"s": np.array(["a"])}, {}, TypeError, "`s` has dtype <U1"),
        ({1: np.ones(2)}, {}, TypeError, "names of arrays must be strings, got 1"),
        ({}, {"a": [1, {"b": np.int64(3)}]}, TypeError, r"`config\.a\[1\]\.b` is of type int64"),
        ({}, {"a": {1, 2}}, TypeError, r"`config\.a` is of type set"),
        ({}, {"a": json.loads("[" * 200 + "]" * 200)}, ValueError, "more than 100 deep"),
        ({}, {"a": "x" * 2**24}, ValueError, "`config` takes 1677"),
    ],
)
def test_what_a_checkpoint_cannot_hold_is_named_and_the_file_stays(tmp_path, params, config, error, words):
    saved_and_loaded(tmp_path / "c.ckpt", {"w": np.ones(2)})
    with pytest.raises(error, match=words):
        saved_and_loaded(tmp_path / "c.ckpt", params, config=config)
    assert mc.load_checkpoint(tmp_path / "c.ckpt").params.keys() == {"w"}
    assert len(list(tmp_path.iterdir())) == 1


def test_a_file_of_version_1_is_read(tmp_path):
    arrays = io.BytesIO()
    np.lib.format.write_array(arrays, np.arange(3.0))
    state = np.random.default_rng(0).bit_generator.state
    about = {"step": 2, "rng": state, "config": {"$": [1]}, "params": ["w"], "state": []}
    (tmp_path / "old.ckpt").write_bytes(crafted(json.dumps(about).encode(), arrays.getvalue(), version=1))
    old = mc.load_checkpoint(tmp_path / "old.ckpt")
    assert (old.step, old.config, old.params["w"].tolist()) == (2, {"$": [1]}, [0, 1, 2])


def with_checksum(content, version=2):
    """A file whose checksum is right, whatever it holds."""
    return b"mathcore checkpoint %d\n" % version + hashlib.sha256(content).digest() + content


def crafted(line, arrays=b"", version=2):
    return with_checksum(line + b"\n" + arrays, version)


def array_header(dtype, shape, order="False"):
    text = f"{{'descr': '{dtype}', 'fortran_order': {order}, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY\x01\0" + len(text).to_bytes(2, "little") + text


BOMBS = {
    "an array of 8 EB": ({"params": ["w"]}, array_header("<f8", "(1000000000, 1000000000)")),
    "an array of 20 GB": ({"params": ["w"]}, array_header("<f8", "(2500000000,)") + bytes(8)),
    "more numbers than there are": ({"params": ["w"]}, array_header("<f8", f"({'9' * 19},)")),
    "an empty array of endless width": ({"params": ["w"]}, array_header("<f8", f"(0, {'9' * 19})")),
    "ninety axes": ({"params": ["w"]}, array_header("<f8", f"({'1, ' * 90})") + bytes(8)),
    "objects": ({"params": ["w"]}, array_header("|O", "(1,)") + bytes(8)),
    "a header that is a program": ({"params": ["w"]}, array_header("<f8", "(" * 9000)),
    "an array that nobody names": ({}, array_header("<f8", "()") + bytes(8)),
    "an array twice": ({"params": ["w", "w"]}, 2 * (array_header("<f8", "()") + bytes(8))),
    "bfloat16 of 8 bytes": ({"params": ["w"], "bfloat16": {"params": ["w"]}}, array_header("<f8", "()") + bytes(8)),
    "names that are none": ({"params": [[]]}, b""),
    "a step that is none": ({"step": -1}, b""),
    "a config that is none": ({"config": [1]}, b""),
    "a list as a key": ({"config": {"$": "dict", "of": [[[], 1]]}}, b""),
    "a key twice": ({"config": {"$": "dict", "of": [[1, 1], [1, 2]]}}, b""),
    "another kind of value": ({"config": {"$": "set", "of": []}}, b""),
    "random numbers of another kind": ({"rng": {"bit_generator": "MT19937", "state": {}}}, b""),
    "random numbers out of range": ({"rng": {"bit_generator": "PCG64", "state": {"state": 2**200, "inc": 1}}}, b""),
}


def bombs():
    good = {"step": 0, "rng": np.random.default_rng(0).bit_generator.state, "config": {}, "params": [], "state": []}
    yield from ((name, crafted(json.dumps({**good, **about}).encode(), rest)) for name, (about, rest) in BOMBS.items())
    yield "lists in lists", crafted(b'{"step": ' + b"[" * 10**6)
    yield "lists in lists that end", crafted(json.dumps(good).replace("{}", "[" * 500 + "]" * 500).encode())
    yield "a key of JSON twice", crafted(json.dumps(good).replace("{}", '{"a": 1, "a": 2}').encode())
    yield "a line without end", crafted(b"[" + b"1, " * 2**23)
    yield "nothing", b""


READ_BOMBS = """
import pathlib, resource, sys
import mathcore as mc
mc.load_checkpoint
mc.Checkpoint
resource.setrlimit(resource.RLIMIT_AS, (2**30, 2**30))
for path in sorted(pathlib.Path(sys.argv[1]).iterdir()):
    try:
        mc.load_checkpoint(path)
    except ValueError as error:
        if str(path) in str(error) and len(str(error)) < 500:
            continue
    except BaseException as error:
        print(path.name, repr(error)[:200])
        continue
    print(path.name, "was read")
"""


def test_whatever_a_file_claims_it_is_one_error_and_little_memory(tmp_path):
    pytest.importorskip("resource")
    for name, content in bombs():
        (tmp_path / name).write_bytes(content)
    alone = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, "-c", READ_BOMBS, str(tmp_path)], capture_output=True, text=True, env=alone)
    assert done.stdout + done.stderr == ""


RANDOM = np.random.default_rng(0).bit_generator.state
GOOD = packed({"w": np.ones((2, 3))}, {"m": np.zeros(2, bool)}, RANDOM, 3, {"a": (1, {2: 3})})


@settings(max_examples=100, deadline=None, database=None)
@given(data=st.data())
def test_any_other_bytes_are_one_error_or_a_checkpoint(tmp_path_factory, data):
    path = tmp_path_factory.getbasetemp() / "fuzzed.ckpt"
    content = bytearray(GOOD[22 + 32 :])
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(content) - 1))
        length = data.draw(st.integers(0, 4))
        content[at : at + length] = data.draw(st.binary(max_size=4) | st.text('0123456789[]{},:"$ -eN').map(str.encode))
    path.write_bytes(with_checksum(bytes(content)))
    try:
        mc.load_checkpoint(path)
    except ValueError as error:
        assert "fuzzed.ckpt" in str(error)  # noqa: PT017 (most such files are refused, and some are as good as before)


def test_a_full_disk_leaves_the_checkpoint_that_was_there(tmp_path, monkeypatch):
    saved_and_loaded(tmp_path / "c.ckpt", {"w": np.ones(2)})

    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        saved_and_loaded(tmp_path / "c.ckpt", {"w": np.zeros(9)})
    assert mc.load_checkpoint(tmp_path / "c.ckpt").params["w"].tolist() == [1, 1]
    assert [p.name for p in tmp_path.iterdir()] == ["c.ckpt"]
