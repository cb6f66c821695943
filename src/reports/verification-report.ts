import type { VerificationFailure } from '../evaluation/index.js';

/** How a loss was weighted when it was checked. */
export type LossWeighting = 'calibration' | 'unweighted';

/** What `verify` found. */
export interface VerificationReport {
  /** Directory as the user typed it. */
  readonly directory: string;
  /** True when nothing failed. */
  readonly passed: boolean;
  /** Modules of the base compared byte by byte with quantize(W); null where no base was written. */
  readonly baseModules: number | null;
  /** Modules whose correction was measured. */
  readonly adapterModules: number;
  /** Matrices of routed experts whose correction was measured; left out where none are claimed. */
  readonly expertMatrices?: number;
  readonly weighting: LossWeighting;
  /** Mean over the modules of 1 − loss ÷ loss of no correction, as measured now. */
  readonly captured: number;
  readonly failures: readonly VerificationFailure[];
}
