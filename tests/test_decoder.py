"""Decoders beside those of `transformers`: tiny models of every family, made here, whose numbers are all at work."""

import dataclasses
import importlib
import json
import re
import warnings

import numpy as np
import pytest

import mathcore as mc
from mathcore.models.decoder_textbook import Textbook
from mathcore.models.decoder_tolerances import decoder_rounding

SIZES = {"vocab_size": 11, "hidden_size": 8, "intermediate_size": 6, "num_hidden_layers": 2, "num_attention_heads": 4}
SIZES |= {"num_key_value_heads": 2}
WINDOW, TOKENS = 3, 10
LLAMA_3 = {"rope_type": "llama3", "rope_theta": 500.0, "factor": 4.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0}
LLAMA_3 |= {"original_max_position_embeddings": 16}
YARN = {"rope_type": "yarn", "rope_theta": 150.0, "factor": 8.0, "beta_fast": 4.0, "beta_slow": 1.0, "truncate": False}
YARN |= {"original_max_position_embeddings": 16}
BY_KIND = {
    "full_attention": {"rope_type": "linear", "rope_theta": 1e4, "factor": 2.0},
    "sliding_attention": {"rope_type": "default", "rope_theta": 10.0},
}
KINDS = ["sliding_attention", "full_attention"]
FAMILIES = {
    "llama": {"attention_bias": True, "mlp_bias": True, "rope_parameters": LLAMA_3},
    "mistral": {"sliding_window": WINDOW, "head_dim": 4, "tie_word_embeddings": True},
    "qwen3": {"sliding_window": WINDOW, "head_dim": 4, "use_sliding_window": True, "max_window_layers": 1},
    "gemma3_text": {
        "sliding_window": WINDOW, "head_dim": 4, "query_pre_attn_scalar": 9, "final_logit_softcapping": 2.0,
        "layer_types": KINDS, "rope_parameters": BY_KIND, "rms_norm_eps": 0.25,
    },
    "gemma2": {
        "sliding_window": WINDOW, "head_dim": 4, "query_pre_attn_scalar": 9, "final_logit_softcapping": 2.0,
        "attn_logit_softcapping": 0.5, "layer_types": KINDS, "rms_norm_eps": 0.25,
    },
    "gpt_oss": {
        "sliding_window": WINDOW, "head_dim": 4, "num_local_experts": 0, "layer_types": KINDS, "rope_parameters": YARN,
    },
}  # fmt: skip
MODULES = {"gemma3_text": "gemma3"}
every_family = pytest.mark.parametrize("family", FAMILIES)


def transformers():
    pytest.importorskip("torch")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip("transformers")


class Wide:
    """PyTorch as a module of `transformers` sees it that is to compute in float64 what it computes in float32."""

    def __init__(self, torch):
        self.torch = torch
        self.float = self.float32 = torch.float64

    def __getattr__(self, name):
        return getattr(self.torch, name)


@pytest.fixture
def made(monkeypatch):
    """A function that makes the model of a family in a dtype, with a text and what `transformers` says of it."""
    library = transformers()
    import torch

    def make(family, dtype):
        config = library.CONFIG_MAPPING[family](**SIZES, **FAMILIES[family], attn_implementation="eager")
        name = MODULES.get(family, family)
        modeling = importlib.import_module(f"transformers.models.{name}.modeling_{name}")
        if dtype == "float64":
            for module in (modeling, importlib.import_module("transformers.modeling_rope_utils")):
                monkeypatch.setattr(module, "torch", Wide(torch))
            monkeypatch.setattr(torch.Tensor, "float", torch.Tensor.double)
        before = torch.get_default_dtype()
        torch.set_default_dtype(getattr(torch, dtype))
        try:
            model = library.AutoModelForCausalLM.from_config(config, dtype=getattr(torch, dtype)).eval()
        finally:
            torch.set_default_dtype(before)
        if family == "gpt_oss":
            for layer in model.model.layers:
                layer.mlp = dense(library, getattr(torch, dtype))
        fill(model, family, torch.Generator().manual_seed(0))
        ids = torch.randint(0, SIZES["vocab_size"], (2, TOKENS), generator=torch.Generator().manual_seed(1))
        with torch.no_grad():
            logits = model(ids).logits.numpy()
        params = {name: p.detach().numpy() for name, p in model.state_dict().items()}
        return config.to_dict(), params, ids.numpy(), logits, scaled(model)

    return make


def dense(library, dtype):
    """A gated MLP in place of GPT-OSS's experts, which answers as they do."""
    from transformers.models.llama.modeling_llama import LlamaMLP

    class Dense(LlamaMLP):
        def forward(self, x):
            return super().forward(x), None

    return Dense(library.CONFIG_MAPPING["llama"](**SIZES)).to(dtype)


