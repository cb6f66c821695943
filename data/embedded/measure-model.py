#!/usr/bin/env python3
"""Measure what NF4 and 8 bits cost a small model and what a low-rank correction of NF4 wins back, as JSON, a line a correction.

claim     the table of README.md
command   OMP_NUM_THREADS=1 python measure-model.py data/embedded/model data/embedded/calibration.jsonl data/embedded/held-out.jsonl
versions  those of make-model.py, and bitsandbytes 0.50.2
hardware  one thread of an AVX2 server processor; about a minute

Weights are quantized by bitsandbytes (NF4, blocks of 64, double quantization) and dequantized to bfloat16. The correction is, in
float64, `svd`: the leading part of the SVD of E, or `exact`: U Uᵀ E with U the top eigenvectors of E H Eᵀ, H summed over the
full-precision model's inputs on the calibration windows. `ratio` is the mean over matrices of loss / loss of no correction, on the
calibration windows and on the held-out text. `int8` is LLM.int8's weights alone, activations as they are.
"""
import argparse
import itertools
import json
import math

import bitsandbytes.functional as bnb
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer


def read_windows(tokenizer, path, size, count):
    with open(path, encoding="utf-8") as f:
        texts = [json.loads(line)["text"] for line in f]
    ids = [i for t in texts for i in [*tokenizer(t)["input_ids"], tokenizer.eos_token_id]]
    count = min(count, len(ids) // size)
    return torch.tensor(ids[: count * size]).view(count, size)


def dequantized(w):
    codes, state = bnb.quantize_4bit(w.to(torch.bfloat16), blocksize=64, compress_statistics=True, quant_type="nf4")
    return bnb.dequantize_4bit(codes, state).float()


def dequantized_int8(w):
    codes, scales, _ = bnb.int8_vectorwise_quant(w.half())
    return bnb.int8_vectorwise_dequant(codes, scales)


@torch.no_grad()
def perplexity(model, x):
    total = 0.0
    for w in x.split(32):
        logits = model(w).logits[:, :-1]
        total += torch.nn.functional.cross_entropy(logits.reshape(-1, logits.size(-1)), w[:, 1:].reshape(-1), reduction="sum").item()
    return math.exp(total / (len(x) * (x.size(1) - 1)))


@torch.no_grad()
def second_moments(model, layers, x):
    moments = {n: torch.zeros(m.in_features, m.in_features, dtype=torch.float64) for n, m in layers.items()}

    def hook(name):
        def add(_, inputs):
            rows = inputs[0].reshape(-1, inputs[0].size(-1)).double()
            moments[name] += rows.T @ rows

        return add

    handles = [m.register_forward_pre_hook(hook(n)) for n, m in layers.items()]
    for w in x.split(32):
        model.base_model(w)
    for h in handles:
        h.remove()
    return moments


def left_vectors(E, H):
    """Left singular vectors of E, and eigenvectors of E H Eᵀ, strongest first; U Uᵀ E is the correction of either."""
    return {"svd": torch.linalg.svd(E)[0], "exact": torch.linalg.eigh(E @ H @ E.T)[1].flip(1)}


def mean_ratio(errors, residuals, moments):
    losses = [((R @ moments[n]) * R).sum() / ((errors[n] @ moments[n]) * errors[n]).sum() for n, R in residuals.items()]
    return (sum(losses) / len(losses)).item()


@torch.no_grad()
def main():
    p = argparse.ArgumentParser()
    p.add_argument("model")
    p.add_argument("calibration")
    p.add_argument("text")
    p.add_argument("--ranks", type=int, nargs="+", default=[4, 8, 16, 32, 64])
    p.add_argument("--tokens", type=int, default=32768)
    p.add_argument("--window", type=int, default=128)
    a = p.parse_args()
    torch.set_num_threads(1)
    tokenizer = AutoTokenizer.from_pretrained(a.model)
    model = AutoModelForCausalLM.from_pretrained(a.model, dtype=torch.float32).eval()
    calibration = read_windows(tokenizer, a.calibration, a.window, a.tokens // a.window)
    text = read_windows(tokenizer, a.text, a.window, 10**9)
    layers = {n: m for n, m in model.base_model.named_modules() if isinstance(m, torch.nn.Linear)}
    full = perplexity(model, text)
    H, held = second_moments(model, layers, calibration), second_moments(model, layers, text)
    W = {n: m.weight.detach().clone() for n, m in layers.items()}
    Q = {n: dequantized(w) for n, w in W.items()}
    E = {n: (w - Q[n]).double() for n, w in W.items()}

    def perplexity_with(weights):
        for n, m in layers.items():
            m.weight.data = weights[n]
        return perplexity(model, text)

    int8 = perplexity_with({n: dequantized_int8(w) for n, w in W.items()})
    none = perplexity_with(Q)
    relative = sum((E[n].norm() / W[n].double().norm()).item() for n in layers) / len(layers)
    base = {"calibrationTokens": calibration.numel(), "textTokens": text.numel(), "full": full, "int8": int8, "nf4": none}
    print(json.dumps({**base, "nf4OverFull": none / full, "relativeWeightError": relative}), flush=True)
    vectors = {n: left_vectors(E[n], H[n]) for n in layers}
    for rank, kind in itertools.product(a.ranks, ("svd", "exact")):
        U = {n: v[kind][:, :rank] for n, v in vectors.items()}
        C = {n: U[n] @ (U[n].T @ E[n]) for n in layers}
        R = {n: E[n] - C[n] for n in layers}
        corrected = perplexity_with({n: Q[n] + C[n].float() for n in layers})
        ratio = {"calibration": mean_ratio(E, R, H), "heldOut": mean_ratio(E, R, held)}
        recovered = (none - corrected) / (none - full)
        print(json.dumps({"rank": rank, "correction": kind, "corrected": corrected, "recovered": recovered, "ratio": ratio}), flush=True)


if __name__ == "__main__":
    main()
