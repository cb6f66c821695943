import type { FloatDType } from '../foundation/index.js';
import { EXPERT_FACTORS_FILE } from './expert-factors.js';
import { TORCH_DTYPE } from './torch-dtype.js';

/** What the README of the experts' factors tells its reader. */
export interface ExpertCardOptions {
  readonly baseModelName: string;
  /** Names for people: `nf4`, `exact`, … */
  readonly quantizer: string;
  readonly initializer: string;
  readonly rank: number;
  /** Type the checkpoint stores its weights in: it decides the rounding of Q. */
  readonly dtype: FloatDType;
  /** Name of an expert's matrix, for instance `model.layers.0.mlp.experts.0.gate_proj`, and of the two others. */
  readonly example: { readonly gate: string; readonly up: string; readonly down: string };
}

/** Lines of Python that make Q of one expert's matrix W; undefined for a user's own quantizer. */
const quantization = (quantizer: string, dtype: FloatDType): string | undefined => {
  if (quantizer === 'nf4')
    return `packed, state = bnb.quantize_4bit(W.to(${TORCH_DTYPE[dtype]}).contiguous(), blocksize=64, compress_statistics=True, quant_type="nf4")
Q = bnb.dequantize_4bit(packed, state)`;
  if (quantizer === 'int8')
    return `codes, SCB, _ = bnb.int8_vectorwise_quant(W.to(torch.float16).contiguous())
Q = bnb.int8_vectorwise_dequant(codes, SCB)`;
  return undefined;
};

const recipe = ({ quantizer, dtype, example }: ExpertCardOptions): string => {
  const lines = quantization(quantizer, dtype);
  if (lines === undefined) return `Q is what the quantizer \`${quantizer}\` makes of the matrix.`;
  return `\`\`\`python
import bitsandbytes.functional as bnb
import torch
from safetensors.torch import load_file

factors = load_file("${EXPERT_FACTORS_FILE}")
name = "${example.gate}"
# W: that expert's matrix alone, [out, in], in the checkpoint's own dtype
${lines}
corrected = Q.float() + factors[name + ".A"] @ factors[name + ".B"].T
\`\`\``;
};

const lastName = (module: string): string => module.slice(module.lastIndexOf('.') + 1);

/** Writes the README.md that lies beside the experts' factors: what they are, how Q is made, and that no library loads them. */
export const expertCard = (options: ExpertCardOptions): string => {
  const { baseModelName, quantizer, initializer, rank, example } = options;
  return `# Factors of the routed experts of ${baseModelName}

**Stock peft can't load these today**, and transformers can't load a base that they fit: transformers 5 holds the experts of a
block as one 3-D parameter, which bitsandbytes leaves unquantized. \`base\` and \`adapter\` beside this directory are complete
without it, with the experts in full precision. The factors are for code that quantizes each expert itself.

\`${EXPERT_FACTORS_FILE}\` holds \`<matrix>.A\` [out, ${rank}] and \`<matrix>.B\` [in, ${rank}] in float32, not divided by any scaling:

    W ≈ Q + A Bᵀ

(initializer ${initializer}, rank ${rank}). Q is the \`${quantizer}\` round trip of that one matrix:

${recipe(options)}

Matrices are named as in published files. In transformers 5 an expert \`e\` of a block has them in the parameters of \`mlp.experts\`:
\`${lastName(example.gate)}\` is the first half of the rows of \`gate_up_proj[e]\`, \`${lastName(example.up)}\` the second half, \`${lastName(example.down)}\` is \`down_proj[e]\`.

\`report.json\` one directory up says for each matrix what the correction is worth, how many calibration tokens were routed to its
expert, and whether those were too few, so that the statistics of all experts were used (\`"statistics": "shared"\`).
`;
};