def fill(model, family, generator):
    """Every parameter with numbers of its own, weights of norms and biases as well."""
    import torch

    with torch.no_grad():
        for name, p in model.named_parameters():
            numbers = torch.randn(p.shape, generator=generator, dtype=torch.float64)
            middle = 1.0 if "norm" in name and not family.startswith("gemma") else 0.0
            if "embed" in name:
                p.copy_(numbers)
            else:
                p.copy_(numbers / 2 / p.shape[-1] ** 0.5 if p.ndim > 1 else numbers / 3 + middle)


def scaled(model):
    """The textbook with the frequencies of that model, which are those of its library."""
    rotary = model.model.rotary_emb

    class Scaled(Textbook):
        def of(self, layer, what):
            kind = f"{self.kind(layer)}_" if hasattr(rotary, "full_attention_inv_freq") else ""
            return getattr(rotary, f"{kind}{what}")

        def frequencies(self, layer, _pairs):
            return self.of(layer, "inv_freq").numpy().astype(np.float64)

        def factor(self, layer):
            return self.of(layer, "attention_scaling")

    return Scaled


@every_family
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_logits_are_those_of_transformers_in_torch(made, family, dtype):
    config, params, ids, logits, textbook = made(family, dtype)
    within = decoder_rounding(params, ids, config, textbook).values
    found = mc.decoder(params, ids, config)
    assert found.dtype == logits.dtype == dtype
    assert within.max() < {"float64": 1e-8, "float32": 0.2}[dtype] * abs(logits).max()
    np.testing.assert_array_less(abs(found.astype(np.float64) - logits), within)
    caches, pieces, config = None, [], mc.DecoderConfig.from_config(config)
    for piece in np.split(ids, [4, 5, 6, 9], axis=-1):
        scores, caches = mc.decoder_step(params, piece, config, caches or ())
        pieces.append(scores)
    np.testing.assert_array_less(abs(np.concatenate(pieces, axis=-2).astype(np.float64) - logits), within)


SLIPS = {
    "epsilon": lambda c: {"epsilon": c.epsilon * 1.001},
    "windows": lambda c: {"windows": tuple(w and w + 1 for w in c.windows)},
    "frequencies": lambda c: {"frequencies": c.frequencies[::-1]},
    "rope_factors": lambda c: {"rope_factors": (1.0,) * c.num_layers},
    "scale": lambda _c: {"scale": 0.51},
    "logit_cap": lambda _c: {"logit_cap": None},
    "score_cap": lambda _c: {"score_cap": 0.6},
    "one_plus": lambda _c: {"one_plus": False},
    "activation": lambda _c: {"activation": "gelu"},
    "scaled_embedding": lambda _c: {"scaled_embedding": False},
}
OF_ALL = {"epsilon", "scale", "activation"}
OF_EACH = {
    "llama": set(), "mistral": {"windows"}, "qwen3": {"windows"}, "gpt_oss": {"windows", "rope_factors"},
    "gemma2": {"windows", "logit_cap", "score_cap", "one_plus", "scaled_embedding"},
    "gemma3_text": {"windows", "frequencies", "logit_cap", "one_plus", "scaled_embedding"},
}  # fmt: skip


@every_family
def test_a_slip_is_seen_beside_transformers_in_torch(made, family):
    config, params, ids, logits, textbook = made(family, "float64")
    within, right = decoder_rounding(params, ids, config, textbook).values, mc.DecoderConfig.from_config(config)
    for slip in OF_ALL | OF_EACH[family]:
        wrong = dataclasses.replace(right, **SLIPS[slip](right))
        assert (abs(mc.decoder(params, ids, wrong) - logits) > within).any(), slip


@every_family
def test_keys_that_are_left_out_count_as_in_transformers_of_torch(family):
    library = transformers()
    needed = {name: SIZES[name] for name in SIZES if name != "num_key_value_heads"} | {"num_attention_heads": 32}
    needed |= {"hidden_size": 64, "num_hidden_layers": 31}
    needed |= {"num_local_experts": 0} if family == "gpt_oss" else {}
    whole = library.CONFIG_MAPPING[family](**needed).to_dict()
    assert mc.DecoderConfig.from_config({"model_type": family, **needed}) == mc.DecoderConfig.from_config(whole)


