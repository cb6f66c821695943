import type { StageBytes } from './execution-plan.js';
import { MEMORY_COSTS } from './memory-costs.js';
import { blockValues, valuesOf, type BlockShape, type SumShape } from './model-shape.js';
import { panelValues } from './panel-values.js';
import { largestRun, largestSegment, type RunShape } from './run-shape.js';

const F32 = 4;

const sumOver = <T>(items: readonly T[], bytes: (item: T) => number): number => items.reduce((sum, item) => sum + bytes(item), 0);

/** Bytes of upper panels of some sums. */
export const panelBytes = (sums: readonly SumShape[]): number => F32 * sumOver(sums, ({ size, copies }) => copies * panelValues(size));

/** Bytes of the residuals E that a block's G's go through. */
const residualBytes = ({ sums }: BlockShape): number =>
  F32 * sumOver(sums, ({ kind, size, width, copies }) => (kind === 'G' ? copies * size * width : 0));

/** Stored bytes of a value in the matrices that read an activation, of any where none is named. */
const storedBytesOf = ({ matrices }: BlockShape, input?: string): number =>
  Math.max(0, ...matrices.filter((matrix) => input === undefined || matrix.input === input).map(({ storedBytes }) => storedBytes));

/** The largest residual, while it is made: the stored bytes and W, which becomes E. */
const residualMaking = (block: BlockShape): number =>
  Math.max(0, ...block.sums.map(({ kind, size, width, input }) => (kind === 'G' ? (F32 + storedBytesOf(block, input)) * size * width : 0)));

/** Values for each token that the layers which read one activation give, the widest of them: q, k, v or gate and up. */
const widestOutputs = ({ matrices, activations }: BlockShape): number =>
  Math.max(
    0,
    ...activations.map(({ name, rowsPerToken }) => {
      const readers = matrices.filter(({ input }) => input === name);
      return rowsPerToken * sumOver(readers, ({ outFeatures }) => outFeatures);
    }),
  );

/** Activations of one run that the graph returns. */
const returnedBytes = ({ activations }: BlockShape, tokens: number): number =>
  F32 * tokens * sumOver(activations, ({ width, rowsPerToken }) => width * rowsPerToken);

const isSplit = ({ floats }: RunShape): boolean => floats.arithmetic === 'int8-split';

/** Weights of a block as the graph takes them: float32, or for linear layers outside the experts two slices of a byte. */
const weightBytes = (run: RunShape, block: BlockShape): number => {
  const linears = block.matrices.filter(({ copies }) => copies === 1);
  return F32 * blockValues(block) - (isSplit(run) ? 2 * sumOver(linears, valuesOf) : 0);
};

/** Attention scores of one run. */
const scoreBytes = ({ heads }: BlockShape, tokens: number, windowTokens: number): number => F32 * heads * tokens * windowTokens;

/**
 * Resident bytes at the peak of passing all tokens through a block.
 *
 * Each worker holds the block's weights in float32 (ONNX Runtime converts them when it loads the graph, the largest tensor
 * twice for a moment) or in slices, the residuals of G's, partial sums, the hidden states of one segment and the activations of one run.
 */
export const calibrationBytes = (run: RunShape, block: BlockShape, runtime: number): StageBytes => {
  const { workers } = run.layout;
  const tokens = largestRun(run);
  const weights = weightBytes(run, block);
  const hidden = F32 * run.model.hiddenSize * largestSegment(run);
  const inner = 2 * F32 * tokens * widestOutputs(block) + scoreBytes(block, tokens, run.windowTokens);
  const working = returnedBytes(block, tokens) + hidden + inner;
  const kept = Math.min(MEMORY_COSTS.keptBytes, working);
  const partial = panelBytes(block.sums);
  const loading = Math.max((isSplit(run) ? storedBytesOf(block) : F32) * block.largestTensorValues, residualMaking(block));
  // What is held while a graph is loaded is let go before the sums grow: the larger of the two counts.
  const beside = Math.max(0, loading - residualBytes(block) - working - partial);
  return {
    weights: workers * (weights + residualBytes(block) + beside),
    statistics: workers * partial + partial,
    heldOutStatistics: run.heldOutTokens > 0 ? panelBytes(block.sums.filter(({ heldOut }) => heldOut)) : 0,
    activations: workers * (working + kept),
    solver: 0,
    runtime,
  };
};

/** Process, threads and tokenizer. */
export const runtimeBytes = ({ model, layout }: Pick<RunShape, 'model' | 'layout'>): number =>
  MEMORY_COSTS.processBytes + layout.workers * MEMORY_COSTS.workerBytes + MEMORY_COSTS.bytesPerVocabularyToken * model.vocabularySize;
