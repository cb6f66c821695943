#!/usr/bin/env python3
"""Score a fine-tuned adapter as a user loads it: perplexity of the validation text's answers, by the stock libraries.

claim     the value of one cell of tables 1, 2a and 4
command   score.py --tuned DIR

DIR holds adapter/ and curve.json of fine_tune.py. What was saved must score as what was trained did, within 0.1 % of −log p;
else nothing is written and the exit status is 1. DIR/score.json is renamed into place.
"""
import argparse
import json
import math
import os

from transformers import AutoTokenizer, logging

from models import absorb, attach_adapter, load_base
from provenance import describe_run, write_whole
from records import negative_log_likelihood, read_samples


def load_tuned(settings, adapter):
    base = load_base(settings["base"], settings["weights"])
    if settings["weights"] == "absorbing":
        base = absorb(attach_adapter(base, settings["adapter"], trainable=False)).unload()
    return attach_adapter(base, adapter, trainable=False).eval()


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--tuned", required=True)
    a = p.parse_args()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    with open(os.path.join(a.tuned, "curve.json"), encoding="utf-8") as f:
        curve = json.load(f)
    settings, trained = curve["settings"], curve["points"][-1]
    tokenizer = AutoTokenizer.from_pretrained(settings["base"])
    samples = read_samples(
        settings["validation"], settings["dataset"], tokenizer, settings["source_tokens"], settings["target_tokens"]
    )[: settings["validation_records"]]
    total, tokens = negative_log_likelihood(load_tuned(settings, os.path.join(a.tuned, "adapter")), samples)
    if tokens != trained["tokens"] or not math.isclose(total, trained["negativeLogLikelihood"], rel_tol=1e-3):
        raise SystemExit(
            f"{a.tuned}: the saved adapter has −log p {total:.4f} over {tokens} tokens, the trained one had "
            f"{trained['negativeLogLikelihood']:.4f} over {trained['tokens']}. Remove {a.tuned}/curve.json and run again."
        )
    figures = {"perplexity": math.exp(total / tokens), "negativeLogLikelihood": total, "tokens": tokens, "records": len(samples)}
    write_whole(os.path.join(a.tuned, "score.json"), {**figures, "seed": settings["seed"], **describe_run()})


if __name__ == "__main__":
    main()
