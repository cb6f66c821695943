import { join } from 'node:path';
import { readRecord, writeRecord, type RunFingerprint } from '../journal/index.js';
import type { ExecutionPlan } from '../planning/index.js';
import { startRun, temporaryPlace, type CalibratedJob, type ChosenRun } from './calibrated-run.js';
import { chooseTokens, type ChooseTokensOptions } from './choose-tokens.js';
import { firstTokens } from './first-tokens.js';
import type { RunClock } from './run-clock.js';
import type { TokenChoice } from './token-choice.js';

/** Record in a work directory of how many tokens a pilot chose. */
const RECORD = 'token-choice.json';

/** What a pilot goes by besides the run. */
export interface SettleTokensOptions extends ChooseTokensOptions {
  readonly execution: ExecutionPlan;
  readonly clock: RunClock;
}

/** Leaves a run with so many of its calibration tokens. */
export const withTokens = (chosen: ChosenRun, tokens: number): ChosenRun => ({ ...chosen, windows: firstTokens(chosen.windows, tokens) });

/**
 * Finds by a pilot over the first blocks how many of a run's tokens pay.
 *
 * @throws as `chooseTokens`; FileWriteError
 */
export const settleTokens = async (chosen: ChosenRun, job: CalibratedJob, options: SettleTokensOptions): Promise<TokenChoice> => {
  const place = await temporaryPlace(job.scratch);
  const pilot = startRun(chosen, job, { ...place, bytes: 0 }, options.clock, options.execution);
  try {
    return await chooseTokens(pilot, options);
  } finally {
    await pilot.pool.close();
    await place.release();
  }
};

interface Remembered {
  /** Of the run with all tokens that are considered. */
  readonly fingerprint: RunFingerprint;
  readonly choice: TokenChoice;
}

/** Keeps a choice, so that a resumed run need not make it again. */
export const rememberChoice = (workDirectory: string, remembered: Remembered): Promise<void> =>
  writeRecord(join(workDirectory, RECORD), remembered);

/** The choice that an earlier attempt of the same run made; undefined where there is none that can be read. */
export const recalledChoice = async (workDirectory: string, fingerprint: RunFingerprint): Promise<TokenChoice | undefined> => {
  const record = await readRecord(join(workDirectory, RECORD));
  if (record === undefined || record === 'damaged') return undefined;
  const { fingerprint: then, choice } = record.value as Remembered;
  return JSON.stringify(then) === JSON.stringify(fingerprint) ? choice : undefined;
};
