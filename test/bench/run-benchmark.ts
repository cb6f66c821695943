import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describeMachine } from './describe-machine.js';

/** Where a figure has to lie, bounds included. */
export interface Target {
  readonly atLeast?: number;
  readonly atMost?: number;
}

/** A figure of a benchmark, held against its target. */
export interface Judged extends Target {
  readonly value: number;
  readonly met: boolean;
  /** Why the target does not apply, and a missed one does not fail the benchmark; left out where it applies. */
  readonly exempt?: string;
}

/** What a benchmark found. */
export interface BenchmarkResult {
  /** Targets by name; one that was not measured is not there. */
  readonly within: Readonly<Record<string, Judged>>;
  /** Of the programs it was compared with. */
  readonly versions?: Readonly<Record<string, string>>;
  readonly [figure: string]: unknown;
}

/** Holds a figure against its target; what is not a number meets none. */
export const judge = (value: number, { atLeast, atMost }: Target, exempt?: string): Judged => ({
  value,
  ...(atLeast !== undefined && { atLeast }),
  ...(atMost !== undefined && { atMost }),
  met: value >= (atLeast ?? -Infinity) && value <= (atMost ?? Infinity),
  ...(exempt !== undefined && { exempt }),
});

/**
 * Runs a benchmark with a scratch directory, prints what it found as JSON beside the machine that it depends on, and lets the
 * process end with status 1 when a target that applies is missed.
 */
export const runBenchmark = async (benchmark: string, measure: (scratch: string) => Promise<BenchmarkResult>): Promise<void> => {
  const scratch = await mkdtemp(join(tmpdir(), 'quailora-bench-'));
  try {
    const { versions, within, ...figures } = await measure(scratch);
    const machine = await describeMachine();
    const result = { benchmark, ...machine, versions: { ...machine.versions, ...versions }, ...figures, within };
    process.stdout.write(`${JSON.stringify(result, null, 2)}\n`);
    const missed = Object.keys(within).filter((name) => !within[name]!.met && within[name]!.exempt === undefined);
    if (missed.length === 0) return;
    process.stderr.write(`${benchmark} missed: ${missed.join(', ')}\n`);
    process.exitCode = 1;
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
};
