#!/usr/bin/env python3
"""Loads what quailora wrote with stock transformers, bitsandbytes and peft, and compares it with quailora's own account.

usage: load.py LABEL --base DIR --adapter DIR --text SOURCE --evaluated FILE [--window 128] [--tokens 4096] [--skip 0]
               [--modules q_proj,…] [--model DIR] [--same-as ADAPTER] [--logprobs ARROW]

FILE holds the output of `quailora evaluate DIR --adapter DIR --json` on the same tokens. With --model the original
checkpoint is also quantized on the fly with the BitsAndBytesConfig and dtype that the adapter's card states.
With --logprobs the file that the same evaluation wrote is compared token by token, which a model of random weights needs: its
perplexity hardly depends on the adapter.
With --same-as the effective correction must equal another adapter's, at another scaling, to float32 rounding.
Checks: module kinds, no missing or unexpected key, factors as filed, peft's delta, perplexity within 0.5 %.
"""
import argparse
import json
import warnings

import torch
from peft import PeftModel, get_peft_model_state_dict
from peft.tuners.lora import LoraLayer
from transformers import AutoModelForCausalLM, AutoTokenizer, BitsAndBytesConfig, logging

from artifacts import Adapter, last_event, read_card, read_json
from checks import Checks
from logprobs import read_logprobs
from texts import cut_windows, perplexity, token_logprobs

KINDS = {4: "Linear4bit", 8: "Linear8bitLt"}


def load_base(directory, dtype=torch.float32, **options):
    """Loads a causal model in evaluation mode; returns it with what transformers says about keys."""
    model, info = AutoModelForCausalLM.from_pretrained(directory, dtype=dtype, output_loading_info=True, **options)
    # From a quantized checkpoint, transformers 5.23 converts biases to another dtype but leaves weights as stored.
    for p in model.parameters():
        if p.is_floating_point():
            p.data = p.data.to(dtype)
    return model.eval(), info


def find_linears(model):
    """Returns (names of the linear layers inside the decoder's blocks, names of those outside)."""
    count = model.config.get_text_config().num_hidden_layers
    blocks = next(n for n, m in model.named_modules() if isinstance(m, torch.nn.ModuleList) and len(m) == count)
    names = [n for n, m in model.named_modules() if isinstance(m, torch.nn.Linear)]
    inside = [n for n in names if n.startswith(f"{blocks}.")]
    return inside, [n for n in names if n not in inside]


def check_modules(checks, model, kind):
    """Every linear layer of the blocks is of the quantized kind, and no other is."""
    inside, outside = find_linears(model)
    modules = dict(model.named_modules())
    wrong = [n for n in inside if type(modules[n]).__name__ != kind]
    checks.that(inside and not wrong, f"every linear layer of the blocks is a {kind}", f"{len(inside) - len(wrong)} of {len(inside)}")
    plain = [n for n in outside if type(modules[n]) is torch.nn.Linear]
    checks.that(outside and plain == outside, "linear layers outside the blocks stay plain", ", ".join(outside))
    return inside


def check_keys(checks, info):
    """transformers found every tensor it wanted and used every tensor it found."""
    odd = {k: sorted(map(str, v))[:3] for k, v in info.items() if v and k in ("missing_keys", "unexpected_keys", "mismatched_keys", "error_msgs")}
    checks.that(not odd, "base loads without missing, unexpected or mismatched keys", odd or "")


def check_adapter(checks, model, filed, wanted):
    """peft holds the filed factors bit for bit, and applies scaling · B · A to the modules asked for and no others."""
    held = {k: v for k, v in get_peft_model_state_dict(model).items() if "lora_" in k}
    same = held.keys() == filed.tensors.keys() and all(torch.equal(v, filed.tensors[k]) for k, v in held.items())
    checks.that(same, "peft holds exactly the tensors of the file", f"{len(held)} tensors")
    modules = {n.removeprefix("base_model.model."): m for n, m in model.named_modules() if isinstance(m, LoraLayer)}
    checks.that(sorted(modules) == filed.modules == sorted(wanted), "adapted modules are those asked for", len(modules))
    worst = 0.0
    for name, module in modules.items():
        expected = filed.delta(name)
        got = module.get_delta_weight("default").detach().double()
        worst = max(worst, ((got - expected).norm() / expected.norm().clamp_min(1e-30)).item())
    checks.that(worst < 1e-6, "peft's correction is scaling · B · A to float32 rounding", f"{worst:.1e}")


