import { QuailoraError } from '../foundation/index.js';
import { gramPanels } from '../graph/index.js';

/** Values that are in memory at a time, beside the sum itself: 4 MiB, one record batch. */
export const BATCH_VALUES = 1024 * 1024;

/** The one column of the file. */
export const UPPER_COLUMN = 'upper';

/** Thrown when a file of statistics can't be read, is cut or damaged, or holds something else; retrying does not help. */
export class StatisticFileError extends QuailoraError {
  constructor(path: string, reason: string, cause?: unknown) {
    super('QL_STATISTIC_FILE', `${path}: ${reason}`, { cause });
  }
}

/** What one kept sum is the sum of. */
export interface StatisticMeaning {
  readonly block: number;
  /** Name of the activation, as in `CausalModel.inputs`; of a routed expert's, with the expert's number after it. */
  readonly input: string;
  readonly split: 'calibration' | 'heldOut';
  /** `H`: Σ x xᵀ, [in, in]. `G`: Σ (E x)(E x)ᵀ, [out, out], of one module under one quantizer. */
  readonly kind: 'H' | 'G';
  /** Rows of the symmetric matrix. */
  readonly n: number;
  /** Tokens that were summed over. */
  readonly tokens: number;
  /** Full names of the modules that read the input; for a G, the one module. */
  readonly modules: readonly string[];
  /** Name of the quantizer that left E; for a G only. */
  readonly quantizer?: string | undefined;
}

/** A sum with its meaning. */
export interface KeptStatistic {
  readonly meaning: StatisticMeaning;
  /** Float32 panels of the upper triangle in shared memory, as `gramPanels` cuts them; the square below each diagonal is filled as well. */
  readonly panels: readonly Float32Array[];
}

/** Rows of the upper triangle from their diagonals on, as views of the panels (`gramPanels`). */
export function* upperRows(n: number, panels: readonly Float32Array[]): Generator<Float32Array> {
  for (const [p, { begin, end }] of gramPanels(n).entries()) {
    const width = n - begin;
    for (let i = begin; i < end; i++) yield panels[p]!.subarray((i - begin) * width + i - begin, (i - begin + 1) * width);
  }
}
