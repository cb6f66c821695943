"""Readers of what quailora writes and of the checkpoint it was written from, straight from the safetensors files."""
import ast
import json
import os
import re

import torch
from safetensors import safe_open
from safetensors.torch import load_file


def read_json(*path):
    """Parses one JSON file."""
    with open(os.path.join(*path), encoding="utf-8") as f:
        return json.load(f)


def last_event(path):
    """Returns the result of a `--json` run: its last line."""
    with open(path, encoding="utf-8") as f:
        return json.loads([line for line in f if line.strip()][-1])


class Shards:
    """Tensors of a checkpoint directory by name, single file or shards with an index; nothing is read until asked for."""

    def __init__(self, directory):
        self.directory = directory
        index = os.path.join(directory, "model.safetensors.index.json")
        if os.path.exists(index):
            self.files = read_json(index)["weight_map"]
        else:
            with safe_open(os.path.join(directory, "model.safetensors"), "pt") as f:
                self.files = dict.fromkeys(f.keys(), "model.safetensors")

    def __contains__(self, name):
        return name in self.files

    def __iter__(self):
        return iter(self.files)

    def __getitem__(self, name):
        with safe_open(os.path.join(self.directory, self.files[name]), "pt") as f:
            return f.get_tensor(name)


class Adapter:
    """A LoRA adapter read without peft: factors in float64 by module name, and the scaling its configuration asks for."""

    def __init__(self, directory):
        self.config = read_json(directory, "adapter_config.json")
        self.tensors = load_file(os.path.join(directory, "adapter_model.safetensors"))
        r, alpha = self.config["r"], self.config["lora_alpha"]
        self.scaling = alpha / r**0.5 if self.config.get("use_rslora") else alpha / r
        suffix = ".lora_A.weight"
        self.modules = sorted(k[len("base_model.model.") : -len(suffix)] for k in self.tensors if k.endswith(suffix))

    def factors(self, module):
        """Returns A [r, in] and B [out, r]."""
        key = f"base_model.model.{module}"
        return self.tensors[f"{key}.lora_A.weight"].double(), self.tensors[f"{key}.lora_B.weight"].double()

    def delta(self, module):
        """Returns scaling · B · A, [out, in], float64."""
        A, B = self.factors(module)
        return self.scaling * (B @ A)


def read_card(directory):
    """Returns (keyword arguments of BitsAndBytesConfig, dtype) as the adapter's model card states them.

    The card's Python is parsed, never run: literals and names of torch are all it may hold.
    """
    with open(os.path.join(directory, "README.md"), encoding="utf-8") as f:
        blocks = re.findall(r"```python\n(.*?)```", f.read(), re.S)
    config = dtype = None
    for block in blocks:
        for call in (n for n in ast.walk(ast.parse(block)) if isinstance(n, ast.Call)):
            name = getattr(call.func, "id", getattr(call.func, "attr", ""))
            arguments = {k.arg: k.value for k in call.keywords}
            if name == "BitsAndBytesConfig":
                config = {k: evaluate(v) for k, v in arguments.items()}
            if name == "from_pretrained" and "dtype" in arguments:
                dtype = evaluate(arguments["dtype"])
    if config is None or dtype is None:
        raise ValueError(f"{directory}/README.md states no BitsAndBytesConfig or no dtype in its Python blocks.")
    return config, dtype


def evaluate(node):
    """Evaluates a literal or `torch.NAME`."""
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "torch":
        return getattr(torch, node.attr)
    return ast.literal_eval(node)
