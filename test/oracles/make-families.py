#!/usr/bin/env python3
"""Makes a random checkpoint of each model family, wide enough for ordinary blocks of weights, with the embedded tokenizer.

usage: make-families.py --list | OUTPUT_DIR [NAME …]

NAME is a recipe of test/fixtures/models/recipes: the first one of each family, and those of FURTHER. OUTPUT_DIR/NAME is
made as test/fixtures/models/make-models.py makes its fixtures, widened, with matrices that keep the size of what they
multiply: at the fixtures' weights, rounding to the compute dtype would drown in chaos.
"""
import argparse
import importlib.util
import os
import shutil
import sys
import zlib

import torch
import transformers

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
FIXTURES = os.path.join(ROOT, "test", "fixtures", "models")
TOKENIZER = os.path.join(ROOT, "data", "embedded", "model")

# Recipes beside the first one of their family: opt-350m's kind is another architecture than the other sizes'.
FURTHER = {"opt": ["opt-post-norm"]}
# The embedded model, which all the other checks use, is of this family.
LEFT_OUT = {"llama"}
# Written in the place of what a recipe says, where it says anything. Quantization's blocks are 64 weights.
WIDTHS = {"hidden_size": 128, "intermediate_size": 192, "ffn_dim": 192, "moe_intermediate_size": 64, "word_embed_proj_dim": 64,
          "head_dim": 32, "vocab_size": 1024, "max_position_embeddings": 128}  # fmt: skip


def load_make_models():
    """make-models.py as a module; its name is no identifier."""
    spec = importlib.util.spec_from_file_location("make_models", os.path.join(FIXTURES, "make-models.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def find_recipes(make_models):
    """Returns (family, recipe) by name."""
    families = sorted(f[:-3] for f in os.listdir(os.path.join(FIXTURES, "recipes")) if f.endswith(".py") and f != "small.py")
    found = {}
    for family in families:
        recipes = make_models.recipes_of(family)
        for name in [] if family in LEFT_OUT else [next(iter(recipes)), *FURTHER.get(family, [])]:
            found[name] = family, recipes[name]
    return found


def keep_sizes(model):
    """Gives every matrix a standard deviation of 1 / sqrt(inputs)."""
    for p in model.parameters():
        if p.dim() > 1:
            p.data /= p.data.std() * p.shape[-1] ** 0.5


def make(make_models, family, recipe, directory):
    """Writes one checkpoint."""
    own = recipe.get("tune", lambda _: None)
    widened = {k: v for k, v in WIDTHS.items() if recipe["config"].get(k) is not None}
    generator = torch.Generator().manual_seed(zlib.crc32(os.path.basename(directory).encode()))
    make_models.save_random(family, {**recipe, "tune": lambda model: (own(model), keep_sizes(model))}, directory, generator, **widened)
    for file in os.listdir(TOKENIZER):
        if file.startswith("tokenizer"):
            shutil.copy(os.path.join(TOKENIZER, file), directory)


def main():
    p = argparse.ArgumentParser()
    p.add_argument("output", nargs="?")
    p.add_argument("names", nargs="*")
    p.add_argument("--list", action="store_true", help="print every name, one a line, and make nothing")
    a = p.parse_args()
    make_models = load_make_models()
    recipes = find_recipes(make_models)
    if a.list:
        print("\n".join(recipes))
        return
    unknown = [n for n in a.names if n not in recipes]
    if a.output is None or unknown:
        sys.exit(f"usage: make-families.py --list | OUTPUT_DIR [NAME …]; names are {', '.join(recipes)}")
    torch.set_num_threads(1)
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    for name in a.names or recipes:
        family, recipe = recipes[name]
        make(make_models, family, recipe, os.path.join(a.output, name))
        print(name)


if __name__ == "__main__":
    main()
