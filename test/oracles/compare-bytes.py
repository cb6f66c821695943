#!/usr/bin/env python3
"""Compares the bytes of a base that quailora wrote with bitsandbytes' own quantization of the original weights.

usage: compare-bytes.py LABEL --base DIR --model DIR

4 bit: packed codes equal (blocks of zeros aside: bitsandbytes writes 0x77 there on a CPU and 0x00 on CUDA, both mean 0);
quant_map and nested_quant_map equal; nested codes, their absmax and the offset equal to an emulation of the CUDA rule on
bitsandbytes' absmax; the quant state loads and dequantizes. The CPU library's own nested codes are not those of CUDA
(a 65,536-entry table in place of the nearest code: y = 0 becomes code 131, codes 124 to 130 never occur), so how many
differ is stated, not checked. 8 bit: codes and SCB equal to bitsandbytes' CPU quantization, weight_format 0.
Everything that is not quantized equals the original.
"""
import argparse

import bitsandbytes.functional as bnb
import torch

from artifacts import Shards, read_json
from checks import Checks

BLOCK = 64
NESTED_BLOCK = 256
STATE = "quant_state.bitsandbytes__nf4"
PARTS = {4: ("absmax", "quant_map", "nested_absmax", "nested_quant_map", STATE), 8: ()}


def nest_as_cuda(absmax, offset, code):
    """Quantizes absmax - offset as the CUDA kernel does: nearest code, a tie goes to the even index, zeros to code 0."""
    rest = absmax - offset
    count = -(-rest.numel() // NESTED_BLOCK)
    blocks = torch.nn.functional.pad(rest, (0, count * NESTED_BLOCK - rest.numel())).view(count, NESTED_BLOCK)
    largest = blocks.abs().amax(1)
    y = (blocks * (1 / largest)[:, None]).flatten()[: rest.numel()]
    middle = (code[:-1] + code[1:]) * 0.5
    index = torch.searchsorted(middle, y)
    tie = (index < 255) & (middle[index.clamp(max=254)] == y) & (index % 2 == 1)
    index = torch.where(y.isnan(), 0, index + tie.long())
    return index.to(torch.uint8), largest


class Tally:
    """Sums over modules what is compared."""

    def __init__(self):
        self.modules = self.elements = 0
        self.different = {}

    def add(self, what, different):
        self.different[what] = self.different.get(what, 0) + int(different)


def compare_4bit(tally, module, base, original):
    """Compares one NF4 module and returns the relative distance of the dequantized weights from bitsandbytes' own."""
    parts = {f"{module}.weight.{p}": base[f"{module}.weight.{p}"] for p in PARTS[4]}
    part = {k.removeprefix(f"{module}.weight."): v for k, v in parts.items()}
    packed = base[f"{module}.weight"]
    state = bnb.QuantState.from_dict(dict(parts), device=torch.device("cpu"))
    weight = original[f"{module}.weight"].to(state.dtype)
    own, plain = bnb.quantize_4bit(weight, blocksize=BLOCK, compress_statistics=False, quant_type="nf4")
    nested, own_state = bnb.quantize_4bit(weight, blocksize=BLOCK, compress_statistics=True, quant_type="nf4")
    live = (plain.absmax > 0).repeat_interleave(BLOCK // 2)[: packed.numel()]
    tally.add("packed codes equal bitsandbytes'", (packed.flatten() != own.flatten())[live].sum())
    tally.add("packed shapes equal bitsandbytes'", packed.shape != own.shape)
    tally.add("quant states hold the weights' shapes", tuple(state.shape) != tuple(weight.shape))
    tally.add("quant_map equals bitsandbytes'", (part["quant_map"] != plain.code).sum())
    tally.add("nested_quant_map equals bitsandbytes'", (part["nested_quant_map"] != bnb.create_dynamic_map()).sum())
    mean = plain.absmax.double().mean().item()
    tally.add("offsets are the mean absmax within 1e-6", abs(state.offset.item() - mean) > 1e-6 * mean)
    codes, largest = nest_as_cuda(plain.absmax, state.offset, part["nested_quant_map"])
    tally.add("nested codes follow the CUDA rule", (part["absmax"] != codes).sum())
    tally.add("nested absmax follow the CUDA rule", (part["nested_absmax"] != largest).sum())
    tally.add("CPU nested codes", (part["absmax"] != own_state.absmax).sum())
    tally.add("absmax values", part["absmax"].numel())
    ours = bnb.dequantize_4bit(packed, state).double()
    return ((ours - bnb.dequantize_4bit(nested, own_state).double()).norm() / ours.norm().clamp_min(1e-30)).item()


def compare_8bit(tally, module, base, original):
    """Compares one LLM.int8 module; its weights are rounded to float16 first, as the library does."""
    codes, scale, _ = bnb.int8_vectorwise_quant(original[f"{module}.weight"].half())
    tally.add("int8 codes equal bitsandbytes'", (base[f"{module}.weight"] != codes).sum())
    tally.add("SCB equal bitsandbytes'", (base[f"{module}.SCB"] != scale.flatten()).sum())
    form = base[f"{module}.weight_format"]
    tally.add("weight_format is a scalar 0", form.dtype != torch.uint8 or form.dim() != 0 or form.item() != 0)
    return 0.0


def main():
    p = argparse.ArgumentParser()
    p.add_argument("label")
    p.add_argument("--base", required=True)
    p.add_argument("--model", required=True)
    a = p.parse_args()
    checks, tally = Checks(a.label), Tally()
    base, original = Shards(a.base), Shards(a.model)
    bits = 4 if read_json(a.base, "config.json")["quantization_config"]["load_in_4bit"] else 8
    mark = f".weight.{STATE}" if bits == 4 else ".SCB"
    modules = sorted(k.removesuffix(mark) for k in base if k.endswith(mark))
    expected = sorted(k.removesuffix(".weight") for k in original if k.endswith("_proj.weight"))
    checks.that(modules and modules == expected, "every projection is quantized, nothing else is", f"{len(modules)} modules")
    compare = compare_4bit if bits == 4 else compare_8bit
    worst = 0.0
    for module in modules:
        worst = max(worst, compare(tally, module, base, original))
        tally.elements += original[f"{module}.weight"].numel()
    cpu, of = tally.different.pop("CPU nested codes", 0), tally.different.pop("absmax values", 0)
    for what, count in tally.different.items():
        checks.that(count == 0, what, f"{count} differ, {tally.elements} weights")
    if bits == 4:
        checks.note(f"nested codes unlike the CPU library's own rule: {cpu} of {of}; dequantized weights then differ by at most {worst:.1e} (relative)")
        checks.that(worst < 5e-3, "weights dequantized by bitsandbytes are within 5e-3 of its own CPU quantization", f"{worst:.1e}")
    skip = ("_proj.weight",)
    rest = [k for k in original if not k.endswith(skip) and k in base]
    lost = [k for k in original if not k.endswith(skip) and k not in base and k != "lm_head.weight"]
    same = all(torch.equal(base[k], original[k].to(base[k].dtype)) for k in rest)
    checks.that(rest and same and not lost, "tensors that are not quantized equal the original's", f"{len(rest)} tensors {lost or ''}".strip())
    checks.finish()


if __name__ == "__main__":
    main()
