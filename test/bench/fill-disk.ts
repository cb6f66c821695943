/**
 * Fills the disk of a `quailora init` at seeded points of its run, and once more where it goes on; then makes room, lets the same
 * command end, and compares every byte with an undisturbed run. Each attempt must end with QL_DISK_FULL or QL_DISK, or as if nothing
 * had been.
 *
 * usage: node dist/test/bench/fill-disk.js [--points 20] [--seed 1] [--tokens 8192] [--how tmpfs|limit]
 *
 * Embedded model, NF4, rank 8, --write-base, one worker, a checkpoint after every segment. `tmpfs` mounts a file system of its own,
 * which needs the right to, and takes what is free in it when the run has written so much; `limit` bounds the length of every file
 * (ulimit -f). Prints JSON; ends with status 1 when anything is wrong.
 */
import { spawn, spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, open, rm, statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { differences, pointsFrom, readOutput } from '../integration/killed-runs.js';
import { describeMachine, REPOSITORY } from './describe-machine.js';

const EMBEDDED = join(REPOSITORY, 'data/embedded');
const MAIN = fileURLToPath(new URL('../../src/cli/main.js', import.meta.url));

/** Room for the largest run and its plan, which asks for more than it takes. */
const DISK_BYTES = 256 * 2 ** 20;

/** Bytes that `ulimit -f` counts in. */
const LIMIT_UNIT = 512;

/** How often the room that a run has taken is looked at. */
const LOOK_MS = 2;

const options = parseArgs({
  options: {
    points: { type: 'string', default: '20' },
    seed: { type: 'string', default: '1' },
    tokens: { type: 'string', default: '8192' },
    how: { type: 'string', default: 'tmpfs' },
  },
}).values;

const args = [
  ...['init', join(EMBEDDED, 'model'), '--calibration', join(EMBEDDED, 'calibration.jsonl'), '--base-name', 'embedded'],
  ...['--tokens', options.tokens, '--window', '128', '--rank', '8', '--write-base', '--workers', '1', '--checkpoint-seconds', '0'],
];

interface Ending {
  readonly status: number | string;
  readonly stderr: string;
}

/** Runs `init`; `during` may disturb it until it ends. */
const run = async (
  output: string,
  { limit = 'unlimited', during }: { limit?: string; during?: (ended: AbortSignal) => Promise<void> } = {},
): Promise<Ending> => {
  const child = spawn('sh', ['-c', `ulimit -f ${limit}; exec "$0" "$@"`, process.execPath, MAIN, ...args, '--output', output], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const ended = new AbortController();
  const disturbed = during?.(ended.signal);
  const status = await new Promise<number | string>((resolve) => child.on('close', (code, signal) => resolve(code ?? signal ?? '')));
  ended.abort();
  await disturbed;
  return { status, stderr };
};

const usedBytes = async (disk: string): Promise<number> => {
  const { blocks, bfree, bsize } = await statfs(disk);
  return (blocks - bfree) * bsize;
};

/** Writes a file until nothing is left, over and over: a run that ends gives room back. */
const takeAll = async (disk: string, ended: AbortSignal): Promise<void> => {
  const handle = await open(join(disk, 'filler'), 'a');
  try {
    for (let bytes = 2 ** 20; !ended.aborted;) {
      try {
        await handle.write(new Uint8Array(bytes));
      } catch (error) {
        if (!(error instanceof Error && 'code' in error && error.code === 'ENOSPC')) throw error;
        if (bytes > 4096) bytes /= 2;
        else await wait(LOOK_MS);
      }
    }
  } finally {
    await handle.close();
  }
};

const fillAt =
  (disk: string, bytes: number) =>
  async (ended: AbortSignal): Promise<void> => {
    while (!ended.aborted && (await usedBytes(disk)) < bytes) await wait(LOOK_MS);
    if (!ended.aborted) await takeAll(disk, ended);
  };

/** Most bytes that an undisturbed run takes on its disk. */
const measurePeak = async (disk: string): Promise<number> => {
  let peak = 0;
  const watch = async (ended: AbortSignal): Promise<void> => {
    while (!ended.aborted) {
      peak = Math.max(peak, await usedBytes(disk));
      await wait(LOOK_MS);
    }
  };
  const { status, stderr } = await run(join(disk, 'undisturbed'), { during: watch });
  if (status !== 0) throw new Error(`The undisturbed run ended with ${status}: ${stderr}`);
  return peak;
};

/** Length of the longest file of an output, whose bytes are given in base64. */
const largestBytes = (files: ReadonlyMap<string, string>): number => (Math.max(...[...files.values()].map(({ length }) => length)) * 3) / 4;

const isClear = ({ status, stderr }: Ending): boolean =>
  status === 0 || (status === 1 && /^QL_DISK(_FULL)? /m.test(stderr) && !/^QL_(INTERNAL|IO|JOURNAL|STAGE) /m.test(stderr));

/** One point and what came of it. */
interface Filled {
  readonly at: readonly string[];
  readonly codes: readonly string[];
  readonly wrong: readonly string[];
}

const fillAndResume = async (disk: string, at: readonly number[], peak: number, expected: ReadonlyMap<string, string>): Promise<Filled> => {
  const output = join(disk, 'filled');
  const [codes, wrong]: [string[], string[]] = [[], []];
  for (const share of at) {
    const limit = 1 + Math.floor((share * largestBytes(expected)) / LIMIT_UNIT);
    const how = options.how === 'limit' ? { limit: String(limit) } : { during: fillAt(disk, share * peak) };
    const ending = await run(output, how);
    codes.push(/^QL_\w+/m.exec(ending.stderr)?.[0] ?? String(ending.status));
    if (!isClear(ending)) wrong.push(`${ending.status}: ${ending.stderr}`);
    await rm(join(disk, 'filler'), { force: true });
  }
  const last = await run(output);
  wrong.push(...(last.status === 0 ? differences(expected, await readOutput(output)) : [last.stderr]));
  await rm(output, { recursive: true, force: true });
  return { at: at.map((share) => share.toFixed(3)), codes, wrong };
};

const measure = async (disk: string): Promise<boolean> => {
  const peak = await measurePeak(disk);
  const expected = await readOutput(join(disk, 'undisturbed'));
  await rm(join(disk, 'undisturbed'), { recursive: true });
  const stream = pointsFrom(Number(options.seed));
  const runs: Filled[] = [];
  for (let i = 0; i < Number(options.points); i++) {
    const at = Array.from({ length: stream.below(3) === 0 ? 2 : 1 }, () => stream.below(1000) / 1000);
    runs.push(await fillAndResume(disk, at, peak, expected));
  }
  const count: Record<string, number> = {};
  for (const code of runs.flatMap(({ codes }) => codes)) count[code] = (count[code] ?? 0) + 1;
  const wrong = runs.filter((run) => run.wrong.length > 0);
  const result = {
    benchmark: 'fill-disk',
    ...(await describeMachine()),
    task: options,
    ...(options.how === 'tmpfs' && { peakBytes: peak }),
    runs: runs.length,
    count,
    wrong,
  };
  process.stdout.write(`${JSON.stringify(result, null, 2)}\n`);
  return wrong.length === 0 && runs.length > 0 && (count['QL_DISK_FULL'] ?? 0) > 0;
};

const main = async (): Promise<boolean> => {
  const scratch = await mkdtemp(join(tmpdir(), 'quailora-bench-'));
  const disk = join(scratch, 'disk');
  await mkdir(disk);
  const mounts = options.how === 'tmpfs';
  if (mounts) {
    const { status, stderr } = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${DISK_BYTES}`, 'tmpfs', disk], { encoding: 'utf8' });
    if (status !== 0) throw new Error(`tmpfs can't be mounted (${stderr.trim()}): run as root, or with --how limit.`);
  }
  try {
    return await measure(disk);
  } finally {
    if (mounts) spawnSync('umount', [disk]);
    await rm(scratch, { recursive: true, force: true });
  }
};

process.exitCode = (await main()) ? 0 : 1;
