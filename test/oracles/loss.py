#!/usr/bin/env python3
"""Recomputes the losses that report.json claims, with hooks on transformers' model and the bytes on disk.

usage: loss.py LABEL --directory DIR --model DIR --calibration SOURCE --tokens N [--window 128] [--held-out 0.1]

DIR holds base/, adapter/ and report.json. H is summed in float64 from float32 inputs of the full-precision model over the
first N / window windows; loss = trace(R H RT) / tokens with R = W - Q (none) and R = W - Q - scaling B A (final), where Q
is dequantized by bitsandbytes. The same on the last windows of the source for the held-out figures.
"""
import argparse
import os

import bitsandbytes.functional as bnb
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, logging

from artifacts import Adapter, Shards, read_json
from checks import Checks
from texts import cut_windows

STATE = ".weight.quant_state.bitsandbytes__nf4"


@torch.no_grad()
def sum_second_moments(model, windows):
    """Returns H [in, in] float64 by module name, one object for modules that read the same input."""
    sums, handles, seen = {}, [], {}

    def hook(name):
        def add(_, args):
            x = args[0]
            if seen.get("input") is not x:
                rows = x.reshape(-1, x.shape[-1]).double()
                seen.update(input=x, product=rows.T @ rows)
            sums[name] = sums.get(name, 0) + seen["product"]

        return add

    for name, module in model.named_modules():
        if isinstance(module, torch.nn.Linear) and module is not model.get_output_embeddings():
            handles.append(module.register_forward_pre_hook(hook(name)))
    for start in range(0, len(windows), 8):
        model.model(windows[start : start + 8])
    for handle in handles:
        handle.remove()
    return sums


def dequantize(base, module):
    """Returns the weights that bitsandbytes will compute with, float64."""
    if f"{module}{STATE}" in base:
        prefix = f"{module}.weight."
        state = bnb.QuantState.from_dict({k: base[k] for k in base if k.startswith(prefix)}, device=torch.device("cpu"))
        return bnb.dequantize_4bit(base[f"{module}.weight"], state).double()
    return base[f"{module}.weight"].double() * base[f"{module}.SCB"].double()[:, None] / 127


def weigh(R, H, tokens):
    """Returns trace(R H RT) per token."""
    return ((R @ H) * R).sum().item() / tokens


def main():
    p = argparse.ArgumentParser()
    p.add_argument("label")
    p.add_argument("--directory", required=True)
    p.add_argument("--model", required=True)
    p.add_argument("--calibration", required=True)
    p.add_argument("--tokens", type=int, required=True)
    p.add_argument("--window", type=int, default=128)
    p.add_argument("--held-out", type=float, default=0.1)
    a = p.parse_args()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    checks = Checks(a.label)
    every = cut_windows(AutoTokenizer.from_pretrained(a.model), a.calibration, a.window)
    count = a.tokens // a.window
    # Halves round up, as in JavaScript; Python's round would go to the even number.
    held_count = int(a.held_out * count + 0.5)
    model = AutoModelForCausalLM.from_pretrained(a.model, dtype=torch.float32).eval()
    calibrated = sum_second_moments(model, every[:count])
    held = sum_second_moments(model, every[len(every) - held_count :]) if held_count else None
    base, adapter = Shards(os.path.join(a.directory, "base")), Adapter(os.path.join(a.directory, "adapter"))
    weights = dict(model.named_modules())
    modules = read_json(a.directory, "report.json")["modules"]
    checks.that(sorted(m["name"] for m in modules) == adapter.modules, "report names the adapter's modules", len(modules))
    worst = {}
    ratios = {"calibration": 0.0, "held out": 0.0}
    for module in modules:
        name = module["name"]
        E = weights[name].weight.detach().double() - dequantize(base, name)
        R = E - adapter.delta(name)
        pairs = {"loss.none": (module["loss"]["none"], weigh(E, calibrated[name], count * a.window)),
                 "loss.final": (module["loss"]["final"], weigh(R, calibrated[name], count * a.window))}  # fmt: skip
        ratios["calibration"] += pairs["loss.final"][1] / pairs["loss.none"][1] / len(modules)
        if held:
            pairs["heldOut.none"] = (module["heldOut"]["none"], weigh(E, held[name], held_count * a.window))
            pairs["heldOut.final"] = (module["heldOut"]["final"], weigh(R, held[name], held_count * a.window))
            ratios["held out"] += pairs["heldOut.final"][1] / pairs["heldOut.none"][1] / len(modules)
        for what, (claimed, measured) in pairs.items():
            worst[what] = max(worst.get(what, 0.0), abs(claimed / measured - 1))
    for what, apart in worst.items():
        checks.that(apart < 2e-3, f"{what} of every module is what PyTorch measures", f"worst {apart:.1e}")
    checks.note("mean loss ratio " + ", ".join(f"{k} {v:.4f}" for k, v in ratios.items()))
    checks.finish()


if __name__ == "__main__":
    main()
