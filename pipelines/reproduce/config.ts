/** The four instruction datasets of the paper. */
export const DATASETS = ['alpaca', 'chip2', 'self-instruct', 'hh-rlhf'] as const;

/** One of them. */
export type DatasetName = (typeof DATASETS)[number];

/** Where a row's factors start: peft's default (A random, B zero), or one of quailora's initializers. */
export type Start = 'default' | 'als' | 'exact' | 'svd';

/**
 * What a row's base is: as bitsandbytes stores it, or the same values in plain layers, or the full-precision weights less
 * the factors' product.
 */
export type BaseWeights = 'stored' | 'dequantized' | 'absorbing';

/** A row of table 2: a base and a start. */
export interface GridRow {
  readonly name: string;
  readonly label: string;
  /** 16 stands for the checkpoint as it is. */
  readonly bits: 4 | 8 | 16;
  readonly start: Start;
  readonly weights: BaseWeights;
  /** Datasets it is fine-tuned on; all of them where it is absent. */
  readonly datasets?: readonly DatasetName[];
}

/** A model to fine-tune, and the paper's model that its numbers are set beside. */
export interface GridModel {
  readonly name: string;
  readonly beside: string;
  readonly checkpoint: string;
  readonly rank: number;
}

/** CPU seconds of one core that the parts take, for the estimate. */
export interface GridCosts {
  readonly measuredOn: string;
  readonly initialization: number;
  /** Start of a process that loads a model. */
  readonly start: number;
  readonly step: number;
  /** The validation text once. */
  readonly scoring: number;
}

/** Everything that one scale of the reproduction is. */
export interface ScaleConfig {
  readonly scale: string;
  readonly models: readonly GridModel[];
  readonly alpha: number;
  /** Texts that the miniature datasets are made from, .jsonl with a field `text`. */
  readonly texts: { readonly train: string; readonly validation: string };
  readonly datasets: readonly DatasetName[];
  readonly calibration: { readonly dataset: DatasetName; readonly samples: number };
  /** Tokens kept of what is asked and of what is answered. */
  readonly sourceTokens: number;
  readonly targetTokens: number;
  readonly training: {
    readonly steps: number;
    readonly every: number;
    readonly batch: number;
    readonly microBatch: number;
    readonly learningRate: number;
    readonly validationRecords: number;
  };
  readonly rows: readonly GridRow[];
  readonly costs: GridCosts;
  /** Where this scale departs from the paper, in sentences; printed beforehand and with the tables. */
  readonly departures: readonly string[];
}
