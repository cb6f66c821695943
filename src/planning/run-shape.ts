import type { FloatChoices, RunLayout } from './execution-plan.js';
import type { ModelShape } from './model-shape.js';

/** How a layer is solved, as far as its bytes and operations follow from it. */
export interface SolveShape {
  readonly rank: number;
  /** Bits of a stored weight. */
  readonly bits: number;
  /** True where W and Q are held beside E. */
  readonly keepsWeights: boolean;
  /** True where the initializer reads the sums. */
  readonly usesSums: boolean;
  /** True where it ends with a Q of its own. */
  readonly requantizes: boolean;
  /** Truncated SVDs that it makes of a residual. */
  readonly decompositions: number;
  /** Rounds of ALS; 0 for another initializer. */
  readonly steps: number;
}

/** What is tried before a run that chooses its tokens, with the same text held out. */
export interface PilotShape {
  /** Calibration tokens that there are to choose from. */
  readonly consideredTokens: number;
  /** The first so many of them pass its blocks; all, before it was made. */
  readonly triedTokens: number;
}

/** Everything that the bytes and operations of a run follow from. */
export interface RunShape {
  readonly model: ModelShape;
  readonly solve: SolveShape;
  readonly calibrationTokens: number;
  readonly heldOutTokens: number;
  /** Tokens of the longest window. */
  readonly windowTokens: number;
  readonly writeBase: boolean;
  /** Left out where the number of tokens was given. */
  readonly pilot?: PilotShape;
  readonly floats: FloatChoices;
  readonly layout: RunLayout;
}

/** Tokens of the largest run: whole windows, one at least. */
export const largestRun = ({ floats, windowTokens }: Pick<RunShape, 'floats' | 'windowTokens'>): number =>
  Math.max(1, Math.floor(floats.runTokens / windowTokens)) * windowTokens;

/** Tokens of the largest segment: it ends with the run that reaches its length, or with the text. */
export const largestSegment = (run: Pick<RunShape, 'floats' | 'windowTokens' | 'calibrationTokens' | 'heldOutTokens'>): number => {
  const tokens = largestRun(run);
  const longest = Math.max(run.calibrationTokens, run.heldOutTokens);
  return Math.min(Math.ceil(run.floats.segmentTokens / tokens) * tokens, Math.ceil(longest / run.windowTokens) * run.windowTokens);
};
