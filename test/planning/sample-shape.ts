import type { BlockShape, MachineSpeed, MatrixShape, ModelShape, SumShape } from '../../src/planning/index.js';
import type { OpenRun } from '../../src/planning/choose-layout.js';

const matrixShape = (name: string, outFeatures: number, inFeatures: number, input: string): MatrixShape => ({
  ...{ name, outFeatures, inFeatures, input, storedBytes: 2, quantized: true, corrected: true, copies: 1, tokenShare: 1 },
});

const sumShape = (input: string, width: number, kind: 'H' | 'G', size: number): SumShape => ({
  ...{ input, width, kind, size, reason: `${kind} of ${input}`, copies: 1, tokenShare: 1, heldOut: true },
});

/** Blocks of a LLaMA of these widths. */
export const llamaBlock = (hidden: number, ffn: number, blocks: number): BlockShape => ({
  blocks: Array.from({ length: blocks }, (_, block) => block),
  kind: 'dense',
  matrices: [
    ...['q_proj', 'k_proj', 'v_proj'].map((name) => matrixShape(name, hidden, hidden, 'attention_input')),
    matrixShape('o_proj', hidden, hidden, 'attention_output'),
    ...['gate_proj', 'up_proj'].map((name) => matrixShape(name, ffn, hidden, 'mlp_input')),
    matrixShape('down_proj', hidden, ffn, 'mlp_hidden'),
  ],
  otherValues: 2 * hidden,
  largestTensorValues: hidden * ffn,
  activations: [
    ...['attention_input', 'attention_output', 'mlp_input'].map((name) => ({ name, width: hidden, rowsPerToken: 1 })),
    { name: 'mlp_hidden', width: ffn, rowsPerToken: 1 },
  ],
  sums: [
    ...['attention_input', 'attention_output', 'mlp_input'].map((input) => sumShape(input, hidden, 'H', hidden)),
    sumShape('mlp_hidden', ffn, 'G', hidden),
  ],
  heads: hidden / 64,
});

/** A LLaMA of these widths. */
export const llamaShape = (hidden: number, ffn: number, blocks: number): ModelShape => ({
  ...{ modelType: 'llama', hiddenSize: hidden, blockCount: blocks, vocabularySize: 32_000 },
  blocks: [llamaBlock(hidden, ffn, blocks)],
  plainBytes: 2 * 32_000 * hidden,
  experts: undefined,
});

/** A run with the paper's settings over a model. */
export const openRun = (model: ModelShape, more: Partial<OpenRun> = {}): OpenRun => ({
  model,
  solve: { rank: 64, bits: 4, keepsWeights: false, usesSums: true, requantizes: false, decompositions: 0, steps: 0 },
  ...{ calibrationTokens: 65_536, heldOutTokens: 6_656, windowTokens: 512, writeBase: false, arithmetic: 'f32' },
  ...more,
});

/** What a measurement could say of a machine. */
export const SPEED: MachineSpeed = {
  ...{ gemmOperationsPerSecond: 1e11, linearOperationsPerSecond: 1e11, sumOperationsPerSecond: 8e10, thinOperationsPerSecond: 5e10 },
  ...{ solvedRowsPerSecond: 1e4, weightsPerSecond: 3e7 },
};
