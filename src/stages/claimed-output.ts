import { join } from 'node:path';
import { hashShards } from '../checkpoint/index.js';
import { writeFileAtomically } from '../foundation/index.js';
import { claimOutput } from '../journal/index.js';
import { openCorrectionOutput, requireLoadableBase, type CorrectionOutput, type CorrectionOutputOptions } from './correction-output.js';
import type { SolvingRun } from './solving-run.js';

/** What is written, and where. */
export interface ClaimedOutputOptions extends Omit<CorrectionOutputOptions, 'source' | 'plan'> {
  /** Replace an earlier run's files. */
  readonly overwrite: boolean;
  readonly signal: AbortSignal | undefined;
}

/** An output directory that a run holds, with what is written to it. */
export interface ClaimedOutput extends CorrectionOutput {
  /** SHA-256 by shard file of the checkpoint; computed while the run goes on. */
  readonly hashes: Promise<Readonly<Record<string, string>>>;
  /** Writes report.json; the directory counts as finished then. */
  conclude(report: unknown): Promise<void>;
  /** Lets everything go; what was not concluded leaves no half file. */
  release(concluded: boolean): Promise<void>;
}

/**
 * Takes the output directory, opens what is written to it, and begins to hash the checkpoint's shards.
 *
 * @throws the errors of `claimOutput`, `requireLoadableBase` and `openCorrectionOutput`
 */
export const openClaimedOutput = async (run: SolvingRun, options: ClaimedOutputOptions): Promise<ClaimedOutput> => {
  const { directory, overwrite, signal } = options;
  requireLoadableBase(run, options);
  const claim = await claimOutput(directory, { overwrite });
  try {
    const output = await openCorrectionOutput({ ...options, source: run, plan: run.plan });
    run.walk.visit(output.copiedFiles, output.copyPlain);
    const stopHashing = new AbortController();
    const hashes = hashShards(run.checkpoint, AbortSignal.any(signal ? [signal, stopHashing.signal] : [stopHashing.signal]));
    hashes.catch(() => undefined);
    return {
      ...output,
      hashes,
      conclude: async (report) => {
        await writeFileAtomically(join(directory, 'report.json'), `${JSON.stringify(report, null, 2)}\n`);
        await claim.finish();
      },
      release: async (concluded) => {
        stopHashing.abort();
        if (concluded) return;
        await output.abort();
        await claim.abandon();
      },
    };
  } catch (error) {
    await claim.abandon();
    throw error;
  }
};
