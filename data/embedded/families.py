"""The model families that make-model.py makes: configuration, tokenizer and initial weights, each in its family's own manner.

Sources: the configurations and tokenizers of LLaMA, OPT-125m, BLOOM-560m and Pythia-70m, made small.
llama     grouped key-value heads, rotary positions, gated MLP, no biases, tied head
opt       learned positions, pre-norm, ReLU, biases, tied head; each text begins with </s>
bloom     ALiBi, a norm after the embedding, QKV fused head by head, tanh GELU, biases, tied head; its own split into words
gpt_neox  parallel residual, rotary positions in a quarter of each head, QKV fused head by head, biases, a head of its own
"""
from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import AutoModelForCausalLM, BloomConfig, GPTNeoXConfig, LlamaConfig, OPTConfig, PreTrainedTokenizerFast

POSITIONS = 512
END = "<|endoftext|>"
BLOOM_WORDS = pre_tokenizers.Split(Regex(" ?[^(\\s|[.,!?…。，、।۔،])]+"), "isolated")
BLOOM_BYTES = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)


@dataclass(frozen=True)
class Family:
    configure: Callable
    special: list[str]  # special tokens, in the order of their ids
    roles: dict[str, str]  # which of them plays which part
    parts: dict = field(default_factory=dict)  # of the tokenizer, where they differ from GPT-2's
    settings: dict = field(default_factory=dict)  # defaults of make-model.py's options, where they differ from llama's


def sizes(a):
    return {"vocab_size": a.vocabulary, "hidden_size": a.hidden, "num_hidden_layers": a.blocks, "num_attention_heads": a.heads}


def configure_llama(a):
    return LlamaConfig(
        **sizes(a), intermediate_size=a.ffn, num_key_value_heads=a.kv_heads, max_position_embeddings=POSITIONS, rms_norm_eps=1e-5,
        initializer_range=a.embedding_std, tie_word_embeddings=True,
    )  # fmt: skip


def configure_opt(a):
    return OPTConfig(
        **sizes(a), ffn_dim=a.ffn, word_embed_proj_dim=a.hidden, max_position_embeddings=POSITIONS, init_std=a.embedding_std, dropout=0.0
    )


def configure_bloom(a):
    if a.ffn != 4 * a.hidden:
        raise SystemExit(f"--ffn {a.ffn}: bloom's MLP is always four times as wide as --hidden {a.hidden}")
    return BloomConfig(**sizes(a), initializer_range=a.embedding_std)


def configure_gpt_neox(a):
    return GPTNeoXConfig(**sizes(a), intermediate_size=a.ffn, max_position_embeddings=POSITIONS, initializer_range=a.embedding_std)


FAMILIES = {
    "llama": Family(configure_llama, [END], {"bos_token": END, "eos_token": END}),
    "opt": Family(
        configure_opt,
        ["<s>", "<pad>", "</s>", "<unk>"],
        {"bos_token": "</s>", "eos_token": "</s>", "pad_token": "<pad>", "unk_token": "</s>"},
        {"post_processor": processors.TemplateProcessing(single="</s> $A", special_tokens=[("</s>", 2)])},
        {"ffn": 512, "steps": 2000, "embedding_std": 0.3, "linear_std": 1.0, "output_std": 0.01},
    ),
    "bloom": Family(
        configure_bloom,
        ["<unk>", "<s>", "</s>", "<pad>"],
        {"bos_token": "<s>", "eos_token": "</s>", "pad_token": "<pad>", "unk_token": "<unk>"},
        {"pre_tokenizer": pre_tokenizers.Sequence([BLOOM_WORDS, BLOOM_BYTES])},
        {"ffn": 512, "steps": 1000, "embedding_std": 0.2},
    ),
    "gpt_neox": Family(
        configure_gpt_neox,
        [END, "<|padding|>"],
        {"bos_token": END, "eos_token": END, "pad_token": "<|padding|>"},
        {"normalizer": normalizers.NFC()},
        {"ffn": 512, "steps": 1000, "embedding_std": 0.2},
    ),
}


def train_tokenizer(family, records, size):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    for name, part in FAMILIES[family].parts.items():
        setattr(tokenizer, name, part)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    special = FAMILIES[family].special
    trainer = trainers.BpeTrainer(vocab_size=size, special_tokens=special, initial_alphabet=alphabet, show_progress=False)
    tokenizer.train_from_iterator(records, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, **FAMILIES[family].roles, model_max_length=POSITIONS, clean_up_tokenization_spaces=False
    )


def initial_std(name, a):
    if name.endswith(("q_proj", "k_proj")):
        return a.query_key_std
    return a.output_std if name.endswith(("o_proj", "out_proj", "attention.dense")) else a.linear_std


def make_model(a, tokenizer):
    """Makes a model whose block matrices start at the deviations that the options give, all else as transformers starts it."""
    config = FAMILIES[a.family].configure(a)
    config.bos_token_id, config.eos_token_id, config.pad_token_id = tokenizer.bos_token_id, tokenizer.eos_token_id, tokenizer.pad_token_id
    model = AutoModelForCausalLM.from_config(config)
    for name, layer in model.base_model.named_modules():
        if name.endswith("embed_positions"):
            layer.weight.data *= a.position_std / a.embedding_std
        if isinstance(layer, torch.nn.Linear):
            torch.nn.init.normal_(layer.weight, std=initial_std(name, a))
            if "query_key_value" in name:  # [heads, (query, key, value), head size, hidden]
                layer.weight.data.view(a.heads, 3, -1, a.hidden)[:, :2] *= a.query_key_std / a.linear_std
    return model
