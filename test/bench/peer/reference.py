#!/usr/bin/env python3
"""QuAILoRA (arXiv 2410.14713) as one would write it in PyTorch: what quailora's time and memory are compared with.

usage: reference.py MODEL TEXT [--tokens 65536] [--window 256] [--rank 64] [--solver exact|als|svd] [--als-steps 20]
                    [--held-out-windows 64] [--share] [--bf16]

The whole model is held in float32; a hook on every linear layer of the blocks adds x xT of the layer's input to its H;
bitsandbytes rounds the weights to NF4 with double quantization; then layer after layer is solved for A and B.
--share keeps one H, in float32, for layers that read the same input (q, k, v and gate, up), as a careful author would;
without it every layer has its own in float64. --bf16 runs the forward pass under bfloat16 autocast; H stays as it was.
Prints one JSON object. `seconds`, `cpuSeconds` and `peakRssBytes` cover load, calibrate, quantize and solve, without the
start of Python and its imports; the losses and perplexities that follow are not counted. --held-out-windows 0 leaves the held-out figures out.
"""
import argparse
import gzip
import json
import math
import resource
import time

import bitsandbytes.functional as bnb
import torch
import transformers
from transformers import AutoModelForCausalLM, AutoTokenizer

BATCH = 8
INPUT_OF = {"k_proj": "q_proj", "v_proj": "q_proj", "up_proj": "gate_proj"}


def parse_arguments():
    p = argparse.ArgumentParser()
    p.add_argument("model")
    p.add_argument("text")
    p.add_argument("--tokens", type=int, default=65536)
    p.add_argument("--window", type=int, default=256)
    p.add_argument("--rank", type=int, default=64)
    p.add_argument("--solver", choices=("exact", "als", "svd"), default="exact")
    p.add_argument("--als-steps", type=int, default=20)
    p.add_argument("--held-out-windows", type=int, default=64)
    p.add_argument("--share", action="store_true")
    p.add_argument("--bf16", action="store_true")
    return p.parse_args()


