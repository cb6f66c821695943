import type { ArithmeticChoice } from '../planning/index.js';

/** One initializer in a comparison. */
export interface ComparedInitializer {
  /** `zero`, `svd`, `loftq`, `als`, `exact`. */
  readonly name: string;
  /** What a reader should see, for instance `LoftQ (5 steps, its own Q)`. */
  readonly label: string;
  /** Mean over the modules of loss ÷ loss of no correction, on the calibration tokens. */
  readonly lossRatio: number;
  /** The same on the held-out tokens; null where there are none. */
  readonly heldOutLossRatio: number | null;
  /** Seconds to quantize, solve and certify every module, summed over the workers. */
  readonly seconds: number;
  readonly perplexity: number;
  /** (quantized − corrected) / (quantized − LLM.int8) in perplexity; null where that is no gap. */
  readonly gapClosed: number | null;
}

/** Every initializer on the same statistics. */
export interface ComparisonReport {
  readonly model: string;
  /** Name of the quantizer whose error is corrected. */
  readonly quantizer: string;
  readonly rank: number;
  readonly calibrationTokens: number;
  readonly heldOutTokens: number;
  /** Tokens whose perplexity is compared. */
  readonly evaluationTokens: number;
  /** Routed experts' part of all weights, which is in full precision throughout; left out for a model without any. */
  readonly expertShare?: number;
  /** Perplexities without a correction. */
  readonly perplexity: {
    readonly fullPrecision: number;
    readonly llmInt8: number;
    /** With `quantizer`. */
    readonly quantized: number;
  };
  readonly initializers: readonly ComparedInitializer[];
  /** What computed: `cpu`, `cuda` or `webgpu`. */
  readonly device?: string;
  /** How the calibration text passed the linear layers; perplexities are computed in float32. */
  readonly arithmetic: ArithmeticChoice;
  /** Versions of quailora, Node and what does the arithmetic, by name. */
  readonly versions: { readonly quailora: string; readonly [name: string]: string };
  readonly secondsPerStage: Readonly<Record<string, number>>;
  /** The kernel's high-water mark. */
  readonly peakRssBytes: number;
}
