#!/usr/bin/env python3
"""Loads base and adapter ready to train with stock peft and takes three AdamW steps.

usage: train.py LABEL --base DIR --adapter DIR --text SOURCE [--window 64] [--rows 2]

Checks: finite losses, and on every lora_A and lora_B a finite gradient that is not zero; nothing else is trained.
"""
import argparse

import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer, logging

from checks import Checks
from texts import cut_windows

STEPS = 3


def main():
    p = argparse.ArgumentParser()
    p.add_argument("label")
    p.add_argument("--base", required=True)
    p.add_argument("--adapter", required=True)
    p.add_argument("--text", required=True)
    p.add_argument("--window", type=int, default=64)
    p.add_argument("--rows", type=int, default=2)
    a = p.parse_args()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    torch.manual_seed(0)
    checks = Checks(a.label)
    windows = cut_windows(AutoTokenizer.from_pretrained(a.base), a.text, a.window)[: a.rows]
    model = AutoModelForCausalLM.from_pretrained(a.base, dtype=torch.float32)
    model = PeftModel.from_pretrained(model, a.adapter, is_trainable=True).train()
    trained = {n: q for n, q in model.named_parameters() if q.requires_grad}
    checks.that(trained and all("lora_A" in n or "lora_B" in n for n in trained), "only the factors are trained", f"{len(trained)} tensors")
    optimizer = torch.optim.AdamW(trained.values(), lr=1e-4)
    losses, sound = [], 0
    for _ in range(STEPS):
        optimizer.zero_grad()
        loss = model(input_ids=windows, labels=windows).loss
        loss.backward()
        gradients = [q.grad for q in trained.values()]
        sound += sum(g is not None and bool(g.isfinite().all()) and bool(g.any()) for g in gradients)
        losses.append(loss.item())
        optimizer.step()
    checks.that(sound == STEPS * len(trained), "every factor has a finite gradient that is not zero in every step", f"{sound} of {STEPS * len(trained)}")
    finite = bool(torch.tensor(losses).isfinite().all())
    checks.that(finite and losses[-1] < losses[0], "losses are finite and fall on the batch trained on", " ".join(f"{x:.4f}" for x in losses))
    checks.finish()


if __name__ == "__main__":
    main()
