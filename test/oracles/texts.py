"""The token windows that quailora cuts, made again with the Hugging Face tokenizer, and perplexity on them."""
import gzip
import json
import math

import torch


def read_texts(path):
    """Returns (texts, ended): a .txt file is one text that is not ended by EOS, each record of a .jsonl[.gz] is."""
    if path.endswith(".txt"):
        with open(path, encoding="utf-8") as f:
            return [f.read()], False
    with gzip.open(path, "rt", encoding="utf-8") if path.endswith(".gz") else open(path, encoding="utf-8") as f:
        records = [json.loads(line) for line in f if line.strip()]
    return [read_record(r) for r in records], True


def read_record(record):
    """Returns a record's text: field `text`, `chosen`, or `prompt` followed by `completion`."""
    for field in ("text", "chosen"):
        if field in record:
            return record[field]
    return record["prompt"] + record["completion"]


def cut_windows(tokenizer, path, window):
    """Returns every full window of a source, [windows, window] token ids."""
    texts, ended = read_texts(path)
    ids = []
    for text in texts:
        ids += tokenizer(text)["input_ids"]
        if ended:
            ids.append(tokenizer.eos_token_id)
    count = len(ids) // window
    return torch.tensor(ids[: count * window]).view(count, window)


@torch.no_grad()
def token_logprobs(model, windows, batch=8):
    """Returns log p of each token but a window's first, [windows, window - 1], float32."""
    parts = []
    for start in range(0, len(windows), batch):
        x = windows[start : start + batch]
        logits = model(x).logits[:, :-1].float()
        parts.append(torch.log_softmax(logits, -1).gather(2, x[:, 1:, None])[..., 0])
    return torch.cat(parts)


def perplexity(model, windows):
    """Returns exp of the mean negative log-probability over all predicted tokens."""
    return math.exp(-token_logprobs(model, windows).double().mean().item())
