#!/usr/bin/env python3
"""Fine-tune one cell: a base and a LoRA start, transformers' Trainer with the paper's settings, perplexity on the way.

claim     one curve of figure 2, one value of tables 1, 2 and 4 (its last point)
settings  AdamW, linear decay after a warm-up of 0.03, no weight decay, gradient norm at most 0.3, every linear layer of the blocks
command   fine_tune.py --base DIR (--adapter DIR | --rank R) --dataset alpaca --train FILE --validation FILE --steps N --output DIR

--weights stored       the base as bitsandbytes loads it (Linear4bit, Linear8bitLt), or a plain checkpoint
          dequantized  the same values in plain linear layers; for 8 bits on a CPU, where Linear8bitLt is slow
          absorbing    a plain checkpoint from which s·B·A is taken, so that with the adapter it starts at W exactly

OUTPUT gets adapter/ (the fine-tuned one) and, last, curve.json: sum of −log p and tokens of the validation text at every --every
steps, the settings, versions, seed, hardware and seconds. curve.json is renamed into place, so that where it is all is whole.
"""
import argparse
import json
import math
import os
import time

import torch
from transformers import AutoTokenizer, Trainer, TrainerCallback, TrainingArguments, logging

from models import WEIGHTS, absorb, attach_adapter, attach_default, load_base, lora_layers
from provenance import describe_run, write_whole
from records import FORMATS, collate, negative_log_likelihood, read_samples


def parse_arguments():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--base", required=True)
    p.add_argument("--adapter", help="start; without it peft's default initialization, drawn with the seed")
    p.add_argument("--rank", type=int, help="of the default initialization")
    p.add_argument("--alpha", type=float, default=16)
    p.add_argument("--weights", choices=WEIGHTS, default="stored")
    p.add_argument("--dataset", choices=FORMATS, required=True)
    p.add_argument("--train", required=True)
    p.add_argument("--validation", required=True)
    p.add_argument("--validation-records", type=int, default=1024)
    p.add_argument("--source-tokens", type=int, default=1024)
    p.add_argument("--target-tokens", type=int, default=256)
    p.add_argument("--steps", type=int, required=True)
    p.add_argument("--every", type=int, default=100)
    p.add_argument("--batch", type=int, default=16, help="samples a step")
    p.add_argument("--micro-batch", type=int, default=1, help="samples a pass; the rest of a step is gradient accumulation")
    p.add_argument("--learning-rate", type=float, default=2e-4)
    p.add_argument("--seed", type=int, default=0)
    p.add_argument("--output", required=True)
    a = p.parse_args()
    if (a.adapter is None) == (a.rank is None):
        p.error("give either --adapter or --rank")
    if a.weights == "absorbing" and a.adapter is None:
        p.error("--weights absorbing takes the factors of --adapter out of the base: give one")
    if a.batch % a.micro_batch:
        p.error(f"--batch {a.batch} is no multiple of --micro-batch {a.micro_batch}")
    return a


def start_of(a):
    """Returns the model with the factors to train."""
    base = load_base(a.base, a.weights)
    if a.adapter is None:
        return attach_default(base, a.rank, a.alpha)
    model = attach_adapter(base, a.adapter, trainable=True)
    return absorb(model) if a.weights == "absorbing" else model


class Curve(TrainerCallback):
    """Scores the validation text before the first step and after every `every` steps and the last."""

    def __init__(self, samples, every):
        self.samples, self.every, self.points = samples, every, []
        self.seconds = self.cpu_seconds = 0.0

    def score(self, model, step):
        began, cpu_began = time.perf_counter(), time.process_time()
        model.eval()
        total, tokens = negative_log_likelihood(model, self.samples)
        model.train()
        if not math.isfinite(total):
            raise SystemExit(f"the loss after {step} steps is {total}: the training diverged")
        self.points.append({"step": step, "negativeLogLikelihood": total, "tokens": tokens})
        self.seconds += time.perf_counter() - began
        self.cpu_seconds += time.process_time() - cpu_began
        print(json.dumps({"step": step, "perplexity": math.exp(total / tokens)}), flush=True)

    def on_train_begin(self, args, state, control, model=None, **_):
        self.score(model, 0)

    def on_step_end(self, args, state, control, model=None, **_):
        if state.global_step % self.every == 0 or state.global_step == state.max_steps:
            self.score(model, state.global_step)


def main():
    a = parse_arguments()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    torch.manual_seed(a.seed)
    tokenizer = AutoTokenizer.from_pretrained(a.base)
    limits = (a.source_tokens, a.target_tokens)
    train = read_samples(a.train, a.dataset, tokenizer, *limits)
    validation = read_samples(a.validation, a.dataset, tokenizer, *limits)[: a.validation_records]
    model = start_of(a)
    curve = Curve(validation, a.every)
    settings = TrainingArguments(
        output_dir=a.output, max_steps=a.steps, per_device_train_batch_size=a.micro_batch,
        gradient_accumulation_steps=a.batch // a.micro_batch, learning_rate=a.learning_rate, warmup_steps=math.ceil(0.03 * a.steps),
        optim="adamw_torch", weight_decay=0.0, max_grad_norm=0.3, lr_scheduler_type="linear", seed=a.seed, data_seed=a.seed,
        save_strategy="no", report_to=[], disable_tqdm=True, logging_strategy="no", remove_unused_columns=False,
        use_cpu=not torch.cuda.is_available(), dataloader_pin_memory=False,
    )
    trainer = Trainer(model=model, args=settings, train_dataset=train, data_collator=collate, callbacks=[curve])
    began, cpu_began = time.perf_counter(), time.process_time()
    trainer.train()
    seconds = time.perf_counter() - began - curve.seconds
    cpu_seconds = time.process_time() - cpu_began - curve.cpu_seconds
    model.save_pretrained(os.path.join(a.output, "adapter"))
    figures = {
        "settings": vars(a), "points": curve.points, "secondsPerStep": seconds / a.steps,
        "cpuSecondsPerStep": cpu_seconds / a.steps, "scoringSeconds": curve.seconds,
        "linearLayers": sorted({type(m.base_layer).__name__ for m in lora_layers(model)}),
    }
    write_whole(os.path.join(a.output, "curve.json"), {**figures, **describe_run()})


if __name__ == "__main__":
    main()
