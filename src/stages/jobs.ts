import type { TextShape } from '../corpus/index.js';
import type { HubPatience, HubSettings } from '../hub/index.js';
import type { DeviceChoice } from './compute-device.js';
import type { AskedArithmetic } from '../planning/index.js';

/** Names of the initializers that ship with quailora. */
export const INITIALIZER_NAMES = ['exact', 'als', 'svd', 'loftq', 'zero'] as const;

/** Name of an initializer that ships with quailora. */
export type InitializerName = (typeof INITIALIZER_NAMES)[number];

/** Bits of the quantized base: 4 is NF4 with double quantization, 8 is LLM.int8. */
export type Bits = 4 | 8;

/** How the calibration tokens are chosen from the text. */
export type TokenBudget =
  /** That many records drawn with the seed, each cut to one window or to its format's lengths (the paper's way). */
  | { readonly kind: 'samples'; readonly samples: number }
  /**
   * Texts in file order, joined and cut into whole windows; the first tokens / windowTokens of them. Where `of` is given, they
   * are the first of so many: the text held out is as much as, and lies where, it would for those.
   */
  | { readonly kind: 'tokens'; readonly tokens: number; readonly of?: number };

/** As many tokens in file order as pay, out of `most`: `chooseTokens` finds out. */
export interface AutomaticBudget {
  readonly kind: 'auto';
  /** As `mostPilotTokens` says where left out; all of a text that holds fewer, divided as `heldOutFraction` says. */
  readonly most?: number;
}

/** What every job may carry: how to stop it, and how many workers it may use. */
export interface JobControl extends DeviceChoice {
  /** Aborting it stops the run cleanly: open files are closed, files under a temporary name are removed. */
  readonly signal?: AbortSignal;
  /** Worker threads that do the arithmetic; one for each available core when left out, one on a GPU. Never changes a result. */
  readonly workers?: number;
}

/** Where the Hub is, and how long to insist when it fails. */
export interface HubAccess extends HubSettings {
  /** The Hub client's own patience where left out. */
  readonly patience?: Partial<HubPatience>;
}

/** Which model, and how it comes to the disk. */
export interface ModelChoice {
  /** Hugging Face checkpoint directory, or id of a Hub repository (`organization/name`); a directory that exists wins. */
  readonly model: string;
  /** Branch, tag or commit of a Hub repository; `main` when left out. */
  readonly revision?: string;
  /** Fetch every shard of a Hub repository before the work begins, in place of one block ahead. */
  readonly prefetch?: boolean;
  /**
   * Remove each shard of a Hub repository from the cache when the pass over the model needs it no longer. Only shards
   * that this run brought are removed; another pass brings them again.
   */
  readonly discardShards?: boolean;
  /** Tells where the Hub is, for instance by `readHubSettings`; asked when it is needed. Without it only what is on the disk is opened. */
  readonly hub?: () => HubAccess;
}

/** Which tokens calibrate, and which are held out to check the calibration. */
export interface CalibrationChoice {
  /** Text to calibrate on: a published dataset's name, a file, a glob pattern, or - for standard input. */
  readonly calibration: string;
  /** How its records are read; left out, a dataset's own format, else the text is `chosen`, `text`, or `prompt` + `completion`. */
  readonly calibrationShape?: TextShape;
  readonly budget: TokenBudget | AutomaticBudget;
  /** Tokens of one window. */
  readonly windowTokens: number;
  /** Held-out windows as a fraction of the calibration windows; 0 turns them off. See `selectWindows` for where from. */
  readonly heldOutFraction: number;
  /** Seed of everything random; equal seeds and options give equal bytes. */
  readonly seed: number;
  /** How the linear layers are computed that the text passes; `auto` when left out. Corrections are computed in float32. */
  readonly arithmetic?: AskedArithmetic;
}

/** How the correction is computed and scaled. */
export interface CorrectionChoice {
  readonly bits: Bits;
  /** Columns of each correction; what a module can't use is filled with zeros. */
  readonly rank: number;
  /** PEFT's lora_alpha. The written factors are divided by the scaling, so it does not change the correction. */
  readonly alpha: number;
  /** Scale by alpha / √rank (rsLoRA) in place of alpha / rank. */
  readonly rslora: boolean;
  /** Alternations of the paper's ALS. */
  readonly alsSteps: number;
  /** Alternations of LoftQ. */
  readonly loftqSteps: number;
  /** Give both factors equal norms; Adam trains unbalanced ones unequally. */
  readonly balance: boolean;
  /** Which layers get a correction: every linear layer of the blocks, or those whose last name is listed. */
  readonly modules: 'all-linear' | readonly string[];
}

/** What is done with the routed experts of a mixture model. */
export interface ExpertChoice {
  /** Quantize and correct each expert too, and write its factors to experts/; left out, experts stay in full precision. */
  readonly experts?: boolean;
}

/** What a run may take of the machine. */
export interface ResourceChoice {
  /** Bytes of memory that the run may hold at most; what the machine has when left out. */
  readonly maxMemoryBytes?: number;
  /** Directory for the run's large temporary files; the run makes one of its own in it. */
  readonly scratch?: string;
}
/** Which sums are kept: those that the run needed, or an H of every input, which serves any quantizer and initializer. */
export type KeptSums = 'used' | 'all-h';

