"""Parameters in the safetensors format: back bit for bit, read by PyTorch, and one error for bad files."""

import subprocess
import sys

import numpy as np
import pytest

pytest.importorskip("safetensors")

import ml_dtypes

import mathcore as mc
from mathcore.interop import safetensors as files

RNG = np.random.default_rng(0)
DTYPES = ("float64", "float32", "float16", ml_dtypes.bfloat16, "int64", "uint8", "bool")


def test_arrays_come_back_bit_for_bit(tmp_path):
    params = {f"a{i}": (8 * RNG.normal(size=(2, 3))).astype(dtype) for i, dtype in enumerate(DTYPES)}
    params |= {"turned": RNG.normal(size=(3, 2)).T, "every_other": np.arange(9.0)[::-2], "one": np.array(2.5)}
    params |= {"nothing": np.zeros((0, 4), np.float32)}
    files.save(tmp_path / "x", params)
    back = files.load(tmp_path / "x")
    assert back.keys() == params.keys()
    for name, array in params.items():
        assert (back[name].dtype, back[name].shape) == (array.dtype, array.shape)
        assert back[name].tobytes() == array.tobytes()
        assert back[name].flags.writeable


def test_names_are_joined_and_split(tmp_path):
    tree = {"layers": {"0": {"w": np.ones(2)}, "1": {"w": np.zeros(2)}}, "table": np.ones((2, 2))}
    files.save(tmp_path / "x", tree)
    assert sorted(files.load(tmp_path / "x")) == ["layers.0.w", "layers.1.w", "table"]
    np.testing.assert_equal(files.load(tmp_path / "x", nested=True), tree)


def test_a_model_comes_back(tmp_path):
    params = mc.init_transformer(np.random.default_rng(0), vocabulary=5, width=4, num_layers=1, hidden=4)
    files.save(tmp_path / "x", params)
    ids, back = np.array([0, 3, 1]), files.load(tmp_path / "x")
    np.testing.assert_array_equal(
        mc.transformer(back, ids, num_heads=2), mc.transformer(dict(params), ids, num_heads=2)
    )


def test_torch_reads_the_same(tmp_path):
    torch = pytest.importorskip("torch")
    from safetensors.torch import load_file

    x = RNG.normal(size=(3, 2)).astype(ml_dtypes.bfloat16)
    files.save(tmp_path / "x", {"x": x.T})
    read = load_file(tmp_path / "x")["x"]
    assert read.dtype == torch.bfloat16
    np.testing.assert_array_equal(read.float().numpy(), x.T.astype(np.float32))


def test_a_bad_file_is_one_error(tmp_path):
    files.save(tmp_path / "x", {"x": np.ones(3), "x.y": np.ones(2)})
    good, bad = (tmp_path / "x").read_bytes(), tmp_path / "bad"
    for content in (b"", b"abc", good[:-3], good[:20], b"\xff" * 100, good.replace(b"F64", b"F99"), good + b"1",
                    good.replace(b"[3]", b"[9]")):  # fmt: skip
        bad.write_bytes(content)
        with pytest.raises(ValueError, match="bad is no file of arrays in the safetensors format"):
            files.load(bad)
    with pytest.raises(ValueError, match=r"lies within an array|holds an array and others"):
        files.load(tmp_path / "x", nested=True)


@pytest.mark.parametrize(
    ("params", "error", "says"),
    [
        ({1: np.ones(2)}, TypeError, "names must be strings, got 1"),
        ({"a": {"b": np.array(["x"])}}, TypeError, r"`a\.b` must be an array of floats, integers or bools"),
        ({"a": {"b": np.ones(1)}, "a.b": np.ones(1)}, ValueError, r"two arrays would be named `a\.b`"),
        ({"a": np.ones(2) * 1j}, TypeError, "got complex128"),
    ],
)
def test_what_no_file_holds_is_refused(tmp_path, params, error, says):
    with pytest.raises(error, match=says):
        files.save(tmp_path / "x", params)
    assert not (tmp_path / "x").exists()


def test_a_missing_package_is_named():
    code = "import sys; sys.modules['safetensors'] = None\nimport mathcore.interop.safetensors"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "ImportError: mathcore.interop.safetensors needs safetensors" in done.stderr
