"""Milliseconds of steps of gate training in PyTorch, [clock, CPU] each, as JSON: the peer of bench/gate.ts."""

import json
import sys
import time

import torch

hidden, width, layers, objectives, batch = map(int, sys.argv[1:6])
dropout, steps, threads = float(sys.argv[6]), int(sys.argv[7]), int(sys.argv[8])
torch.set_num_threads(threads)
torch.manual_seed(0)

modules = []
for layer in range(layers):
    modules += [torch.nn.Linear(hidden if layer == 0 else width, width), torch.nn.ReLU(), torch.nn.Dropout(dropout)]
gate = torch.nn.Sequential(*modules, torch.nn.Linear(width if layers else hidden, objectives))
scale = torch.nn.Parameter(torch.ones(1))
# The fastest of torch's three implementations.
optimizer = torch.optim.AdamW([*gate.parameters(), scale], lr=1e-3, weight_decay=0.0, fused=True)
states = torch.randn(batch, hidden)
differences = torch.randn(batch, objectives)

times = []
for _ in range(steps):
    start = [time.perf_counter(), time.process_time()]
    rows = torch.randperm(batch)
    weights = torch.softmax(gate(states[rows]) / 10, dim=-1) * scale
    loss = torch.nn.functional.softplus(-(weights * differences[rows]).sum(dim=-1)).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    times.append([1000 * (time.perf_counter() - start[0]), 1000 * (time.process_time() - start[1])])
print(json.dumps(times))