OLD = {
    "llama": {"rope_theta": 500.0, "rope_scaling": {k: v for k, v in LLAMA_3.items() if k != "rope_theta"}},
    "gemma3_text": {
        "rope_theta": 1e5, "rope_local_base_freq": 20.0, "rope_scaling": {"rope_type": "linear", "factor": 8.0},
        "sliding_window_pattern": 2, "cache_implementation": "hybrid", "head_dim": 4,
    },
    "gpt_oss": {"num_local_experts": 0, "rope_theta": 150.0, "rope_scaling": {"rope_type": "yarn", "factor": 4.0,
                "beta_fast": 32.0, "beta_slow": 1.0, "truncate": False, "original_max_position_embeddings": 64}},
}  # fmt: skip


@pytest.mark.parametrize("family", OLD)
def test_older_files_count_as_in_transformers_of_torch(family):
    library = transformers()
    given = {"model_type": family, **SIZES, **OLD[family]}
    whole = library.CONFIG_MAPPING[family].from_dict(json.loads(json.dumps(given))).to_dict()
    assert mc.DecoderConfig.from_config(given) == mc.DecoderConfig.from_config(whole)


GOOD = {"model_type": "gemma3_text", **SIZES, "head_dim": 4, "layer_types": KINDS}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"model_type": "gemma3"}, "'gemma3'; its text model is a 'gemma3_text'"),
        ({"model_type": None}, "`model_type` must be llama, mistral, qwen3, gemma2, gemma3_text or gpt_oss, got None"),
        ({"altup_num_inputs": 4}, "keys that are not known here: altup_num_inputs"),
        ({"attn_logit_softcapping": 50.0}, "`attn_logit_softcapping` of gemma3_text must be None"),
        ({"use_bidirectional_attention": True}, "`use_bidirectional_attention`"),
        ({"quantization_config": {"bits": 4}}, "`quantization_config`"),
        ({"hidden_activation": "relu"}, "`hidden_activation` must be 'silu'"),
        ({"layer_types": ["chunked_attention"] * 2}, "got 'chunked_attention'"),
        ({"layer_types": ["full_attention"]}, "`layer_types` must be a list of 2 kinds"),
        ({"sliding_window": None}, "`sliding_window` must be given"),
        ({"rope_scaling": {"rope_type": "dynamic", "factor": 2.0}}, "depend on the length of the text"),
        ({"rope_scaling": {"rope_type": "linear"}}, "needs the parameter `factor`"),
        ({"rope_scaling": {"partial_rotary_factor": 0.5}}, "`partial_rotary_factor` must be 1"),
        ({"rope_parameters": {"rope_theta": 5.0}}, "`rope_parameters` must have the keys"),
        ({"head_dim": 3}, "`head_dim` must be even"),
        ({"num_key_value_heads": 3}, "`num_key_value_heads` must divide `num_attention_heads` = 4, got 3"),
        ({"vocab_size": 0}, "`vocab_size` must lie in"),
        ({"final_logit_softcapping": 0.0}, "`final_logit_softcapping` must be above 0"),
    ],
)
def test_what_a_configuration_must_not_say(change, words):
    with pytest.raises(ValueError, match=re.escape(words)):
        mc.DecoderConfig.from_config({**GOOD, **change})


def test_experts_are_refused_by_name():
    with pytest.raises(ValueError, match="`num_local_experts` of gpt_oss must be 0"):
        mc.DecoderConfig.from_config({"model_type": "gpt_oss", **SIZES})


def test_a_size_that_is_missing_is_named():
    with pytest.raises(ValueError, match="must say `hidden_size`"):
        mc.DecoderConfig.from_config({name: value for name, value in GOOD.items() if name != "hidden_size"})


def test_short_formats_scale_the_embedding_in_their_own():
    import ml_dtypes

    config = mc.DecoderConfig.from_config({**GOOD, "num_hidden_layers": 0, "layer_types": [], "hidden_size": 48})
    rng = np.random.default_rng(0)
    params = {name: rng.normal(size=shape).astype(ml_dtypes.bfloat16) for name, shape in config.shapes.items()}
    scores = mc.decoder(params, [1, 2], config)
    assert scores.dtype == ml_dtypes.bfloat16
    x = params["model.embed_tokens.weight"][[1, 2]] * ml_dtypes.bfloat16(48**0.5)  # 6.9375 for 6.9282
    normed = mc.rms_norm(x, 1 + params["model.norm.weight"].astype(np.float32), epsilon=config.epsilon)
    right = mc.linear(normed.astype(ml_dtypes.bfloat16), params["model.embed_tokens.weight"].T)
    np.testing.assert_array_equal(scores, right)


# A folder of a model, and the command that runs it.

LETTERS = "abcdefgh"
FOLDER = {
    "model_type": "qwen3",
    **SIZES,
    "head_dim": 4,
    "tie_word_embeddings": True,
    "vocab_size": 10,
    "eos_token_id": 9,
}


