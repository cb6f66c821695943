import { createHash } from 'node:crypto';
import type { Window } from '../corpus/index.js';
import type { RunFingerprint } from '../journal/index.js';
import type { FloatChoices } from '../planning/index.js';
import type { ChosenRun } from './calibrated-run.js';
import { fingerprintCorrection, type CorrectionFingerprintParts } from './fingerprint-correction.js';
import type { InitializeJob } from './jobs.js';

/** What decides the bytes of a run besides its model, its text and its job. */
export interface FingerprintParts extends CorrectionFingerprintParts {
  readonly floats: FloatChoices;
}

const windowsHash = (windows: readonly Window[]): string => {
  const hash = createHash('sha256');
  for (const window of windows) hash.update(`${window.length}:${window.join(',')}\n`);
  return hash.digest('hex');
};

/**
 * Collects what decides the bytes that an initialization writes. How many workers there are, how weights come to the disk and
 * where temporary files go is left out. Where the number of tokens is chosen, the windows are all that are considered. A user's own quantizer or initializer enters by its name.
 *
 * Cost: as `sampleWeights`.
 */
export const fingerprintRun = async (chosen: ChosenRun, job: InitializeJob, parts: FingerprintParts): Promise<RunFingerprint> => ({
  command: 'init',
  // Which of them are taken follows from the others here; the same number, given, is another run: it holds out other text.
  ...(job.budget.kind === 'auto' && { tokens: 'auto' }),
  'calibration tokens': windowsHash(chosen.windows.calibration),
  'held-out tokens': windowsHash(chosen.windows.heldOut),
  'keep-statistics': job.keepStatistics ?? 'none',
  plan: { ...parts.floats },
  ...(await fingerprintCorrection(chosen, job, parts)),
});
