import type { Arithmetic } from './choose-arithmetic.js';
import type { ExpertShape, SumShape } from './model-shape.js';

/** What decides floats: it follows from model, options and budget, and an arithmetic that is left open from the processor's features; never from speed. */
export interface FloatChoices {
  /** Tokens of one run of a block's graph at most, unless a single window is longer. */
  readonly runTokens: number;
  /** Tokens after which a partial sum ends. */
  readonly segmentTokens: number;
  /** Type of the hidden states between two blocks. */
  readonly storedActivations: 'f32';
  /** How the linear layers that the text passes are computed. */
  readonly arithmetic: Arithmetic;
}

/** How the processor is used; it never changes a float. */
export interface RunLayout {
  readonly workers: number;
  /** Threads inside one operator of each worker. */
  readonly threads: number;
}

/** Resident bytes of one stage, by what holds them. */
export interface StageBytes {
  /** Weights, their quantization and its residuals. */
  readonly weights: number;
  /** Sums over the calibration tokens, partial ones included. */
  readonly statistics: number;
  /** Sums over the held-out tokens. */
  readonly heldOutStatistics: number;
  /** Hidden states and what the block's graph computes from them. */
  readonly activations: number;
  /** Unpacked sums and the solver's own matrices. */
  readonly solver: number;
  /** Node, ONNX Runtime, the threads, the tokenizer. */
  readonly runtime: number;
}

/** One stage of a run. */
export interface PlannedStage {
  readonly stage: 'start' | 'embed' | 'pilot' | 'calibrate' | 'solve' | 'write';
  /** Kind of block; undefined outside the blocks. */
  readonly blockKind: string | undefined;
  /** Blocks of that kind. */
  readonly blocks: number;
  readonly bytes: StageBytes;
  readonly totalBytes: number;
  /** Floating-point operations of all its blocks together, for the chosen number of tokens. */
  readonly operations: number;
}

/** Floating-point operations of a run, a multiplication and an addition counting as two. */
export interface Operations {
  readonly forward: number;
  /** Those of `forward` that compare tokens with each other; the others are products with weights. */
  readonly attention: number;
  readonly sums: number;
  readonly solve: number;
  /** Those of `solve` that multiply a matrix by a thin block of vectors. */
  readonly thin: number;
  /** Rows of such blocks, once for each time that an eigensolver runs to its end. */
  readonly solvedRows: number;
  readonly certify: number;
  /** Weights that are quantized; those of a G by each worker, and once more. */
  readonly quantizedWeights: number;
  /** Weights that workers load into the graphs of blocks, those of a block by each worker. */
  readonly loadedWeights: number;
}

/** A number of calibration tokens and the seconds that a run with it takes on this machine. */
export interface TokenTime {
  readonly tokens: number;
  readonly seconds: number;
}

/** Tokens of a run. */
export interface PlannedTokens {
  readonly calibration: number;
  readonly heldOut: number;
  readonly windowTokens: number;
  /** `counted`: read from the text. `assumed`: whole windows, or the stock number where no text was given. */
  readonly source: 'counted' | 'assumed';
}

/** What comes before a run that chooses its tokens; `stages` have its memory. */
export interface PlannedPilot {
  /** Calibration tokens that there are to choose from. */
  readonly consideredTokens: number;
  /** Calibration tokens that pass its blocks; all, before it was made. */
  readonly triedTokens: number;
  /** The first so many blocks. */
  readonly blocks: number;
  /** Numbers of tokens that they are corrected from. */
  readonly points: number;
  /** Part of the plan's seconds; null unless the machine was measured. */
  readonly seconds: number | null;
}

/** Space that a run needs in one place, and what is free there. */
export interface DiskNeed {
  readonly directory: string;
  readonly neededBytes: number;
  readonly freeBytes: number;
}

/** What a run needs and how it will be done. */
export interface ExecutionPlan {
  readonly model: string;
  readonly modelType: string;
  readonly blocks: number;
  readonly tokens: PlannedTokens;
  readonly layout: RunLayout;
  /** Weight matrices that are worked on at the same time. */
  readonly shardsInFlight: number;
  readonly floats: FloatChoices;
  /** Graphs that a block is computed by. */
  readonly piecesPerBlock: number;
  readonly stages: readonly PlannedStage[];
  readonly peakBytes: number;
  /** Stage of the peak, with the kind of block: `calibrate dense`. */
  readonly peakAt: string;
  /** Least budget of memory that the run can do with: one worker, the smallest chunks. */
  readonly smallestBudgetBytes: number;
  /** Budget that was given; null without one. */
  readonly budgetBytes: number | null;
  /** Memory of the machine, a container's limit respected. */
  readonly machineBytes: number;
  /** What of it was free when the plan was made; null where nobody asked. The plan does not follow it. */
  readonly availableBytes: number | null;
  /** Hidden states and sums between two blocks, those of the last checkpoint beside those at work. */
  readonly scratchBytes: number;
  readonly outputBytes: number;
  /** What the sums of all blocks would take on the disk. */
  readonly keptStatisticsBytes: number;
  readonly disks: readonly DiskNeed[];
  /** Times that the tokens pass the model, and that its weights are read. */
  readonly passes: { readonly tokens: number; readonly weights: number };
  /** Those of the pilot included. */
  readonly operations: Operations;
  /** Left out where the number of tokens was given; the plan is for all that are considered then, and so at most. */
  readonly pilot?: PlannedPilot;
  /** Seconds with the chosen tokens; null unless the machine was measured. */
  readonly seconds: number | null;
  /** The same for other numbers of tokens. */
  readonly times: readonly TokenTime[];
  readonly speed: MachineSpeed | null;
  readonly sums: readonly (SumShape & { readonly blockKind: string })[];
  readonly experts: ExpertShape | undefined;
  /** What to change where something does not fit; empty where all fits. */
  readonly advice: readonly string[];
  /** False where memory or disk do not suffice. */
  readonly fits: boolean;
}

/** What a short measurement says of this machine, all workers together. */
export interface MachineSpeed {
  /** Operations a second in float32 products of the model's width. */
  readonly gemmOperationsPerSecond: number;
  /** The same in the arithmetic of the run's linear layers, slicing included; products by slices count as those that they stand for. */
  readonly linearOperationsPerSecond: number;
  /** The same in sums over activations. */
  readonly sumOperationsPerSecond: number;
  /** The same in products with a thin block of vectors. */
  readonly thinOperationsPerSecond: number;
  /** Rows of `Operations.solvedRows` a second, without the products with the matrix. */
  readonly solvedRowsPerSecond: number;
  /** Weights quantized a second. */
  readonly weightsPerSecond: number;
}
