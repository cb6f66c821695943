import type { StatisticChoice } from './choose-statistics.js';

/** A weight matrix of a block, or one of each expert where there are `copies`. */
export interface MatrixShape {
  /** Last part of the module's name: `q_proj`. */
  readonly name: string;
  readonly outFeatures: number;
  readonly inFeatures: number;
  /** Activation that it reads. */
  readonly input: string;
  /** Bytes of one value as stored. */
  readonly storedBytes: number;
  /** Quantized in the base, or to be corrected. */
  readonly quantized: boolean;
  /** Gets factors. */
  readonly corrected: boolean;
  /** Matrices of this shape: 1, or one for each expert. */
  readonly copies: number;
  /** Tokens that reach one of them, as a part of all: 1, or experts per token ÷ experts on average. */
  readonly tokenShare: number;
}

/** A sum that is kept of one activation of a block. */
export interface SumShape extends Pick<StatisticChoice, 'input' | 'width' | 'kind'> {
  /** Rows and columns. */
  readonly size: number;
  /** Why it is an H or a G; one sentence. */
  readonly reason: string;
  /** Sums of this shape: 1, or one for each expert. */
  readonly copies: number;
  /** Tokens that enter one of them, as a part of all. */
  readonly tokenShare: number;
  /** True where held-out tokens are summed as well. */
  readonly heldOut: boolean;
}

/** An activation that a block's graph returns. */
export interface ActivationShape {
  readonly name: string;
  readonly width: number;
  /** Rows for each token: 1, or the experts that a token goes to. */
  readonly rowsPerToken: number;
}

/** Blocks of a model that are alike. */
export interface BlockShape {
  /** Numbers of the blocks. */
  readonly blocks: readonly number[];
  /** `dense` or `mixture`; with a number where several kinds have that name. */
  readonly kind: string;
  readonly matrices: readonly MatrixShape[];
  /** Values of norms, biases and routers. */
  readonly otherValues: number;
  /** Values of the largest stored tensor. */
  readonly largestTensorValues: number;
  readonly activations: readonly ActivationShape[];
  readonly sums: readonly SumShape[];
  /** Heads of queries. */
  readonly heads: number;
}

/** The sizes of a model that a plan follows from. */
export interface ModelShape {
  readonly modelType: string;
  readonly hiddenSize: number;
  readonly blockCount: number;
  /** Tokens that the tokenizer and the embedding know. */
  readonly vocabularySize: number;
  /** Each kind once, in the order of their first blocks. */
  readonly blocks: readonly BlockShape[];
  /** Bytes of the tensors that a base copies as they are. */
  readonly plainBytes: number;
  /** Stored values of the corrected experts that stay as they are in the base; 0 without any. */
  readonly experts: ExpertShape | undefined;
}

/** The routed experts of a model. */
export interface ExpertShape {
  /** Names of their matrices, with * in the place of block and expert. */
  readonly names: readonly string[];
  readonly matrices: number;
  readonly values: number;
  /** Their values as a part of all values of the model. */
  readonly share: number;
  /** True where they are quantized and corrected for `experts/`; they stay in full precision in the base either way. */
  readonly corrected: boolean;
}

/** Values of one matrix. */
export const valuesOf = ({ outFeatures, inFeatures }: Pick<MatrixShape, 'outFeatures' | 'inFeatures'>): number => outFeatures * inFeatures;

/** Values of everything that a block's graph holds. */
export const blockValues = ({ matrices, otherValues }: BlockShape): number =>
  matrices.reduce((sum, matrix) => sum + matrix.copies * valuesOf(matrix), otherValues);
