import type { FloatDType } from '../foundation/index.js';
import { loraScaling, type LoraOptions } from './lora-scaling.js';
import { TORCH_DTYPE } from './torch-dtype.js';

/** What a model card tells its reader. */
export interface ModelCardOptions extends LoraOptions {
  readonly baseModelName: string;
  /** Branch, tag or commit of that name; undefined for the newest. */
  readonly baseModelRevision?: string | undefined;
  /** Names for people: `nf4`, `exact`, … */
  readonly quantizer: string;
  readonly initializer: string;
  /** Type the checkpoint stores its weights in: it decides the rounding of Q. */
  readonly dtype: FloatDType;
  /** `Quantizer.quantizationConfig`. */
  readonly quantizationConfig: string | undefined;
  /** `target_modules` of the adapter. */
  readonly targetModules: readonly string[];
  /** True when the quantized base was written beside the adapter. */
  readonly writtenBase: boolean;
  /** True when the initializer chose its own Q, which no library makes from the full-precision model. */
  readonly requantized: boolean;
  /** `text` where the source holds more than the language model, which the written base leaves out. */
  readonly part: 'whole' | 'text';
  /** For a mixture model: its experts' part of all weights, whether their factors were written to experts/, and layers that peft can't adapt. */
  readonly experts?: { readonly share: number; readonly corrected: boolean; readonly unadaptable: number };
}

/** Python expression of the BitsAndBytesConfig that makes the same Q from the full-precision model. */
const quantizationExpression = (configText: string, dtype: FloatDType): string => {
  const config = JSON.parse(configText) as Readonly<Record<string, unknown>>;
  const skipped = config['llm_int8_skip_modules'] as readonly string[];
  // bitsandbytes skips the head by itself; a list of others takes the place of that rule.
  const skip = skipped.length > 1 ? `llm_int8_skip_modules=${JSON.stringify(skipped)}` : '';
  if (config['load_in_8bit'] === true) return `BitsAndBytesConfig(load_in_8bit=True${skip && `, ${skip}`})`;
  return `BitsAndBytesConfig(
    load_in_4bit=True,
    bnb_4bit_quant_type="${String(config['bnb_4bit_quant_type'])}",
    bnb_4bit_use_double_quant=${config['bnb_4bit_use_double_quant'] === true ? 'True' : 'False'},
    bnb_4bit_compute_dtype=${TORCH_DTYPE[dtype]},${skip && `\n    ${skip},`}
)`;
};

const loadWrittenBase = (dtype: FloatDType): string => `\`\`\`python
import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM

model = AutoModelForCausalLM.from_pretrained("base", dtype=${TORCH_DTYPE[dtype]})
model = PeftModel.from_pretrained(model, "adapter", is_trainable=True)
\`\`\``;

const loadStock = (name: string, revision: string | undefined, configText: string, dtype: FloatDType): string => `\`\`\`python
import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM, BitsAndBytesConfig

quantization = ${quantizationExpression(configText, dtype)}
model = AutoModelForCausalLM.from_pretrained(${JSON.stringify(name)}, ${revision === undefined ? '' : `revision=${JSON.stringify(revision)}, `}quantization_config=quantization, dtype=${TORCH_DTYPE[dtype]})
model = PeftModel.from_pretrained(model, "adapter", is_trainable=True)
\`\`\``;

const loading = (options: ModelCardOptions): string => {
  const { baseModelName, baseModelRevision, quantizer, dtype, quantizationConfig, writtenBase, requantized, part } = options;
  const parts: string[] = [];
  if (writtenBase)
    parts.push(
      `The directory \`base\` beside this one holds the quantized weights that the adapter belongs to:\n\n${loadWrittenBase(dtype)}`,
    );
  if (quantizationConfig !== undefined && !requantized && part === 'whole')
    parts.push(
      `${writtenBase ? 'Quantizing the full-precision model while it loads serves as well' : 'No base was written: quantize the full-precision model while it loads'}, ` +
        `with exactly this configuration and exactly \`dtype=${TORCH_DTYPE[dtype]}\`, which decides how the quantized weights are rounded:\n\n` +
        loadStock(baseModelName, baseModelRevision, quantizationConfig, dtype),
    );
  if (!parts.length)
    parts.push(
      `It belongs to weights that were quantized by \`${quantizer}\` for this adapter${requantized ? ' and chosen together with it' : ''}; they were not written.`,
    );
  return parts.join('\n\n');
};

const purpose = (initializer: string): string =>
  initializer === 'zero'
    ? 'A LoRA adapter of random and zero factors, the baseline: their product is zero and corrects nothing yet.\nIt was not fine-tuned: train it as you would train any adapter.'
    : 'A LoRA adapter whose factors cancel as much of the quantization error as their rank allows (QuAILoRA, arXiv 2410.14713).\nIt was not fine-tuned: train it as you would train any adapter, from a better start.';

const FACTORS_NOTE = 'Factors for experts that other code quantizes lie in `experts` beside this directory; stock peft can not load those.';

const unadaptableNote = (count: number): string =>
  `${count} linear layers of dense blocks are quantized and not corrected: peft takes their names for those of experts.`;

const expertsNote = ({ experts }: ModelCardOptions): string =>
  experts === undefined
    ? ''
    : `
## Experts

The routed experts, ${(100 * experts.share).toFixed(1)} % of the weights, stay in full precision, and so does the router: transformers 5 holds them as 3-D
parameters, which bitsandbytes does not quantize, and \`llm_int8_skip_modules\` keeps transformers 4 from it. This adapter does not touch them.
${experts.corrected ? `${FACTORS_NOTE}\n` : ''}${experts.unadaptable > 0 ? `${unadaptableNote(experts.unadaptable)}\n` : ''}`;

/**
 * Writes the text of an adapter's README.md: YAML front matter, what it is, for which quantized base it is valid, and
 * the lines that load it ready to train.
 */
export const modelCard = (options: ModelCardOptions): string => {
  const { baseModelName, quantizer, initializer, rank, alpha, useRslora, part } = options;
  return `---
base_model: ${JSON.stringify(baseModelName)}
library_name: peft
tags:
- lora
- quailora
---

# Starting point for fine-tuning ${baseModelName} on \`${quantizer}\` weights

${purpose(initializer)}
${part === 'text' ? `It fits the language model inside ${baseModelName} alone: \`base\` leaves the other parts out.\n` : ''}
| | |
|---|---|
| quantizer | ${quantizer} |
| initializer | ${initializer} |
| rank | ${rank} |
| alpha | ${alpha}${useRslora ? ', rank-stabilized' : ''} |
| scaling | ${loraScaling(options)}, divided out of the factors once |
| modules | ${options.targetModules.join(', ')} |

## Load it, ready to train

${loading(options)}

With any other quantization of the base (type, double quantization, dtype, bits) the factors answer an error that is not there.
${expertsNote(options)}`;
};
