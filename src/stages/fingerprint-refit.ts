import type { RunFingerprint } from '../journal/index.js';
import { fingerprintCorrection, sha256, type CorrectionFingerprintParts } from './fingerprint-correction.js';
import type { RefitJob } from './jobs.js';
import type { KeptStatistics } from './kept-statistics.js';
import type { ChosenRefit } from './refit-run.js';

/**
 * Collects what decides the bytes that a refit writes; the statistics enter by the hashes that their index tells.
 *
 * Cost: as `sampleWeights`.
 */
export const fingerprintRefit = async (
  chosen: ChosenRefit,
  { writeBase, device }: Pick<RefitJob, 'writeBase' | 'device'>,
  kept: KeptStatistics,
  base: CorrectionFingerprintParts['base'],
): Promise<RunFingerprint> => ({
  command: 'refit',
  'kept statistics': sha256(JSON.stringify(kept)),
  ...(await fingerprintCorrection(
    chosen,
    { ...chosen.choice, writeBase, ...(device && { device }) },
    { initializer: chosen.initializer.self, base },
  )),
});
