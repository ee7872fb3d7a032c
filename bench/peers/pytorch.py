"""Peer: PyTorch + transformers on a reward model's checkpoint, scoring token ids.

    python pytorch.py <checkpoint> <threads>

Reads one JSON object a line from stdin and answers each with one on stdout:

    {"dtype": "fp32" | "bf16", "batch": n, "conversations": [{"ids": [...], "gate": i}, ...]}
    -> {"seconds": s, "cpuSeconds": s, "scores": [...]}    or    {"error": "..."}

batch 1 runs one conversation after another; a larger one sorts by length and pads to the right. Under causal attention
padding to the right is never looked at, so no mask is passed: that lets PyTorch take its fast attention, which a mask
would deny it.
"""
import json
import os
import sys
import time

checkpoint, threads = sys.argv[1], int(sys.argv[2])
os.environ["OMP_NUM_THREADS"] = str(threads)
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TRANSFORMERS_VERBOSITY"] = "error"

import torch  # noqa: E402  (after the environment that it reads)
import transformers  # noqa: E402
from safetensors import safe_open  # noqa: E402
from transformers import LlamaConfig, LlamaModel  # noqa: E402

torch.set_num_threads(threads)
DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}


def read_tensors(folder):
    """All tensors of the checkpoint, in one file or in shards."""
    tensors = {}
    for name in sorted(os.listdir(folder)):
        if name.endswith(".safetensors"):
            with safe_open(os.path.join(folder, name), "pt") as file:
                tensors.update({key: file.get_tensor(key) for key in file.keys()})
    return tensors


with open(os.path.join(checkpoint, "config.json")) as file:
    raw = json.load(file)
tensors = read_tensors(checkpoint)
backbone_weights = {key[len("model.") :]: value for key, value in tensors.items() if key.startswith("model.")}


def build_backbone(dtype):
    model = LlamaModel(LlamaConfig(**{**raw, "use_cache": False}))
    model.load_state_dict({key: value.float() for key, value in backbone_weights.items()})
    return model.to(dtype).eval()


backbones = {name: build_backbone(dtype) for name, dtype in DTYPES.items()}
regression = tensors["regression_layer.weight"].float()  # [K, hidden]
transform = tensors["reward_transform_matrix"].float()  # [K, K]
gate_layers = [
    (tensors[f"gating.layers.{i}.weight"].float(), tensors[f"gating.layers.{i}.bias"].float())
    for i in range(sum(1 for key in tensors if key.startswith("gating.layers.") and key.endswith(".weight")))
]
logit_scale = tensors["gating.logit_scale"].float()
temperature = float(raw.get("gating_temperature", 10))


def heads(response, prompt):
    """[N, hidden] states at the last token and at the gate position -> [N] scores."""
    adjusted = response @ regression.T @ transform
    x = prompt
    for i, (weight, bias) in enumerate(gate_layers):
        x = torch.nn.functional.linear(x, weight, bias)
        if i < len(gate_layers) - 1:
            x = torch.relu(x)
    gating = torch.softmax(x / temperature, dim=-1) * logit_scale
    return (gating * adjusted).sum(-1)


@torch.inference_mode()
def run(dtype, batch, conversations):
    model = backbones[dtype]
    scores = [0.0] * len(conversations)
    order = list(range(len(conversations)))
    if batch > 1:
        order.sort(key=lambda i: len(conversations[i]["ids"]))
    for start in range(0, len(order), batch):
        rows = order[start : start + batch]
        lengths = [len(conversations[i]["ids"]) for i in rows]
        width = max(lengths)
        ids = torch.tensor([conversations[i]["ids"] + [0] * (width - n) for i, n in zip(rows, lengths)])
        states = model(input_ids=ids, use_cache=False).last_hidden_state
        at = torch.arange(len(rows))
        response = states[at, torch.tensor(lengths) - 1].float()
        prompt = states[at, torch.tensor([conversations[i]["gate"] for i in rows])].float()
        for i, score in zip(rows, heads(response, prompt).tolist()):
            scores[i] = score
    return scores


def answer(message):
    print(json.dumps(message), flush=True)


answer({"ready": True, "torch": torch.__version__, "transformers": transformers.__version__})
for line in sys.stdin:
    try:
        request = json.loads(line)
        started, cpu_started = time.perf_counter(), time.process_time()
        scores = run(request["dtype"], request["batch"], request["conversations"])
        seconds, cpu_seconds = time.perf_counter() - started, time.process_time() - cpu_started
        answer({"seconds": seconds, "cpuSeconds": cpu_seconds, "scores": scores})
    except Exception as error:
        answer({"error": f"{type(error).__name__}: {error}"})
