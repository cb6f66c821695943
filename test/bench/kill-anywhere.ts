/**
 * Kills `quailora init` (SIGKILL) at seeded points, some moments and some calls of the file system with half of the bytes written,
 * lets the same command end, and compares every byte with an undisturbed run of the same options. A third of the runs are killed twice.
 *
 * usage: node dist/test/bench/kill-anywhere.js [--points 100] [--seed 1] [--tokens 8192] [--set NAME] [--only N]
 *
 * Embedded model, NF4, rank 8, --write-base. The points go in turn through five sets of options (`SETS`), each with a checkpoint after
 * every segment and with few. Prints JSON; ends with status 1 when any result differs or a scratch directory keeps anything.
 */
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import {
  drawPoint,
  killAndResume,
  pointsFrom,
  runUndisturbed,
  type KilledRun,
  type KillPoint,
  type Undisturbed,
} from '../integration/killed-runs.js';
import { describeMachine, REPOSITORY } from './describe-machine.js';

const EMBEDDED = join(REPOSITORY, 'data/embedded');

/** Segments of 4,096 tokens, held-out ones apart, times the embedding and the ten blocks; a pilot writes some of its own. */
const segmentsWritten = (tokens: number): number => 11 * (Math.ceil(tokens / 4096) + 1);

/** Lines of the embedded text that leave the pilot of `--tokens auto` a choice, and each run a few seconds. */
const PILOT_LINES = 130;

const options = parseArgs({
  options: {
    points: { type: 'string', default: '100' },
    seed: { type: 'string', default: '1' },
    tokens: { type: 'string', default: '8192' },
    set: { type: 'string' },
    only: { type: 'string' },
  },
}).values;

/** Places of one run of the bench. */
interface Workplace {
  readonly scratch: string;
  /** Part of the embedded text. */
  readonly shortText: string;
  /** Directory for large files, on no run's output. */
  readonly elsewhere: string;
}

const FIXED = ['--tokens', options.tokens];

/** Options by what they show. */
const SETS: Readonly<Record<string, (place: Workplace) => readonly string[]>> = {
  plain: () => [...FIXED, '--workers', '1'],
  statistics: () => [...FIXED, '--workers', '2', '--held-out', '0.25', '--keep-statistics=all-h'],
  auto: () => ['--tokens', 'auto', '--workers', '1', '--held-out', '0.25', '--keep-statistics'],
  split: () => [...FIXED, '--workers', '1', '--arithmetic', 'int8-split'],
  elsewhere: ({ elsewhere }) => [...FIXED, '--workers', '2', '--initializer', 'als', '--als-steps', '3', '--scratch', elsewhere],
};

/** Seconds between two checkpoints: after every segment, and seldom; the bytes are the same. */
const CHECKPOINT_SECONDS = [0, 30] as const;

interface Case {
  readonly set: string;
  readonly checkpointSeconds: (typeof CHECKPOINT_SECONDS)[number];
}

const CASES: readonly Case[] = Object.keys(SETS)
  .filter((set) => options.set === undefined || options.set === set)
  .flatMap((set) => CHECKPOINT_SECONDS.map((checkpointSeconds) => ({ set, checkpointSeconds })));

const lineOf = ({ set, checkpointSeconds }: Case, place: Workplace): string[] => [
  ...['init', join(EMBEDDED, 'model'), '--calibration', set === 'auto' ? place.shortText : join(EMBEDDED, 'calibration.jsonl')],
  ...['--base-name', 'embedded', '--window', '128', '--rank', '8', '--write-base', '--checkpoint-seconds', String(checkpointSeconds)],
  ...SETS[set]!(place),
];

const setUp = async (scratch: string): Promise<Workplace> => {
  const place = { scratch, shortText: join(scratch, 'short.jsonl'), elsewhere: join(scratch, 'elsewhere') };
  const text = await readFile(join(EMBEDDED, 'calibration.jsonl'), 'utf8');
  await writeFile(place.shortText, text.split('\n').slice(0, PILOT_LINES).join('\n'));
  await mkdir(place.elsewhere);
  return place;
};

/** Runs each case once without a kill, when it is first asked for. */
const undisturbedRuns = (place: Workplace): ((one: Case) => Promise<Undisturbed>) => {
  const made = new Map<string, Promise<Undisturbed>>();
  return (one) => {
    const name = `undisturbed-${one.set}-${one.checkpointSeconds}`;
    const run = made.get(name) ?? runUndisturbed(lineOf(one, place), join(place.scratch, name));
    made.set(name, run);
    return run;
  };
};

/** One killed run and its options. */
type CaseRun = KilledRun & Case;

const killOne = async (one: Case, place: Workplace, points: readonly KillPoint[], expected: Undisturbed): Promise<CaseRun> => {
  const killed = await killAndResume(lineOf(one, place), join(place.scratch, 'killed'), points, expected.files);
  const left = (await readdir(place.elsewhere)).map((name) => `--scratch keeps ${name}`);
  for (const name of await readdir(place.elsewhere)) await rm(join(place.elsewhere, name), { recursive: true });
  return { ...one, ...killed, wrong: [...killed.wrong, ...left] };
};

const runAll = async (place: Workplace): Promise<CaseRun[]> => {
  const undisturbed = undisturbedRuns(place);
  const stream = pointsFrom(Number(options.seed));
  const runs: CaseRun[] = [];
  for (let i = 0; i < Number(options.points); i++) {
    const one = CASES[i % CASES.length]!;
    const like = await undisturbed(one);
    const points = Array.from({ length: stream.below(3) === 0 ? 2 : 1 }, () =>
      drawPoint(stream, like, segmentsWritten(Number(options.tokens))),
    );
    if (options.only !== undefined && i !== Number(options.only)) continue;
    const run = await killOne(one, place, points, await undisturbed({ ...one, checkpointSeconds: 0 }));
    runs.push(run);
    if (run.wrong.length > 0) process.stderr.write(`${i}: ${JSON.stringify(run)}\n`);
  }
  return runs;
};

const isKill = (status: number | string): boolean => status === 'SIGKILL';

/** Runs and kills of each set. */
const tally = (runs: readonly CaseRun[]): Record<string, { runs: number; kills: number; endedBefore: number }> => {
  const sets: Record<string, { runs: number; kills: number; endedBefore: number }> = {};
  for (const { set, statuses } of runs) {
    const counts = (sets[set] ??= { runs: 0, kills: 0, endedBefore: 0 });
    const attempts = statuses.slice(0, -1);
    counts.runs++;
    counts.kills += attempts.filter(isKill).length;
    counts.endedBefore += attempts.filter((status) => !isKill(status)).length;
  }
  return sets;
};

const main = async (): Promise<boolean> => {
  if (CASES.length === 0) throw new Error(`--set ${options.set ?? ''} is none of ${Object.keys(SETS).join(', ')}`);
  const scratch = await mkdtemp(join(tmpdir(), 'quailora-bench-'));
  try {
    const runs = await runAll(await setUp(scratch));
    const wrong = runs.filter((run) => run.wrong.length > 0);
    const result = { benchmark: 'kill-anywhere', ...(await describeMachine()), task: options, runs: runs.length, sets: tally(runs), wrong };
    process.stdout.write(`${JSON.stringify(result, null, 2)}\n`);
    return wrong.length === 0 && runs.length > 0;
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
};

process.exitCode = (await main()) ? 0 : 1;
