#!/usr/bin/env python3
"""Compares the Arrow file of `quailora evaluate MODEL --logprobs FILE` with transformers, token by token.

usage: logprobs.py LABEL --model DIR --text SOURCE --arrow FILE [--window 128] [--tokens 4096] [--tolerance 1e-4]

The full-precision model runs in float32 on the same windows; no log-probability may differ by more than the tolerance.
"""
import argparse

import numpy
import pyarrow
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, logging

from checks import Checks
from texts import cut_windows, token_logprobs


def read_logprobs(path):
    """Returns the float32 column `logprob` of an Arrow IPC file or stream."""
    with pyarrow.memory_map(path) as source:
        try:
            table = pyarrow.ipc.open_file(source).read_all()
        except pyarrow.ArrowInvalid:
            source.seek(0)
            table = pyarrow.ipc.open_stream(source).read_all()
        return table.schema.field("logprob").type, table["logprob"].to_numpy().copy()


def main():
    p = argparse.ArgumentParser()
    p.add_argument("label")
    p.add_argument("--model", required=True)
    p.add_argument("--text", required=True)
    p.add_argument("--arrow", required=True)
    p.add_argument("--window", type=int, default=128)
    p.add_argument("--tokens", type=int, default=4096)
    p.add_argument("--tolerance", type=float, default=1e-4)
    a = p.parse_args()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    checks = Checks(a.label)
    windows = cut_windows(AutoTokenizer.from_pretrained(a.model), a.text, a.window)[: a.tokens // a.window]
    model = AutoModelForCausalLM.from_pretrained(a.model, dtype=torch.float32).eval()
    expected = token_logprobs(model, windows).flatten().numpy()
    kind, got = read_logprobs(a.arrow)
    checks.that(kind == pyarrow.float32(), "column logprob is float32", kind)
    if checks.that(got.shape == expected.shape, "one value for each predicted token", f"{got.size} of {expected.size}"):
        worst = float(numpy.abs(got - expected).max())
        checks.that(worst <= a.tolerance, f"log-probabilities within {a.tolerance:g} of transformers", f"{worst:.1e} over {got.size} tokens")
    checks.finish()


if __name__ == "__main__":
    main()
