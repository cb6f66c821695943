import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { closeInTurn, failAfterClosing, writing } from '../foundation/index.js';
import { readRecord, writeRecord, type OutputClaim } from '../journal/index.js';
import type { ExecutionPlan } from '../planning/index.js';
import { startRun, type CalibratedJob, type ChosenRun, type HiddenStatePlace } from './calibrated-run.js';
import { chooseTokens, type ChooseTokensOptions } from './choose-tokens.js';
import { firstTokens } from './first-tokens.js';
import type { ClockReading, RunClock } from './run-clock.js';
import type { TokenChoice } from './token-choice.js';

/** Record in a work directory of how many tokens a pilot chose. */
const RECORD = 'token-choice.json';

/** Directory in a run's scratch directory that a pilot's hidden states are in. */
const PLACE = 'pilot';

/** What a pilot goes by besides the run. */
export interface SettleTokensOptions extends ChooseTokensOptions {
  readonly execution: ExecutionPlan;
  readonly clock: RunClock;
  /** The output's; the choice is kept in its work directory, hidden states in its scratch directory. */
  readonly claim: Pick<OutputClaim, 'workDirectory' | 'scratchDirectory'>;
  /** Told of a record whose bytes are not what was written; the pilot is made again then. */
  readonly onDamaged: (file: string) => void;
}

/** A choice, by this attempt or by an earlier one. */
export interface SettledTokens {
  readonly choice: TokenChoice;
  /** What an earlier attempt's clock showed when it had chosen; undefined where this one chose. */
  readonly earlier: ClockReading | undefined;
}

/** What the record holds. */
interface Remembered {
  readonly choice: TokenChoice;
  readonly clock: ClockReading;
}

/** Leaves a run with those of its calibration tokens that were chosen. */
export const withTokens = (chosen: ChosenRun, tokenChoice: TokenChoice): ChosenRun => ({
  ...{ ...chosen, tokenChoice },
  windows: firstTokens(chosen.windows, tokenChoice.chosen),
});

/** An empty directory: a pilot that was killed leaves its files. */
const emptyPlace = async (scratchDirectory: string): Promise<HiddenStatePlace> => {
  const directory = join(scratchDirectory, PLACE);
  const remove = (): Promise<void> => writing(directory, () => rm(directory, { recursive: true, force: true }));
  await remove();
  await writing(directory, () => mkdir(directory, { recursive: true }));
  return { bytes: 0, directory, release: remove };
};

/**
 * Finds how many of a run's tokens pay: by the record of an earlier attempt, which had the same fingerprint as it had the same
 * claim, else by a pilot over the first blocks.
 *
 * @param chosen with all tokens that are considered
 * @throws as `chooseTokens`; JournalError QL_JOURNAL_READ; FileWriteError
 */
export const settleTokens = async (chosen: ChosenRun, job: CalibratedJob, options: SettleTokensOptions): Promise<SettledTokens> => {
  const { claim, clock, execution, onDamaged } = options;
  const path = join(claim.workDirectory, RECORD);
  const record = await readRecord(path);
  if (record === 'damaged') onDamaged(path);
  else if (record) {
    const { choice, clock: earlier } = record.value as Remembered;
    return { choice, earlier };
  }
  const place = await emptyPlace(claim.scratchDirectory);
  const pilot = startRun(chosen, job, place, clock, execution);
  // The model stays open for the run.
  const closing = [() => pilot.pool.close(), () => place.release()];
  let choice: TokenChoice;
  try {
    choice = await chooseTokens(pilot, options);
    await writeRecord(path, { choice, clock: clock.read() } satisfies Remembered);
  } catch (error) {
    return failAfterClosing(error, ...closing);
  }
  await closeInTurn(...closing);
  return { choice, earlier: undefined };
};
