import { join } from 'node:path';
import { writing } from '../foundation/index.js';
import { OutputClaimError } from './output-claim-error.js';
import { outputState } from './output-state.js';
import { fingerprintDifferences, type RunFingerprint } from './run-fingerprint.js';

/**
 * Tells whether an output directory holds the finished run that another one would write again.
 *
 * @param files what such a run writes at least, relative to the directory
 * @returns path of its report.json; undefined where there is no finished run, or another one
 * @throws OutputClaimError QL_OUTPUT_DAMAGED where the report is there and some of the files are gone
 */
export const findFinished = async (output: string, fingerprint: RunFingerprint, files: readonly string[]): Promise<string | undefined> => {
  const state = await writing(output, () => outputState(output));
  if (state.kind !== 'finished' || !state.fingerprint) return undefined;
  if (fingerprintDifferences(state.fingerprint, fingerprint).length > 0) return undefined;
  const missing = files.filter((file) => !state.files.includes(file));
  if (missing.length > 0)
    throw new OutputClaimError(
      'QL_OUTPUT_DAMAGED',
      `${output} holds a finished run by its report.json, but ${missing.join(', ')} is not there any more. Write it again with --fresh.`,
    );
  return join(output, 'report.json');
};
