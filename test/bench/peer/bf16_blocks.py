#!/usr/bin/env python3
"""How far bfloat16 moves what leaves each block of a model from float32.

usage: bf16_blocks.py MODEL WINDOWS.json

WINDOWS.json is a list of windows of token ids. The model runs in float32, under bfloat16 autocast (products rounded, what
flows from block to block in float32), and held in bfloat16 altogether. Prints one JSON object: for `autocast` and `bfloat16` the
relative difference to float32 after each block, the norm of the difference of all tokens by that of float32's.
"""
import json
import sys

import torch
import transformers
from transformers import AutoModelForCausalLM


def record_blocks(model, outputs):
    """Appends what leaves each block, float32, to `outputs` as the model runs."""
    blocks = next(m for m in model.modules() if isinstance(m, torch.nn.ModuleList) and len(m) == model.config.num_hidden_layers)
    for block in blocks:
        block.register_forward_hook(lambda _, __, out: outputs.append((out[0] if isinstance(out, tuple) else out).float()))


class Runner:
    def __init__(self, directory, dtype, autocast):
        self.model = AutoModelForCausalLM.from_pretrained(directory, dtype=dtype).eval()
        self.autocast = autocast
        self.outputs = []
        record_blocks(self.model, self.outputs)

    @torch.no_grad()
    def run(self, ids):
        self.outputs.clear()
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=self.autocast):
            self.model.base_model(ids, use_cache=False)
        return list(self.outputs)


directory, path = sys.argv[1:]
with open(path, encoding="utf-8") as f:
    windows = json.load(f)
exact = Runner(directory, torch.float32, False)
rounded = {"autocast": Runner(directory, torch.float32, True), "bfloat16": Runner(directory, torch.bfloat16, False)}
squares = torch.zeros(exact.model.config.num_hidden_layers, dtype=torch.float64)
differences = {name: torch.zeros_like(squares) for name in rounded}
for window in windows:
    ids = torch.tensor([window])
    expected = exact.run(ids)
    squares += torch.stack([x.double().square().sum() for x in expected])
    for name, runner in rounded.items():
        differences[name] += torch.stack([(x - y).double().square().sum() for x, y in zip(expected, runner.run(ids), strict=True)])
result = {name: (d / squares).sqrt().tolist() for name, d in differences.items()}
print(json.dumps({**result, "versions": {"torch": torch.__version__, "transformers": transformers.__version__}}))
