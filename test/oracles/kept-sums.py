#!/usr/bin/env python3
"""Holds kept statistics against hooks on transformers' model, read with the code that README shows.

usage: kept-sums.py LABEL --directory DIR --model DIR --calibration SOURCE --tokens N [--window 128] [--readme README.md]

DIR holds statistics/, base/ and report.json. H is summed in float64 from float32 inputs of the full-precision model; G is
E H ET of the module, E = W - dequantize(base). Apart by the Frobenius norm, relative to PyTorch's.
"""
import argparse
import os
import re

import numpy as np
from transformers import AutoModelForCausalLM, AutoTokenizer, logging

from artifacts import Shards, read_json
from checks import Checks
from loss import dequantize, sum_second_moments
from texts import cut_windows

SHOWN = "OUT/statistics/block-0.mlp_input.calibration.arrow"


def readme_code(path):
    """Returns the block of README that reads a file of statistics, as it stands there."""
    with open(path, encoding="utf-8") as file:
        blocks = re.findall(r"^```python\n(.*?)^```$", file.read(), re.DOTALL | re.MULTILINE)
    (block,) = [block for block in blocks if SHOWN in block]
    return block


def read(code, path):
    """Runs README's code on one file; returns the matrix, the tokens and the schema's metadata."""
    scope = {}
    exec(code.replace(SHOWN, path), scope)
    return scope["H"], scope["tokens"], {k.decode(): v.decode() for k, v in scope["table"].schema.metadata.items()}


def main():
    p = argparse.ArgumentParser()
    p.add_argument("label")
    p.add_argument("--directory", required=True)
    p.add_argument("--model", required=True)
    p.add_argument("--calibration", required=True)
    p.add_argument("--tokens", type=int, required=True)
    p.add_argument("--window", type=int, default=128)
    p.add_argument("--readme", default="README.md")
    a = p.parse_args()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    checks = Checks(a.label)
    code = readme_code(a.readme)
    every = cut_windows(AutoTokenizer.from_pretrained(a.model), a.calibration, a.window)
    count = a.tokens // a.window
    held = int(0.1 * count + 0.5)
    model = AutoModelForCausalLM.from_pretrained(a.model, dtype="float32").eval()
    moments = {"calibration": sum_second_moments(model, every[:count]), "heldOut": sum_second_moments(model, every[len(every) - held :])}
    weights, base = dict(model.named_modules()), Shards(os.path.join(a.directory, "base"))
    folder = os.path.join(a.directory, "statistics")
    worst, meanings, symmetric, covered = {}, True, True, set()
    for entry in read_json(folder, "statistics.json")["files"]:
        sums, tokens, meaning = read(code, os.path.join(folder, entry["file"]))
        kind, split, modules = meaning["kind"], meaning["split"], meaning["modules"].split(",")
        meanings &= modules == entry["modules"] and tokens == (count if split == "calibration" else held) * a.window
        symmetric &= np.array_equal(sums, sums.T)
        expected = moments[split][modules[0]]
        if kind == "G":
            E = weights[modules[0]].weight.detach().double() - dequantize(base, modules[0])
            expected = E @ expected @ E.T
        expected = expected.numpy()
        apart = np.linalg.norm(sums - expected) / np.linalg.norm(expected)
        worst[kind, split] = max(worst.get((kind, split), 0.0), apart)
        covered.update(modules)
    checks.that(meanings, "metadata names modules and tokens as the index does")
    checks.that(symmetric, "README's code gives a symmetric matrix")
    checks.that(covered == {m["name"] for m in read_json(a.directory, "report.json")["modules"]}, "every module has its sum", len(covered))
    for (kind, split), apart in sorted(worst.items()):
        checks.that(apart < 1e-4, f"every {kind}, {split}, is what PyTorch sums", f"worst {apart:.1e}")
    checks.finish()


if __name__ == "__main__":
    main()
