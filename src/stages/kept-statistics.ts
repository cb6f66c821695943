import type { StatisticMeaning } from '../transport/index.js';
import type { CalibrationFacts } from './calibration-facts.js';
import type { CorrectionChoice, InitializerName, KeptSums } from './jobs.js';
import type { BlockRouting } from './routing-counts.js';

/** Directory of an output that holds kept statistics, and the index in it. */
export const KEPT_DIRECTORY = 'statistics';
/** Name of the index, which is written last. */
export const KEPT_INDEX = 'statistics.json';

/** One sum that was kept. */
export interface KeptFile extends StatisticMeaning {
  /** Name in the directory of the index. */
  readonly file: string;
  readonly bytes: number;
  /** Hexadecimal. */
  readonly sha256: string;
  /** For what routed experts read: the activation, and whose rows of it. */
  readonly rows?: { readonly activation: string; readonly expert: number | 'all' } | undefined;
}

/** How the run chose its correction, as far as a refit takes it over. */
export interface KeptOptions extends CorrectionChoice {
  /** The job's; that of a user's own pipeline is named by `KeptStatistics.initializer`. */
  readonly initializer: InitializerName;
  readonly experts: boolean;
  readonly baseName?: string | undefined;
}

/** The index of kept statistics: what they are the sums of, and the bytes that hold them. */
export interface KeptStatistics {
  /** `used`: what the run needed. `all-h`: an H of every input. */
  readonly kept: KeptSums;
  /** Checkpoint directory, or id of a Hub repository, as the user typed it. */
  readonly model: string;
  readonly revision?: string | undefined;
  /** Commit of the Hub repository, 40 hexadecimal digits. */
  readonly commit?: string | undefined;
  readonly shardHashes: readonly { readonly file: string; readonly sha256: string }[];
  /** Names of what made Q and chose the factors. */
  readonly quantizer: string;
  readonly initializer: string;
  readonly options: KeptOptions;
  readonly facts: CalibrationFacts;
  readonly routing: readonly BlockRouting[];
  readonly versions: { readonly quailora: string; readonly [name: string]: string };
  readonly files: readonly KeptFile[];
}