def successor(config):
    """Parameters of a model that goes round in the alphabet: attention and MLPs add nothing."""
    params = {name: np.zeros(shape, np.float32) for name, shape in config.shapes.items()}
    rows = np.eye(10, 8, dtype=np.float32)
    params["model.embed_tokens.weight"] = rows
    params["lm_head.weight"] = np.roll(rows, 1, axis=0)
    params["model.norm.weight"] += 1
    return params


@pytest.fixture
def folder(tmp_path):
    pytest.importorskip("safetensors")
    from mathcore.interop import safetensors as files

    values = {**FOLDER, "tie_word_embeddings": False}
    names = [*LETTERS, "<s>", "</s>"]
    model = {"type": "BPE", "vocab": {name: i for i, name in enumerate(names)}, "merges": []}
    added = [{"id": names.index(name), "content": name, "special": True} for name in names[8:]]
    tokenizer = {"model": model, "added_tokens": added, "decoder": {"type": "Fuse"}}
    (tmp_path / "config.json").write_text(json.dumps(values))
    (tmp_path / "tokenizer.json").write_text(json.dumps(tokenizer))
    files.save(tmp_path / "model.safetensors", successor(mc.DecoderConfig.from_config(values)))
    return tmp_path


def run(*args):
    from click.testing import CliRunner

    from mathcore.cli import main

    done = CliRunner(env={"COLUMNS": "200", "NO_COLOR": "1"}).invoke(main, ["generate", *map(str, args)])
    return done.exit_code, " ".join(done.output.split())


def test_generate_runs_a_folder_of_safetensors(folder):
    assert run(folder, "ab", "--tokens", "3", "--temperature", "0") == (0, "abcde")
    assert run(folder, "a<s>b", "--tokens", "1", "--temperature", "0") == (0, "a<s>bc")


def test_generate_stops_where_a_text_of_safetensors_ends(folder):
    (folder / "generation_config.json").write_text(json.dumps({"eos_token_id": [3, 9]}))
    assert run(folder, "ab", "--temperature", "0") == (0, "abc")


def test_parts_of_safetensors_are_one_model(folder):
    from mathcore.interop import safetensors as files

    whole, parts = mc.load_decoder(folder)[0], {}
    for i, name in enumerate(whole):
        parts.setdefault(f"model-{i % 2}.safetensors", {})[name] = whole[name]
    for file, params in parts.items():
        files.save(folder / file, params)
    (folder / "model.safetensors").unlink()
    where = {name: file for file, params in parts.items() for name in params}
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": where}))
    again, config = mc.load_decoder(folder, dtype="float64")
    assert {name: array.dtype for name, array in again.items()} == dict.fromkeys(whole, np.dtype(np.float64))
    np.testing.assert_equal(again, whole)
    assert config.vocabulary == 10
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": {"a": "../a.safetensors"}}))
    with pytest.raises(ValueError, match="must name files beside it"):
        mc.load_decoder(folder)


def spoil(folder, file, **change):
    path = folder / file
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))


@pytest.mark.parametrize(
    ("break_it", "words"),
    [
        (lambda f: (f / "config.json").unlink(), "config.json cannot be read: No such file"),
        (lambda f: (f / "model.safetensors").unlink(), "model.safetensors cannot be read: No such file"),
        (lambda f: (f / "tokenizer.json").unlink(), "tokenizer.json cannot be read: No such file"),
        (lambda f: (f / "config.json").write_text("{"), "config.json is no JSON"),
        (lambda f: (f / "config.json").write_text("[]"), "config.json must hold an object of JSON, got list"),
        (lambda f: (f / "model.safetensors").write_text("x"), "no file of arrays in the safetensors format"),
        (lambda f: spoil(f, "config.json", model_type="bert"), "`model_type` must be llama,"),
        (lambda f: spoil(f, "config.json", clip_qkv=8.0), "keys that are not known here: clip_qkv"),
        (lambda f: spoil(f, "config.json", hidden_size=16), "must have shape (10, 16), as its config.json says"),
        (lambda f: spoil(f, "config.json", num_hidden_layers=3), "has the parameter 'model.layers.2."),
        (lambda f: spoil(f, "config.json", eos_token_id="x"), "`eos_token_id` must be an integer"),
        (lambda f: spoil(f, "tokenizer.json", model={"vocab": {"a": 0, "b": 12}, "merges": []}), "has a token 12"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_folder_of_safetensors_is_named(folder, break_it, words):
    break_it(folder)
    status, said = run(folder, "ab", "--tokens", "1")
    assert (status, words in said) == (1, True), said


def test_a_prompt_without_tokens_is_refused_before_safetensors(folder):
    assert run(folder)[0] == 1
    assert "nothing to continue" in run(folder)[1]
