"""Bases and LoRA starts, by the stock libraries."""
import bitsandbytes as bnb
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from peft.tuners.lora import LoraLayer
from transformers import AutoModelForCausalLM

WEIGHTS = ("stored", "dequantized", "absorbing")


def load_base(directory, weights):
    """Loads the base in float32; its linear layers are quantized ones unless `weights` is "dequantized"."""
    device = {"": 0} if torch.cuda.is_available() else None
    model = AutoModelForCausalLM.from_pretrained(directory, dtype=torch.float32, device_map=device)
    quantized = getattr(model, "is_quantized", False)
    if weights != "stored" and quantized != (weights == "dequantized"):
        raise SystemExit(f"{directory} is {'' if quantized else 'not '}quantized, which --weights {weights} does not fit")
    if weights == "dequantized":
        model = model.dequantize()
    # transformers 5.23 leaves the floats of a quantized checkpoint as they were stored
    for parameter in model.parameters():
        if parameter.is_floating_point():
            parameter.data = parameter.data.to(torch.float32)
    if not torch.cuda.is_available():
        for layer in (m for m in model.modules() if isinstance(m, bnb.nn.Linear4bit)):
            # Its rounding would part these layers from the plain ones of other cells
            layer.compute_dtype = torch.float32
            # bitsandbytes 0.50 repacks the weight at the first evaluation, and no gradient passes a repacked one
            layer.support_avx512bf16_for_cpu = False
    return model


def lora_layers(model):
    return [m for m in model.modules() if isinstance(m, LoraLayer)]


def attach_default(model, rank, alpha):
    """Returns the model with peft's default start (A random, B zero) on every linear layer of the blocks."""
    head = model.get_output_embeddings()
    kinds = sorted({n.rsplit(".", 1)[-1] for n, m in model.named_modules() if isinstance(m, torch.nn.Linear) and m is not head})
    return get_peft_model(model, LoraConfig(task_type="CAUSAL_LM", r=rank, lora_alpha=alpha, target_modules=kinds))


def attach_adapter(model, adapter, trainable):
    """Returns the model with the factors of `adapter`."""
    return PeftModel.from_pretrained(model, adapter, is_trainable=trainable)


@torch.no_grad()
def absorb(model):
    """Takes s·B·A of the attached factors out of the base, so that both together are the base as it was."""
    for layer in lora_layers(model):
        layer.base_layer.weight -= layer.get_delta_weight("default")
    return model
