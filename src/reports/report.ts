import type { ExecutionPlan, RunLayout } from '../planning/index.js';
import type { RunFingerprint, WrittenFile } from '../journal/index.js';
import type { BlockRouting, CalibrationFacts, KeptSums, LossRatios } from '../stages/index.js';

/** Mean loss per token of one module: ‖(W − Q − s·B·A) x‖² averaged over the tokens. */
export interface ModuleLoss {
  /** Without a correction. */
  readonly none: number;
  /** With the truncated SVD of E at the same rank; left out where it was not computed. */
  readonly svd?: number;
  /** With the correction that was written. */
  readonly final: number;
}

/** Mean held-out loss per token of one module. */
export interface HeldOutLoss {
  readonly none: number;
  readonly final: number;
}

/** What the run did for one module. */
export interface ModuleReport {
  /** Full name, for instance `model.layers.0.self_attn.q_proj`. */
  readonly name: string;
  /** [out, in] */
  readonly shape: readonly [number, number];
  /** On the calibration tokens. */
  readonly loss: ModuleLoss;
  /** On the held-out tokens; null where there are none. */
  readonly heldOut: HeldOutLoss | null;
  /** 1 − final / none on the calibration tokens; 1 where there was nothing to correct. */
  readonly captured: number;
  /** Statistic the losses come from: Σ x xᵀ, or Σ (E x)(E x)ᵀ. */
  readonly statistic: 'H' | 'G';
  /** Seconds to quantize, solve and certify. */
  readonly seconds: number;
}

/** What the run did for one matrix of a routed expert. */
export interface ExpertMatrixReport extends ModuleReport {
  /** Calibration tokens routed to the expert. */
  readonly tokens: number;
  readonly heldOutTokens: number;
  /** `shared`: too few tokens were routed to the expert, and the statistics (and `loss`) are those of all experts. */
  readonly statistics: 'own' | 'shared';
}

/** What report.json says of the routed experts. */
export interface ExpertReport {
  /** Matrices of all experts. */
  readonly matrices: number;
  /** Weights in them, and those as a part of all weights. In adapter/ and base/ they are in full precision. */
  readonly parameters: number;
  readonly share: number;
  /** Linear layers that are quantized and not corrected, because peft takes their names for those of experts. */
  readonly unadaptable: number;
  readonly routing: readonly BlockRouting[];
  /** What was written to experts/; null where experts were left as they are. */
  readonly corrected: {
    readonly modules: readonly ExpertMatrixReport[];
    /** Means; held out, over the matrices whose experts got a held-out token. Seconds are those of the workers. */
    readonly totals: ReportTotals;
  } | null;
}

/** Means over the modules, each module counting the same. */
export interface ReportTotals {
  readonly modules: number;
  /** Mean of final / none on the calibration tokens. */
  readonly lossRatio: number;
  /** Mean of svd / none; null where it was not computed for every module. */
  readonly svdLossRatio: number | null;
  /** Mean of final / none on the held-out tokens; null where there are none. */
  readonly heldOutLossRatio: number | null;
  /** Mean of `captured`. */
  readonly captured: number;
  /** Wall time of the whole run, over all its attempts. */
  readonly seconds: number;
}

/** How much worse the correction is on text that it was not computed from, for one kind of module. */
export interface KindGeneralization extends LossRatios {
  /** Last name of the modules, for instance q_proj; `experts gate_proj` for matrices of routed experts. */
  readonly kind: string;
  /** Modules that have a held-out loss. */
  readonly modules: number;
  /** heldOutLossRatio / calibrationLossRatio − 1; null where no loss is left on the calibration tokens. */
  readonly gap: number | null;
}

/** Most bytes held at one time, by what they were for. */
export interface LargestBytes {
  readonly weights: number;
  /** Held-out sums included. */
  readonly statistics: number;
  readonly activations: number;
}

/** Bytes that identify one shard. */
export interface ShardHash {
  /** Relative to the checkpoint directory or repository. */
  readonly file: string;
  /** Hexadecimal. */
  readonly sha256: string;
}

/** Where a correction came from that was fitted again. */
export interface RefitOrigin {
  /** Output whose statistics it was fitted from, as the user typed it. */
  readonly from: string;
  readonly kept: KeptSums;
  /** Seed of the baseline's random factor. */
  readonly seed: number;
}

/** The plan that a run followed. */
export interface PlanReport
  extends
    RunLayout,
    Pick<ExecutionPlan, 'peakBytes' | 'peakAt' | 'budgetBytes' | 'smallestBudgetBytes' | 'shardsInFlight' | 'floats'>,
    Pick<ExecutionPlan, 'scratchBytes' | 'outputBytes' | 'keptStatisticsBytes'> {}

/** What a run computed, and how that compares with what the machine can do. */
export interface WorkReport {
  /** Floating-point operations, counted from the shapes; a multiplication and an addition are two. */
  readonly operations: number;
  /**
   * Rate of plain matrix products on this machine, all workers together, measured when the work was done: the faster of those
   * with a constant right side and those with one that is given.
   */
  readonly gemmOperationsPerSecond: number;
  /** operations / (seconds of the run × that rate): 1 if every second had gone into products at full speed. */
  readonly share: number;
}

/** What report.json holds: what was run, on what, with what outcome and at what cost. */
export interface InitializationReport extends CalibrationFacts {
  /** Checkpoint directory, or id of a Hub repository, as the user typed it. */
  readonly model: string;
  /** Commit of the Hub repository, 40 hexadecimal digits; left out for a directory. */
  readonly commit?: string;
  readonly shardHashes: readonly ShardHash[];
  /** Name of the quantizer: `nf4`, `int8`, … */
  readonly quantizer: string;
  /** Name of the initializer: `exact`, `als`, … */
  readonly initializer: string;
  /** Alternations the initializer was told to make; null for one that makes none, and for a user's own. */
  readonly initializerSteps: number | null;
  readonly rank: number;
  /** PEFT's lora_alpha. */
  readonly alpha: number;
  /** What PEFT multiplies B·A by: alpha / rank, or alpha / √rank. */
  readonly scaling: number;
  /** What decides the bytes that were written, by name; a run with an equal one would write the same. */
  readonly fingerprint?: RunFingerprint;
  /** What computed: `cpu`, `cuda` or `webgpu`; left out by versions that knew only the processor. */
  readonly device?: string;
  /** Kinds of processors that attempts at the run had: more than one leave last bits of each. Left out by versions that did not ask. */
  readonly processors?: readonly string[];
  /** Versions of quailora, Node and what does the arithmetic, by name. */
  readonly versions: { readonly quailora: string; readonly [name: string]: string };
  readonly modules: readonly ModuleReport[];
  readonly totals: ReportTotals;
  /** By kind of module; left out without held-out text. */
  readonly generalization?: readonly KindGeneralization[];
  /** Left out for a model without routed experts. */
  readonly experts?: ExpertReport;
  /** Left out where the run itself calibrated. */
  readonly refit?: RefitOrigin;
  readonly secondsPerStage: Readonly<Record<string, number>>;
  /** The kernel's high-water mark, mapped pages and child processes included. */
  readonly peakRssBytes: number;
  readonly largestBytes: LargestBytes;
  /** Left out where nothing was planned. */
  readonly plan?: PlanReport;
  /** Left out of runs too short for it to say anything. */
  readonly work?: WorkReport;
  /** What the run wrote, cards and this report apart, with lengths: by them the same command tells whether it is all there. */
  readonly files?: readonly WrittenFile[];
}
