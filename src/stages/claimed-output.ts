import { join } from 'node:path';
import { closeInTurn, failAfterClosing, writeFileAtomically } from '../foundation/index.js';
import { claimOutput, type ClaimOptions, type OutputClaim } from '../journal/index.js';
import { describeProcessor } from '../runtime/index.js';
import { openCorrectionOutput, type CorrectionOutput, type CorrectionOutputOptions } from './correction-output.js';
import { hashSource } from './hash-source.js';
import type { ExpertChoice, InitializeJob } from './jobs.js';
import { KEPT_DIRECTORY, KEPT_INDEX } from './kept-statistics.js';
import type { SolvingRun } from './solving-run.js';

/** What is written where, and how the directory is taken. */
export interface ClaimedOutputOptions extends Omit<CorrectionOutputOptions, 'source' | 'plan' | 'workDirectory'> {
  readonly claim: Omit<ClaimOptions, 'processor'>;
  readonly signal: AbortSignal | undefined;
}

/** An output directory that a run holds, with what is written to it. */
export interface ClaimedOutput extends CorrectionOutput {
  /** Directory for finished pieces and records, which a later attempt takes over. */
  readonly workDirectory: string;
  /** Directory for large files that are read again. */
  readonly scratchDirectory: string;
  /** As in `OutputClaim`. */
  readonly processors: readonly string[];
  /** SHA-256 by shard file of the checkpoint; computed while the run goes on. */
  readonly hashes: Promise<Readonly<Record<string, string>>>;
  /** Writes report.json; the directory counts as finished then. */
  conclude(report: unknown): Promise<void>;
  /**
   * Closes the run, and gives a directory back that was not concluded: what is finished is kept for the next attempt. Each step is
   * taken, also after one that fails.
   *
   * @param writers what else writes to it; what was begun before an abort writes on, and nobody may be let in before it ends
   */
  close(concluded: boolean, writers?: readonly Pick<CorrectionOutput, 'settled'>[]): Promise<void>;
}

/** Files that a finished run has written at least, relative to its output. */
export const outputFiles = ({
  writeBase,
  experts,
  keepStatistics,
}: ExpertChoice & Pick<InitializeJob, 'writeBase' | 'keepStatistics'>): string[] => [
  ...['adapter/adapter_config.json', 'adapter/adapter_model.safetensors'],
  ...(writeBase ? ['base/config.json'] : []),
  ...(experts ? ['experts/README.md'] : []),
  ...(keepStatistics ? [join(KEPT_DIRECTORY, KEPT_INDEX)] : []),
];

/** Lets a run's output copy and hash the checkpoint along the way, and end with it. */
const followRun = (
  run: SolvingRun,
  output: CorrectionOutput,
  claim: OutputClaim,
  { directory, signal }: ClaimedOutputOptions,
): ClaimedOutput => {
  const { workDirectory, scratchDirectory, processors } = claim;
  run.walk.visit(output.copiedFiles, output.copyPlain);
  const stopHashing = new AbortController();
  const signals = signal ? [signal, stopHashing.signal] : [stopHashing.signal];
  const hashes = hashSource(run.checkpoint, workDirectory, AbortSignal.any(signals));
  hashes.catch(() => undefined);
  return {
    ...{ ...output, workDirectory, scratchDirectory, processors, hashes },
    conclude: async (report) => {
      await writeFileAtomically(join(directory, 'report.json'), `${JSON.stringify(report, null, 2)}\n`);
      await claim.finish();
    },
    close: async (concluded, writers = []) => {
      stopHashing.abort();
      await hashes.catch(() => undefined);
      await closeInTurn(
        () => run.close(),
        ...[output, ...writers].map((writer) => () => writer.settled()),
        () => (concluded ? undefined : claim.abandon()),
      );
    },
  };
};

/**
 * Takes the output directory, starts the run, opens what is written, and begins to hash the checkpoint's shards.
 *
 * @param start starts the run, and does before it what only the holder of the directory may
 * @returns what `start` returned, of which `output.close` closes the run
 * @throws as `claimOutput`, `start` and `openCorrectionOutput`; the run is closed and the directory given back then
 */
export const openClaimedOutput = async <Started extends { readonly run: SolvingRun }>(
  options: ClaimedOutputOptions,
  start: (claim: Pick<OutputClaim, 'workDirectory' | 'scratchDirectory'>) => Promise<Started>,
): Promise<Started & { readonly output: ClaimedOutput }> => {
  const claim = await claimOutput(options.directory, { ...options.claim, processor: await describeProcessor() });
  const { workDirectory } = claim;
  let started: Started | undefined;
  try {
    started = await start(claim);
    const { run } = started;
    const output = await openCorrectionOutput({ ...options, source: run, plan: run.plan, workDirectory });
    return { ...started, output: followRun(run, output, claim, options) };
  } catch (error) {
    return failAfterClosing(
      error,
      () => started?.run.close(),
      () => claim.abandon(),
    );
  }
};