def check_same(checks, filed, other):
    """Two adapters with different scaling or rank rules apply the same product."""
    worst = 0.0
    checks.that(filed.scaling != other.scaling, "scaling is another", f"{filed.scaling:g}, {other.scaling:g}")
    for name in filed.modules:
        expected = other.delta(name)
        worst = max(worst, ((filed.delta(name) - expected).norm() / expected.norm().clamp_min(1e-30)).item())
    checks.that(filed.modules and worst < 1e-6, f"same effective correction at scaling {filed.scaling:g} as at {other.scaling:g}", f"{worst:.1e}")


def check_logprobs(checks, model, windows, got, bits):
    """Each token's log-probability is that of base and adapter, much nearer to it than to the base's own.

    What is left is rounding to the compute dtype; at 8 bits there is not much more for an adapter to correct.
    """
    with_adapter = (token_logprobs(model, windows).flatten() - got).abs().mean().item()
    with model.disable_adapter():
        without = (token_logprobs(model, windows).flatten() - got).abs().mean().item()
    checks.that(with_adapter < (0.1 if bits == 4 else 0.5) * without, "log-probabilities are those of base and adapter", f"{with_adapter:.1e} apart in the mean, {without:.1e} from the base's own")


def load_adapter(checks, model, directory):
    """Loads the adapter, recording every warning of peft."""
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        adapted = PeftModel.from_pretrained(model, directory)
    about = [str(w.message) for w in said if "adapter" in str(w.message).lower() or "key" in str(w.message).lower()]
    checks.that(not about, "peft loads the adapter without a warning", "; ".join(about)[:200])
    return adapted.eval()


def main():
    p = argparse.ArgumentParser()
    p.add_argument("label")
    p.add_argument("--base", required=True)
    p.add_argument("--adapter", required=True)
    p.add_argument("--text", required=True)
    p.add_argument("--evaluated", required=True)
    p.add_argument("--window", type=int, default=128)
    p.add_argument("--tokens", type=int, default=4096)
    p.add_argument("--skip", type=int, default=0, help="windows passed over first")
    p.add_argument("--modules", help="last parts of the names of the adapted modules; all linear layers of the blocks when left out")
    p.add_argument("--model")
    p.add_argument("--same-as")
    p.add_argument("--logprobs")
    a = p.parse_args()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    checks = Checks(a.label)
    filed = Adapter(a.adapter)
    config = read_json(a.base, "config.json")
    bits = 4 if config["quantization_config"]["load_in_4bit"] else 8
    tokenizer = AutoTokenizer.from_pretrained(a.base)
    windows = cut_windows(tokenizer, a.text, a.window)[a.skip :][: a.tokens // a.window]

    model, info = load_base(a.base)
    linears = check_modules(checks, model, KINDS[bits])
    wanted = [n for n in linears if a.modules is None or n.rsplit(".", 1)[-1] in a.modules.split(",")]
    if config["model_type"] == "qwen3_moe":
        # peft takes the names of dense blocks' layers for those of experts, so they get no factors.
        wanted = [n for n in wanted if ".mlp." not in n]
    check_keys(checks, info)
    model = load_adapter(checks, model, a.adapter)
    check_adapter(checks, model, filed, wanted)
    if a.same_as:
        check_same(checks, filed, Adapter(a.same_as))
    figures = {"written": perplexity(model, windows), "quailora": last_event(a.evaluated)["perplexity"]}
    apart = abs(figures["quailora"] / figures["written"] - 1)
    checks.that(apart < 0.005, "perplexity equals quailora's within 0.5 %", f"{figures['written']:.4f}, quailora {figures['quailora']:.4f}")

    if a.logprobs:
        check_logprobs(checks, model, windows, torch.from_numpy(read_logprobs(a.logprobs)[1]), bits)

    if a.model:
        keywords, dtype = read_card(a.adapter)
        model, _ = load_base(a.model, quantization_config=BitsAndBytesConfig(**keywords), dtype=dtype)
        check_modules(checks, model, KINDS[bits])
        model = load_adapter(checks, model, a.adapter)
        figures["onTheFly"] = perplexity(model, windows)
        apart = abs(figures["onTheFly"] / figures["written"] - 1)
        checks.that(apart < 0.005, "quantized on the fly as the card says, perplexity is the same within 0.5 %", f"{figures['onTheFly']:.4f}")
    checks.note(json.dumps({"perplexity": figures, "tokens": windows.numel(), "window": a.window, "scaling": filed.scaling}))
    checks.finish()


if __name__ == "__main__":
    main()