def read_windows(tokenizer, path, window):
    """Tokenizes texts one by one, each record of a .jsonl[.gz] ended by EOS, and cuts them into full windows."""
    opened = gzip.open(path, "rt", encoding="utf-8") if path.endswith(".gz") else open(path, encoding="utf-8")
    ids = []
    with opened as f:
        if path.endswith(".txt"):
            ids = tokenizer(f.read())["input_ids"]
        else:
            for record in map(json.loads, filter(str.strip, f)):
                text = record.get("text") or record.get("chosen") or record["prompt"] + record["completion"]
                ids += tokenizer(text)["input_ids"] + [tokenizer.eos_token_id]
    return torch.tensor(ids[: len(ids) // window * window]).view(-1, window)


class SecondMoments:
    """H by layer name; layers that share an input share one matrix when asked to."""

    def __init__(self, layers, share):
        self.owner = {name: name for name in layers}
        if share:
            for name in layers:
                parent, leaf = name.rsplit(".", 1)
                self.owner[name] = f"{parent}.{INPUT_OF.get(leaf, leaf)}"
        self.layers = layers
        self.dtype = torch.float32 if share else torch.float64

    @torch.no_grad()
    def sum_over(self, model, windows, bf16):
        """Runs the model over the windows and returns H [in, in] by owner."""
        H = {n: torch.zeros(self.layers[n].in_features, self.layers[n].in_features, dtype=self.dtype) for n in set(self.owner.values())}

        def adder(name):
            def add(_, inputs):
                with torch.autocast("cpu", enabled=False):
                    X = inputs[0].flatten(0, -2).float()
                    H[name] += X.T @ X

            return add

        handles = [self.layers[name].register_forward_pre_hook(adder(name)) for name in H]
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=bf16):
            for batch in windows.split(BATCH):
                model.model(batch)
        for handle in handles:
            handle.remove()
        return H


def quantize(W):
    """Returns what bitsandbytes computes with once W is stored as NF4 with double quantization."""
    codes, state = bnb.quantize_4bit(W.bfloat16(), blocksize=64, compress_statistics=True, quant_type="nf4")
    return bnb.dequantize_4bit(codes, state).float()


def solve_exact(E, H, rank):
    """Projects E on the leading eigenvectors of E H ET: the best rank-limited correction in closed form."""
    E = E.double()
    _, vectors = torch.linalg.eigh(E @ H.double() @ E.T)
    leading = vectors[:, -rank:]
    return (leading @ (leading.T @ E)).float()


def solve_als(E, H, rank, steps):
    """Alternates the two least-squares problems of the paper from the truncated SVD of E."""
    U, S, Vh = torch.linalg.svd(E, full_matrices=False)
    root = S[:rank].sqrt()
    A, B = (U[:, :rank] * root).double(), (Vh[:rank].T * root).double()
    E, H = E.double(), H.double()
    for _ in range(steps):
        HB = H @ B
        A = torch.linalg.solve(B.T @ HB, HB.T @ E.T).T
        B = torch.linalg.solve(A.T @ A, A.T @ E).T
    return (A @ B.T).float()


def solve_svd(E, rank):
    """Truncates the SVD of E."""
    U, S, Vh = torch.linalg.svd(E, full_matrices=False)
    return (U[:, :rank] * S[:rank]) @ Vh[:rank]


def solve(E, H, a):
    if a.solver == "svd":
        return solve_svd(E, a.rank)
    return solve_als(E, H, a.rank, a.als_steps) if a.solver == "als" else solve_exact(E, H, a.rank)


@torch.no_grad()
def measure_perplexity(model, windows):
    """Returns exp of the mean negative log-probability of every token but a window's first."""
    total = 0.0
    for batch in windows.split(BATCH):
        logits = model(batch).logits[:, :-1].float()
        total += torch.nn.functional.cross_entropy(logits.flatten(0, 1), batch[:, 1:].flatten(), reduction="sum").item()
    return math.exp(total / (windows.numel() - len(windows)))


def mean_ratio(moments, H, Q, C):
    """Returns the mean over layers of loss with the correction / loss without."""
    ratios = []
    for name, layer in moments.layers.items():
        h = H[moments.owner[name]].double()
        E = (layer.weight - Q[name]).double()
        R = E - C[name].double()
        ratios.append((((R @ h) * R).sum() / ((E @ h) * E).sum()).item())
    return sum(ratios) / len(ratios)


class Stopwatch:
    """Seconds by phase."""

    def __init__(self):
        self.seconds = {}
        self.since = time.perf_counter()

    def lap(self, phase):
        now = time.perf_counter()
        self.seconds[phase] = now - self.since
        self.since = now


def cpu_seconds():
    """Returns processor seconds of all threads so far."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


@torch.no_grad()
def main():
    a = parse_arguments()
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    cpu_before = cpu_seconds()
    watch = Stopwatch()
    model = AutoModelForCausalLM.from_pretrained(a.model, dtype=torch.float32).eval()
    windows = read_windows(AutoTokenizer.from_pretrained(a.model), a.text, a.window)
    count = a.tokens // a.window
    if len(windows) < count + a.held_out_windows:
        raise SystemExit(f"{a.text} holds {len(windows)} windows of {a.window} tokens; {count + a.held_out_windows} are asked for.")
    calibration, held_out = windows[:count], windows[len(windows) - a.held_out_windows :]
    watch.lap("load")
    head = model.get_output_embeddings()
    layers = {n: m for n, m in model.named_modules() if isinstance(m, torch.nn.Linear) and m is not head}
    moments = SecondMoments(layers, a.share)
    H = moments.sum_over(model, calibration, a.bf16)
    watch.lap("calibrate")
    Q = {name: quantize(layer.weight) for name, layer in layers.items()}
    watch.lap("quantize")
    C = {name: solve(layer.weight - Q[name], H[moments.owner[name]], a) for name, layer in layers.items()}
    watch.lap("solve")
    cpu = cpu_seconds() - cpu_before
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024

    result = {
        "solver": a.solver, "rank": a.rank, "tokens": calibration.numel(), "window": a.window, "share": a.share, "bf16": a.bf16,
        "versions": {"torch": torch.__version__, "transformers": transformers.__version__}, "threads": torch.get_num_threads(),
        "phases": watch.seconds, "seconds": sum(watch.seconds.values()), "cpuSeconds": cpu,
        "peakRssBytes": peak, "lossRatio": {"calibration": mean_ratio(moments, H, Q, C)},
    }  # fmt: skip
    if a.held_out_windows:
        result["lossRatio"]["heldOut"] = mean_ratio(moments, moments.sum_over(model, held_out, a.bf16), Q, C)
        perplexity = result["perplexity"] = {"full": measure_perplexity(model, held_out)}
        for kind in ("none", "corrected"):
            for name, layer in layers.items():
                layer.weight.data = Q[name] if kind == "none" else Q[name] + C[name]
            perplexity[kind] = measure_perplexity(model, held_out)
    print(json.dumps(result))


if __name__ == "__main__":
    main()
