"""Models of Hugging Face's Transformers: Llama, Mistral, Qwen 3, Gemma 3, and GPT-OSS with an MLP for its experts."""

import copy

import torch
from transformers import CONFIG_MAPPING, AutoModelForCausalLM
from transformers.models.llama.modeling_llama import LlamaMLP

from mathcore.verify import Conventions, Target


class Dense(LlamaMLP):
    def forward(self, x):
        return super().forward(x), None


def decoder(params, ids, config):
    """A model of that configuration, with these parameters."""
    given = copy.deepcopy({key: value for key, value in config.items() if key != "model_type"})  # it fills some in
    made = CONFIG_MAPPING[config["model_type"]](**given, attn_implementation="eager")
    model = AutoModelForCausalLM.from_config(made, dtype=torch.float32).eval()
    if config["model_type"] == "gpt_oss":
        sizes = {key: config[key] for key in ("hidden_size", "intermediate_size", "num_attention_heads")}
        for layer in model.model.layers:
            layer.mlp = Dense(CONFIG_MAPPING["llama"](**sizes))
    params = dict(params)
    if config["tie_word_embeddings"]:
        params["lm_head.weight"] = params["model.embed_tokens.weight"]
    model.load_state_dict(params)
    with torch.no_grad():
        return model(ids.reshape(-1, ids.shape[-1])).logits.reshape(*ids.shape, -1)


TARGETS = (
    Target.torch(
        "Decoders, Transformers", decoder=decoder, dtypes="float32",
        conventions=Conventions(errors="none"),
    ),
)  # fmt: skip
