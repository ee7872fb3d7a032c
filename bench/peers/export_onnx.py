"""Peer: the backbone of a checkpoint as `torch.onnx.export` writes it, for the plain onnxruntime-node server.

    python export_onnx.py <checkpoint> <out.onnx>

Input `input_ids` [1, tokens] int64, output `states` [1, tokens, hidden] float32, weights beside the file. The
exporter's defaults: no pass over the graph but its own.
"""
import os
import sys

checkpoint, out = sys.argv[1:3]
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TRANSFORMERS_VERBOSITY"] = "error"

import torch  # noqa: E402  (after the environment that it reads)
from transformers import LlamaModel  # noqa: E402


class Backbone(torch.nn.Module):
    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, input_ids):
        return self.model(input_ids=input_ids, use_cache=False).last_hidden_state


model = LlamaModel.from_pretrained(checkpoint, dtype=torch.float32).eval()
tokens = torch.export.Dim("tokens", min=2, max=model.config.max_position_embeddings)
torch.onnx.export(
    Backbone(model).eval(),
    (torch.arange(20)[None],),
    out,
    input_names=["input_ids"],
    output_names=["states"],
    dynamic_shapes={"input_ids": {1: tokens}},
    dynamo=True,
    verbose=False,
)
