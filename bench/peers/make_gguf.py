"""Peer: the backbone of a checkpoint as a GGUF file that llama.cpp gives states of.

    python make_gguf.py <checkpoint> <f32 | bf16> <out.gguf>

Architecture `llama-embed`, kept causal: the graph of `llama` would multiply every token's state by the vocabulary,
which doubles the work of a small model. Pooling `last`: the state of the last token. Vectors stay f32.
"""
import json
import os
import sys

import gguf
import torch
from safetensors import safe_open

checkpoint, precision, out = sys.argv[1:4]

NAMES = {
    "input_layernorm": "attn_norm",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "post_attention_layernorm": "ffn_norm",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}


def interleaved(weight, heads):
    """Rows of a projection for RoPE over neighbours (llama.cpp) instead of over halves (transformers)."""
    rows, columns = weight.shape
    return weight.reshape(heads, 2, rows // heads // 2, columns).swapaxes(1, 2).reshape(rows, columns)


def read_tensors(folder):
    tensors = {}
    for name in sorted(os.listdir(folder)):
        if name.endswith(".safetensors"):
            with safe_open(os.path.join(folder, name), "pt") as file:
                tensors.update({key: file.get_tensor(key).to(torch.float32).numpy() for key in file.keys()})
    return tensors


def add(name, values):
    if values.ndim == 1 or precision == "f32":
        writer.add_tensor(name, values.copy())
    else:
        kind = gguf.GGMLQuantizationType[precision.upper()]
        writer.add_tensor(name, gguf.quants.quantize(values.copy(), kind), raw_dtype=kind)


with open(os.path.join(checkpoint, "config.json")) as file:
    config = json.load(file)
with open(os.path.join(checkpoint, "tokenizer.json")) as file:
    tokenizer = json.load(file)
if config.get("rope_scaling"):
    sys.exit("RoPE is scaled")
if tokenizer["model"]["type"] != "BPE":
    sys.exit("the vocabulary is no BPE")
tensors = read_tensors(checkpoint)
heads, kv_heads = config["num_attention_heads"], config["num_key_value_heads"]

writer = gguf.GGUFWriter(out, "llama-embed")
writer.add_context_length(config["max_position_embeddings"])
writer.add_embedding_length(config["hidden_size"])
writer.add_block_count(config["num_hidden_layers"])
writer.add_feed_forward_length(config["intermediate_size"])
writer.add_head_count(heads)
writer.add_head_count_kv(kv_heads)
writer.add_rope_dimension_count(config.get("head_dim") or config["hidden_size"] // heads)
writer.add_rope_freq_base(config["rope_theta"])
writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
writer.add_causal_attention(True)
writer.add_pooling_type(gguf.PoolingType.LAST)

# A vocabulary, without which no file loads. Prompts are given as token ids, to which nothing is added.
added = {token["id"]: token["content"] for token in tokenizer["added_tokens"]}
words = {**{i: word for word, i in tokenizer["model"]["vocab"].items()}, **added}
ids = range(config["vocab_size"])
writer.add_vocab_size(len(ids))
writer.add_tokenizer_model("gpt2")
writer.add_tokenizer_pre("gpt-2")
writer.add_token_list([words.get(i, f"[unused {i}]") for i in ids])
kinds = gguf.TokenType
writer.add_token_types([kinds.CONTROL if i in added else kinds.NORMAL if i in words else kinds.UNUSED for i in ids])
writer.add_token_merges([m if isinstance(m, str) else " ".join(m) for m in tokenizer["model"]["merges"]])
writer.add_add_bos_token(False)
writer.add_add_eos_token(False)

add("token_embd.weight", tensors["model.embed_tokens.weight"])
add("output_norm.weight", tensors["model.norm.weight"])
for layer in range(config["num_hidden_layers"]):
    for source, target in NAMES.items():
        values = tensors[f"model.layers.{layer}.{source}.weight"]
        if target == "attn_q":
            values = interleaved(values, heads)
        if target == "attn_k":
            values = interleaved(values, kv_heads)
        add(f"blk.{layer}.{target}.weight", values)
writer.write_header_to_file()
writer.write_kv_data_to_file()
writer.write_tensors_to_file()
writer.close()