/** Every `KeptSums`. */
export const KEPT_SUMS = ['used', 'all-h'] as const satisfies readonly KeptSums[];

/** What `initialize` needs: a checkpoint and a text in, a PEFT adapter (and on request its base) out. */
export interface InitializeJob extends JobControl, ModelChoice, CalibrationChoice, CorrectionChoice, ExpertChoice, ResourceChoice {
  /** Directory to write adapter/, base/, experts/ and report.json to. */
  readonly output: string;
  readonly initializer: InitializerName;
  /** Also write the quantized checkpoint. */
  readonly writeBase: boolean;
  /** `base_model_name_or_path` of the adapter; `model` as typed when left out. */
  readonly baseName?: string;
  /** Start over: remove what an earlier run wrote to `output`, finished or not. Without it an unfinished run of the same job goes on. */
  readonly fresh: boolean;
  /** Least seconds between two checkpoints inside a block, which is what a kill may lose; never changes a result. 30 when left out. */
  readonly checkpointSeconds?: number;
  /**
   * Write the sums to statistics/ as well, for `refit`; none are kept when left out. With `all-h` down projections are solved
   * from an H too: the same optimum, rounded otherwise.
   */
  readonly keepStatistics?: KeptSums;
}

/** What `plan` needs: a job of `initialize`, text and output still open. */
export interface PlanJob extends Omit<InitializeJob, 'calibration' | 'output' | 'fresh'> {
  /** Text to calibrate on; a text of whole windows is assumed without it. */
  readonly calibration?: string;
  /** Directory that would be written to; the working directory's disk is looked at without it. */
  readonly output?: string;
}

/** What `refit` needs: an output with kept statistics, and what shall be otherwise; everything left out stays as it was. */
export interface RefitJob
  extends
    JobControl,
    Partial<CorrectionChoice>,
    ExpertChoice,
    Omit<ModelChoice, 'model' | 'revision'>,
    Pick<InitializeJob, 'baseName' | 'maxMemoryBytes'> {
  /** Output of `initialize` that holds statistics/. */
  readonly directory: string;
  /** Directory to write adapter/, base/, experts/ and report.json to. */
  readonly output: string;
  readonly initializer?: InitializerName;
  /** Seed of the baseline's random factor; the calibration's when left out. */
  readonly seed?: number;
  readonly writeBase: boolean;
  /** Start over: remove what an earlier run wrote to `output`, finished or not. Without it an unfinished refit of the same job goes on. */
  readonly fresh: boolean;
  /** Full-precision checkpoint, a directory or a Hub id; the one that was calibrated, at its commit, when left out. */
  readonly model?: string;
}

/** What `compare` needs: one calibration, on which every initializer is tried, and a text for perplexity. */
export interface CompareJob extends JobControl, ModelChoice, CalibrationChoice, CorrectionChoice {
  readonly budget: TokenBudget;
  /** Text whose perplexity is compared: a published dataset's name, a file, a glob pattern, or -. */
  readonly text: string;
  /** How its records are read. */
  readonly textShape?: TextShape;
}

/** What `evaluate` needs: a checkpoint, full precision or written by `initialize`, and a text whose perplexity is wanted. */
export interface EvaluateJob extends JobControl, ModelChoice {
  /** Text: a published dataset's name, a file, a glob pattern, or - for standard input. */
  readonly text: string;
  /** How its records are read. */
  readonly textShape?: TextShape;
  /** Quantize a full-precision checkpoint on the way; left out, the checkpoint is taken as it is. */
  readonly bits?: Bits;
  /** PEFT adapter directory to apply. */
  readonly adapter?: string;
  /** Tokens of one window. */
  readonly windowTokens: number;
  /** Stop after the whole windows that fit in so many tokens; all of the text when left out. */
  readonly tokens?: number;
  /** Arrow IPC file to write each predicted token's log-probability to. */
  readonly logprobs?: string;
}

/** What `verify` needs: a directory that `initialize` wrote. */
export interface VerifyJob extends JobControl, Omit<ModelChoice, 'model' | 'revision'> {
  /** Directory holding adapter/, report.json and perhaps base/ and experts/. */
  readonly directory: string;
  /** Full-precision checkpoint, a directory or a Hub id; the one report.json names, at its commit, when left out. */
  readonly model?: string;
  /** Text to compute the statistics from again; without it losses are unweighted. */
  readonly calibration?: string;
}

/** The stock settings of a job: the paper's rank, alpha, samples and steps, NF4, the exact optimum, every linear layer. */
export const STOCK_SETTINGS = {
  bits: 4,
  rank: 64,
  alpha: 16,
  rslora: false,
  initializer: 'exact',
  alsSteps: 20,
  loftqSteps: 5,
  balance: true,
  modules: 'all-linear',
  budget: { kind: 'samples', samples: 2000 },
  windowTokens: 512,
  heldOutFraction: 0.1,
  seed: 0,
  arithmetic: 'auto',
  writeBase: false,
  fresh: false,
} as const satisfies Omit<InitializeJob, 'model' | 'calibration' | 'output'>;
