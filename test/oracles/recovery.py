#!/usr/bin/env python3
"""Measures with the stock libraries how much of a quantization's loss each adapter recovers on held-out text.

usage: recovery.py LABEL --model DIR --text SOURCE NAME=DIR [NAME=DIR …] [--window 256] [--windows 64]
                   [--ratio 0.215] [--recovered 0.85] [--remark TEXT]

Every DIR holds base/, adapter/ and report.json of the same quantization. Perplexity on the last windows of the source of the
full-precision model, of the first base without an adapter, and of each base with its adapter; recovered =
(base - corrected) / (base - full). With two directories named als and exact, exact's calibration loss is never above
als' by more than 0.1 % on any module. The last line is a JSON object with every figure.
"""
import argparse
import json
import os

import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer, logging

from artifacts import read_json
from checks import Checks
from texts import cut_windows, perplexity


def load(directory):
    """Loads a full-precision or quantized model for evaluation."""
    return AutoModelForCausalLM.from_pretrained(directory, dtype=torch.float32).eval()


def mean_ratio(modules, key):
    """Returns the mean over modules of final / none."""
    return sum(m[key]["final"] / m[key]["none"] for m in modules) / len(modules)


def main():
    p = argparse.ArgumentParser()
    p.add_argument("label")
    p.add_argument("directories", nargs="+", metavar="NAME=DIR")
    p.add_argument("--model", required=True)
    p.add_argument("--text", required=True)
    p.add_argument("--window", type=int, default=256)
    p.add_argument("--windows", type=int, default=64)
    p.add_argument("--ratio", type=float, default=0.215, help="greatest mean held-out loss ratio")
    p.add_argument("--recovered", type=float, default=0.85, help="least recovered part")
    p.add_argument("--remark", default="")
    a = p.parse_args()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    checks = Checks(a.label)
    directories = dict(d.split("=", 1) for d in a.directories)
    windows = cut_windows(AutoTokenizer.from_pretrained(a.model), a.text, a.window)[-a.windows :]
    full = perplexity(load(a.model), windows)
    base = perplexity(load(os.path.join(next(iter(directories.values())), "base")), windows)
    figures = {"remark": a.remark, "windows": len(windows), "window": a.window, "perplexity": {"full": full, "none": base}}
    modules = {}
    for name, directory in directories.items():
        adapted = PeftModel.from_pretrained(load(os.path.join(directory, "base")), os.path.join(directory, "adapter")).eval()
        corrected = perplexity(adapted, windows)
        report = read_json(directory, "report.json")
        modules[name] = {m["name"]: m for m in report["modules"]}
        ratios = {key: mean_ratio(report["modules"], source) for key, source in (("calibration", "loss"), ("heldOut", "heldOut"))}
        recovered = (base - corrected) / (base - full)
        figures[name] = {"perplexity": corrected, "recovered": recovered, "lossRatio": ratios, "peakRssBytes": report["peakRssBytes"]}
        checks.that(ratios["heldOut"] <= a.ratio, f"{name}: mean held-out loss ratio at most {a.ratio:g}", f"{ratios['heldOut']:.4f}")
        checks.that(recovered >= a.recovered, f"{name}: at least {a.recovered:.0%} of the loss recovered", f"{recovered:.3f}")
    if {"als", "exact"} <= modules.keys():
        over = max(modules["exact"][n]["loss"]["final"] / m["loss"]["final"] for n, m in modules["als"].items())
        figures["exactOverAls"] = over
        checks.that(over <= 1.001, "exact is never above als in calibration loss", f"worst ratio {over:.6f}")
    print(json.dumps(figures))
    checks.finish()


if __name__ == "__main__":
    main()
