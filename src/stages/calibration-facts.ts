import type { RecordCounts, TextShape } from '../corpus/index.js';
import type { ArithmeticChoice } from '../planning/index.js';
import type { CalibratedRun } from './calibrated-run.js';
import type { CalibrationChoice } from './jobs.js';
import type { TokenChoice } from './token-choice.js';

/** The text of a calibration. */
export interface CalibrationText {
  /** As the user typed it. */
  readonly source: string;
  /** How its records were read; empty where the source alone decided. */
  readonly shape: TextShape;
  readonly records: RecordCounts;
}

/** What statistics were summed over; it goes with them wherever they are used again. */
export interface CalibrationFacts {
  readonly calibration: CalibrationText;
  readonly calibrationTokens: number;
  readonly heldOutTokens: number;
  /** Records that are pairs have lengths of their own where samples are drawn. */
  readonly windowTokens: number;
  /** Held-out windows or records as a fraction of the calibration's (of those considered, where the tokens were chosen), as asked for. */
  readonly heldOutFraction: number;
  /** Calibration records that were drawn; null where whole windows were taken in file order. */
  readonly samples: number | null;
  /** Seed that they were drawn with. */
  readonly seed: number;
  /** How the linear layers were computed that the text passed; left out by versions that knew float32 only. */
  readonly arithmetic?: ArithmeticChoice;
  /** Left out where the number of tokens was given. What was held out was so beside all that were considered. */
  readonly tokenChoice?: TokenChoice;
}

/** Says what a run calibrates on. */
export const calibrationFacts = (
  { windows, arithmetic, tokenChoice }: Pick<CalibratedRun, 'windows' | 'arithmetic' | 'tokenChoice'>,
  job: CalibrationChoice,
): CalibrationFacts => ({
  calibration: { source: job.calibration, shape: job.calibrationShape ?? {}, records: windows.records },
  ...{ calibrationTokens: windows.tokens.calibration, heldOutTokens: windows.tokens.heldOut, windowTokens: job.windowTokens },
  heldOutFraction: job.heldOutFraction,
  samples: job.budget.kind === 'samples' ? windows.calibration.length : null,
  seed: job.seed,
  arithmetic,
  ...(tokenChoice && { tokenChoice }),
});
