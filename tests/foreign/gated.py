"""Gates and gated MLPs as people write them: PyTorch, fused layouts, and Transformers' Llama, Gemma and GPT-OSS."""

import functools

import torch
import torch.nn.functional as F  # noqa: N812  (everybody's name for it)
from transformers import GemmaConfig, GptOssConfig, LlamaConfig
from transformers.models.gemma.modeling_gemma import GemmaMLP
from transformers.models.gpt_oss.modeling_gpt_oss import GptOssExperts
from transformers.models.llama.modeling_llama import LlamaMLP

from mathcore.verify import Conventions, Target
from mathcore.verify.errors import NotTriedError
from tests.foreign.activations import known
from tests.foreign.layers_torch import pulled_back


def silu_and_mul(both, *, alpha=1.0, beta=0.0, limit=None):
    """The gate in the first half, as in vLLM."""
    gate, up = both.chunk(2, -1)
    if limit is not None:
        gate, up = gate.clamp(max=limit), up.clamp(-limit, limit)
    if alpha == 1:
        return F.silu(gate) * (up + beta if beta else up)
    return gate * torch.sigmoid(gate * alpha) * (up + beta)


def silu_and_mul_vjp(cotangent, both, **how):
    return pulled_back(cotangent, lambda leaf: silu_and_mul(leaf, **how), both)


def geglu(both, *, approximate="none"):
    """The gate in the second half, as in diffusers."""
    hidden, gate = both.chunk(2, -1)
    return hidden * F.gelu(gate, approximate=known(approximate))


def geglu_vjp(cotangent, both, **how):
    return pulled_back(cotangent, lambda leaf: geglu(leaf, **how), both)


@functools.lru_cache(maxsize=32)
def module(kind, activation, inputs, hidden, biased):
    sizes = {"hidden_size": inputs, "intermediate_size": hidden, "hidden_act": activation}
    if kind is GemmaMLP:
        return kind(GemmaConfig(**sizes))
    return kind(LlamaConfig(**sizes, mlp_bias=biased, num_attention_heads=1))


NAMES = ("gate_proj", "up_proj", "down_proj")


def of_module(kind):
    """A module of Transformers as a function: as wide behind as in front, with all biases or none."""

    def gated_mlp(x, gate, up, down, *, gate_bias=None, up_bias=None, down_bias=None, activation="silu"):
        biases = (gate_bias, up_bias, down_bias)
        biased = biases[0] is not None
        if down.shape[1] != gate.shape[0] or any((b is not None) != biased for b in biases):
            raise NotTriedError("gated_mlp", "other widths, or a part of the biases")
        if kind is GemmaMLP and (biased or activation == "gelu"):  # which Gemma takes for the one by tanh
            raise NotTriedError("gated_mlp", "biases, or the exact GELU")
        layer = module(kind, activation, gate.shape[0], gate.shape[1], biased)
        given = {f"{name}.weight": w.T for name, w in zip(NAMES, (gate, up, down), strict=True)}
        given.update({f"{name}.bias": b for name, b in zip(NAMES, biases, strict=True) if biased})
        return torch.func.functional_call(layer, given, (x,))

    return gated_mlp


def gated_mlp(x, gate, up, down, *, gate_bias=None, up_bias=None, down_bias=None, activation="silu"):
    """By `linear`, whose weights are (outputs, inputs)."""
    opened = {
        "silu": F.silu,
        "gelu": F.gelu,
        "gelu_pytorch_tanh": functools.partial(F.gelu, approximate="tanh"),
        "quick_gelu": lambda h: h * torch.sigmoid(1.702 * h),
    }[activation]
    a = opened(F.linear(x, gate.T, gate_bias)) * F.linear(x, up.T, up_bias)
    return F.linear(a, down.T, down_bias)


def gated_mlp_vjp(cotangent, x, gate, up, down, *, gate_bias=None, up_bias=None, down_bias=None, activation="silu"):
    biases = {"gate_bias": gate_bias, "up_bias": up_bias, "down_bias": down_bias}
    given = [name for name, bias in biases.items() if bias is not None]

    def layer(*leaves):
        return gated_mlp(*leaves[:4], **dict(zip(given, leaves[4:], strict=True)), activation=activation)

    return pulled_back(cotangent, layer, x, gate, up, down, *(biases[name] for name in given))


@functools.cache
def experts():
    sizes = {"hidden_size": 2, "intermediate_size": 2, "num_local_experts": 1, "num_attention_heads": 1}
    return GptOssExperts(GptOssConfig(**sizes, num_key_value_heads=1, head_dim=2))


def gate_of_gpt_oss(gate, up, *, alpha=1.0, beta=0.0, limit=None):
    """The method of the experts, on columns that take turns; 1 is always added."""
    if beta != 1:
        raise NotTriedError("swiglu", "another `beta` than 1")
    layer = experts()
    layer.alpha, layer.limit = alpha, float("inf") if limit is None else limit
    return layer._apply_gate(torch.stack((gate, up), -1).reshape(*gate.shape[:-1], -1) if gate.ndim else gate)


def gate_of_gpt_oss_vjp(cotangent, gate, up, **how):
    return pulled_back(cotangent, lambda *leaves: gate_of_gpt_oss(*leaves, **how), gate, up)


WIDE = ("float64", "float32")
LAX = Conventions(errors="none")
TARGETS = (
    Target.torch("SwiGLU in one array, torch", swiglu=silu_and_mul, swiglu_vjp=silu_and_mul_vjp, dtypes=WIDE,
                 conventions=Conventions(errors="none", gate_up_layout="gate-up")),
    Target.torch("GEGLU in one array, torch", geglu=geglu, geglu_vjp=geglu_vjp, dtypes=WIDE,
                 conventions=Conventions(errors="none", gate_up_layout="up-gate")),
    Target.torch("gated MLP, torch", gated_mlp=gated_mlp, gated_mlp_vjp=gated_mlp_vjp, dtypes=WIDE, conventions=LAX),
    Target.torch("MLP of Llama, Transformers", gated_mlp=of_module(LlamaMLP), dtypes=WIDE, conventions=LAX),
    Target.torch("MLP of Gemma, Transformers", gated_mlp=of_module(GemmaMLP), dtypes=WIDE, conventions=LAX),
    Target.torch("gate of GPT-OSS, Transformers", swiglu=gate_of_gpt_oss, swiglu_vjp=gate_of_gpt_oss_vjp, dtypes=WIDE,
                 conventions=LAX),
)  # fmt: skip
