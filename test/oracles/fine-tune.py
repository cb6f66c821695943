#!/usr/bin/env python3
"""Holds the parts of pipelines/reproduce/ against what they promise, on one base, its adapter and the checkpoint they are of.

usage: fine-tune.py LABEL --model DIR --base DIR --adapter DIR --text SOURCE [--window 64] [--rows 4]

Checks: after an evaluation every factor still has the gradient that the same values in plain layers give (a repacked 4-bit weight
gives none to the layers below it); the base that absorbs the factors scores as the checkpoint; samples are formatted, cut and
masked as the QLoRA recipe does it, and padding changes no score.
"""
import argparse
import json
import os
import sys
import tempfile

import torch
from transformers import AutoTokenizer, logging

from checks import Checks
from texts import cut_windows

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "pipelines", "reproduce"))
from models import absorb, attach_adapter, load_base  # noqa: E402
from records import IGNORED, negative_log_likelihood, read_samples  # noqa: E402


def gradients(a, weights, windows):
    """Returns the gradient of every factor after the model was evaluated once."""
    model = attach_adapter(load_base(a.base, weights), a.adapter, trainable=True)
    with torch.no_grad():
        model.eval()(input_ids=windows)
    model.train()(input_ids=windows, labels=windows).loss.backward()
    return {n: p.grad for n, p in model.named_parameters() if p.requires_grad}


def check_gradients(checks, a, windows):
    stored, plain = gradients(a, "stored", windows), gradients(a, "dequantized", windows)
    missing = [n for n, g in stored.items() if g is None or not g.any()]
    checks.that(stored and not missing, "after an evaluation every factor has a gradient", f"{len(stored) - len(missing)} of {len(stored)}")
    apart = sum((stored[n] - g).square().sum() for n, g in plain.items() if n not in missing).sqrt().item()
    off = apart / sum(g.square().sum() for g in plain.values()).sqrt().item()
    # Linear4bit goes forward with float32 values and back with the same rounded to the checkpoint's bfloat16
    checks.that(off < 0.05, "gradients are those of plain layers with the same values", f"{off:.1e}")


def check_absorbing(checks, a, windows):
    samples = [{"input_ids": w, "labels": w} for w in windows.tolist()]
    full, _ = negative_log_likelihood(load_base(a.model, "stored").eval(), samples)
    absorbing = absorb(attach_adapter(load_base(a.model, "absorbing"), a.adapter, trainable=False)).eval()
    off = abs(negative_log_likelihood(absorbing, samples)[0] / full - 1)
    checks.that(off < 1e-5, "the base that absorbs the factors scores as the checkpoint with them", f"{off:.1e}")
    changed = abs(negative_log_likelihood(absorbing.unload(), samples)[0] / full - 1)
    checks.that(changed > 1e-5, "and otherwise without them", f"{changed:.1e}")


def check_samples(checks, a):
    tokenizer = AutoTokenizer.from_pretrained(a.model)
    record = {"prompt": "Call me Ishmael." * 9, "completion": " Some years ago"}
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "records.jsonl")
        with open(path, "w", encoding="utf-8") as f:
            f.write(json.dumps(record) + "\n" + json.dumps({"prompt": "Call", "completion": " me" * 40}) + "\n")
        samples = read_samples(path, "self-instruct", tokenizer, 12, 10)
    asked = tokenizer(tokenizer.bos_token + record["prompt"], add_special_tokens=False)["input_ids"][:12]
    answer = tokenizer(record["completion"], add_special_tokens=False)["input_ids"] + [tokenizer.eos_token_id]
    right = samples[0] == {"input_ids": asked + answer[:10], "labels": [IGNORED] * 12 + answer[:10]}
    checks.that(right, "BOS + what is asked, cut and not scored, then the answer + EOS")
    checks.that(samples[1]["labels"][-1] != tokenizer.eos_token_id, "a cut answer has no EOS")
    model = load_base(a.model, "stored").eval()
    alone = sum(negative_log_likelihood(model, [s])[0] for s in samples)
    together, tokens = negative_log_likelihood(model, samples)
    checks.that(abs(together / alone - 1) < 1e-5, "padding changes no score", f"{abs(together / alone - 1):.1e}")
    checks.that(tokens == sum(i != IGNORED for s in samples for i in s["labels"]), "every token of an answer is scored", tokens)


def main():
    p = argparse.ArgumentParser()
    p.add_argument("label")
    p.add_argument("--model", required=True)
    p.add_argument("--base", required=True)
    p.add_argument("--adapter", required=True)
    p.add_argument("--text", required=True)
    p.add_argument("--window", type=int, default=64)
    p.add_argument("--rows", type=int, default=4)
    a = p.parse_args()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    checks = Checks(a.label)
    windows = cut_windows(AutoTokenizer.from_pretrained(a.model), a.text, a.window)[: a.rows]
    check_gradients(checks, a, windows)
    check_absorbing(checks, a, windows)
    check_samples(checks, a)
    checks.finish()


if __name__ == "__main__":
    main()
