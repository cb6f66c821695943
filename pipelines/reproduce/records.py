"""Instruction records in the published schemas, formatted and collated as the QLoRA recipe does (artidoro/qlora, qlora.py)."""
import json

import torch

IGNORED = -100

WITH_INPUT = (
    "Below is an instruction that describes a task, paired with an input that provides further context. "
    "Write a response that appropriately completes the request.\n\n### Instruction:\n{instruction}\n\n### Input:\n{input}\n\n### Response: "
)
WITHOUT_INPUT = (
    "Below is an instruction that describes a task. "
    "Write a response that appropriately completes the request.\n\n### Instruction:\n{instruction}\n\n### Response: "
)


def format_alpaca(record):
    prompt = WITH_INPUT if record["input"] else WITHOUT_INPUT
    return prompt.format(**record), record["output"]


def format_chip2(record):
    question, answer = record["text"].split("\n<bot>: ")[:2]
    return question.replace("<human>: ", ""), answer


FORMATS = {
    "alpaca": format_alpaca,
    "chip2": format_chip2,
    "self-instruct": lambda record: (record["prompt"], record["completion"]),
    "hh-rlhf": lambda record: ("", record["chosen"]),
}


def read_samples(path, layout, tokenizer, source_tokens, target_tokens):
    """Returns a list of {input_ids, labels}: BOS + source and target + EOS, tokenized apart, each cut at its right end."""
    with open(path, encoding="utf-8") as f:
        records = [json.loads(line) for line in f if line.strip()]
    samples = []
    for record in records:
        source, target = FORMATS[layout](record)
        ids = tokenizer((tokenizer.bos_token or "") + source, add_special_tokens=False)["input_ids"][:source_tokens]
        answer = tokenizer(target + tokenizer.eos_token, add_special_tokens=False)["input_ids"][:target_tokens]
        samples.append({"input_ids": ids + answer, "labels": [IGNORED] * len(ids) + answer})
    return samples


def collate(samples):
    """Pads to the longest sample on the right; the id of the padding is never attended to and never scored."""
    longest = max(len(s["input_ids"]) for s in samples)

    def padded(values, filler):
        return torch.tensor([v + [filler] * (longest - len(v)) for v in values])

    return {
        "input_ids": padded([s["input_ids"] for s in samples], 0),
        "labels": padded([s["labels"] for s in samples], IGNORED),
        "attention_mask": padded([[1] * len(s["input_ids"]) for s in samples], 0),
    }


@torch.no_grad()
def negative_log_likelihood(model, samples, batch=16):
    """Returns (sum of −log p over scored tokens, their number); samples of like length share a batch, so little is padded."""
    ordered = sorted(samples, key=lambda s: len(s["input_ids"]))
    device, total, count = next(model.parameters()).device, 0.0, 0
    for start in range(0, len(ordered), batch):
        x = {k: v.to(device) for k, v in collate(ordered[start : start + batch]).items()}
        logits = model(input_ids=x["input_ids"], attention_mask=x["attention_mask"]).logits[:, :-1].float()
        labels = x["labels"][:, 1:]
        losses = torch.nn.functional.cross_entropy(logits.flatten(0, 1), labels.flatten(), ignore_index=IGNORED, reduction="sum")
        total += losses.double().item()
        count += int((labels != IGNORED).sum())
    return total, count
