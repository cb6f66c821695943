import { join } from 'node:path';
import { writing } from '../foundation/index.js';
import { OutputClaimError } from './output-claim-error.js';
import { outputState } from './output-state.js';
import { removeLeftOver } from './remove-left-over.js';
import { fingerprintDifferences, type RunFingerprint } from './run-fingerprint.js';
import { findDamage } from './written-files.js';

/** Damaged files that a message names; a directory that was emptied may lack hundreds. */
const MOST_NAMED = 5;

/**
 * Tells whether an output directory holds the finished run that another one would write again, with every file as long as it was
 * written. What a killed process left beside such a run is removed.
 *
 * @param files what such a run writes at least, relative to the directory
 * @returns path of its report.json; undefined where there is no finished run, or another one
 * @throws OutputClaimError QL_OUTPUT_DAMAGED where the report is there and files are gone or have another length, QL_OUTPUT_BUSY
 *   where another process is starting over
 */
export const findFinished = async (output: string, fingerprint: RunFingerprint, files: readonly string[]): Promise<string | undefined> => {
  const state = await writing(output, () => outputState(output));
  if (state.kind !== 'finished' || !state.fingerprint) return undefined;
  if (fingerprintDifferences(state.fingerprint, fingerprint).length > 0) return undefined;
  await removeLeftOver(output);
  const damage = await findDamage(output, state, files);
  if (damage.length === 0) return join(output, 'report.json');
  const more = damage.length > MOST_NAMED ? `; and ${damage.length - MOST_NAMED} more` : '';
  throw new OutputClaimError(
    'QL_OUTPUT_DAMAGED',
    `${output} holds a finished run by its report.json, but is not as that run left it: ${damage.slice(0, MOST_NAMED).join('; ')}${more}. Put back what was changed, write everything again with --fresh, or choose another directory.`,
  );
};
