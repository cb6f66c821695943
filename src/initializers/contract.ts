import type { Matrix } from '../foundation/index.js';
import type { MatrixEngine } from '../runtime/index.js';
import type { QuantizedMatrix, Quantizer, QuantizeOptions } from '../quantizers/index.js';
import type { ResidualProducts } from './residual-products.js';

/**
 * Second moment of a layer's input over the calibration tokens, a plain sum (no mean, no damping).
 *
 * `H`: Σ x xᵀ, [in, in]. `G`: Σ (E x)(E x)ᵀ, [out, out], for one residual E = W − Q.
 */
export interface Statistic {
  readonly kind: 'H' | 'G';
  /** Symmetric, both triangles filled, float32. */
  readonly sum: Matrix;
  /** Number of tokens summed. */
  readonly tokens: number;
}

/** Everything an initializer may use to choose the factors of one layer. */
export interface InitializerProblem {
  /** Full module name, for messages. */
  readonly module: string;
  /** Weight, [out, in]; for an initializer that `usesWeights`. */
  readonly W: Matrix;
  /** The stock quantization of W; for an initializer that `usesWeights`. */
  readonly quantized: QuantizedMatrix;
  /** E = W − Q of that quantization, [out, in]. */
  readonly E: Matrix;
  /** Calibration sums; undefined when calibration was left out. Initializers that re-quantize always get an H. */
  readonly statistic: Statistic | undefined;
  /** Products of E with the statistic that the certificate needs too, where the caller keeps them for it. */
  readonly products?: ResidualProducts | undefined;
  readonly rank: number;
  readonly quantizer: Quantizer;
  readonly quantizeOptions: QuantizeOptions;
}

/** Factors of one layer in the paper's letters: W ≈ Q + A Bᵀ. LoRA scaling is not applied here. */
export interface Factors {
  /** [out, rank] */
  readonly A: Matrix;
  /** [in, rank] */
  readonly B: Matrix;
  /** Set when the initializer chose another Q than the stock quantization of W. */
  readonly quantized?: QuantizedMatrix;
  /** Set when it started from the rank-limited SVD of E, U Σ Vᵀ: tr(Uᵀ G U), the part of tr(G) which that start captures. */
  readonly svdCaptured?: number;
}

/** Where an initializer does its large products. */
export interface InitializerContext {
  readonly linalg: MatrixEngine;
}

/**
 * A way to choose the LoRA factors of one layer.
 *
 * A new initializer is one object of this shape; nothing is registered.
 */
export interface Initializer {
  /** Short name for reports: `als`, `exact`, … */
  readonly name: string;
  /** True when A Bᵀ = P E for an orthogonal projection P, so that a G is enough to state its loss. */
  readonly projectsResidual: boolean;
  /** True when it chooses its own Q, so that the base must be written with the adapter. */
  readonly requantizes: boolean;
  /** True when it reads `problem.statistic`. */
  readonly usesStatistic: boolean;
  /** False when it does without `problem.W` and `problem.quantized`, which then need not be held; true unless told. */
  readonly usesWeights?: boolean;
  /**
   * Chooses the factors of one layer; the problem is left as it was, and is not kept: its arrays move between threads.
   *
   * @returns A [out, rank] and B [in, rank]; columns beyond the attainable rank give a product of zero
   */
  initialize(problem: InitializerProblem, context: InitializerContext): Promise<Factors>;
}
