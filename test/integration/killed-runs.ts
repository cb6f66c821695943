import { spawn } from 'node:child_process';
import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { random, type Random } from '../../src/foundation/index.js';

const MAIN = fileURLToPath(new URL('../../src/cli/main.js', import.meta.url));
const PRELOAD = new URL('./kill-at-call.js', import.meta.url).href;

/** Where a process is killed: after some time, or at a call of the file system (see `kill-at-call.ts`). */
export type KillPoint = { readonly afterMs: number } | { readonly call: string };

/** How a process ended. */
export interface Ending {
  /** Exit code, or the signal's name. */
  readonly status: number | string;
  readonly stdout: string;
  readonly stderr: string;
  readonly ms: number;
}

/** Runs the command line in a process of its own, and kills it where told. */
export const runUntil = async (args: readonly string[], point?: KillPoint, environment: NodeJS.ProcessEnv = {}): Promise<Ending> => {
  const begin = performance.now();
  const at = point && 'call' in point ? { KILL_AT: point.call } : {};
  // tap's hooks come in NODE_OPTIONS: they would be killed as well, and slow each start.
  const inherited = Object.fromEntries(Object.entries(process.env).filter(([name]) => name !== 'NODE_OPTIONS'));
  const child = spawn(process.execPath, ['--import', PRELOAD, MAIN, ...args], { env: { ...inherited, ...environment, ...at } });
  const timer = point && 'afterMs' in point ? setTimeout(() => child.kill('SIGKILL'), point.afterMs) : undefined;
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const status = await new Promise<number | string>((resolve) => child.on('close', (code, signal) => resolve(code ?? signal ?? '')));
  clearTimeout(timer);
  return { status, stdout, stderr, ms: performance.now() - begin };
};

/** What an undisturbed run told of itself. */
export interface Undisturbed {
  readonly ms: number;
  /** Calls of its main thread, by name. */
  readonly calls: Readonly<Record<string, number>>;
  /** Bytes by file; of report.json what is the same in every run. */
  readonly files: ReadonlyMap<string, string>;
}

/** Fields of report.json that tell how long something took, what rate that is (runs of ten seconds on), or how much memory it held. */
const MEASURED = new Set(['seconds', 'secondsPerStage', 'peakRssBytes', 'largestBytes', 'work']);

const unmeasured = (text: string): string =>
  JSON.stringify(JSON.parse(text, (key, value: unknown) => (MEASURED.has(key) ? undefined : value)));

/** Reads everything below an output directory, as what must be equal. */
export const readOutput = async (directory: string): Promise<Map<string, string>> => {
  const entries = (await readdir(directory, { recursive: true, withFileTypes: true })).filter((entry) => !entry.isDirectory());
  const files = new Map<string, string>();
  for (const path of entries.map(({ parentPath, name }) => join(parentPath, name)).sort()) {
    const name = path.slice(directory.length + 1);
    files.set(name, name === 'report.json' ? unmeasured(await readFile(path, 'utf8')) : await readFile(path, 'base64'));
  }
  return files;
};

/** Names of files that two outputs do not have alike. */
export const differences = (a: ReadonlyMap<string, string>, b: ReadonlyMap<string, string>): string[] =>
  [...new Set([...a.keys(), ...b.keys()])].filter((name) => a.get(name) !== b.get(name));

/** Runs `init` to its end, and counts what it calls. */
export const runUndisturbed = async (args: readonly string[], output: string): Promise<Undisturbed> => {
  const countFile = `${output}-calls.json`;
  const { status, stderr, ms } = await runUntil([...args, '--output', output], undefined, { COUNT_CALLS: countFile });
  if (status !== 0) throw new Error(`The undisturbed run ended with ${status}: ${stderr}`);
  const calls = JSON.parse(await readFile(countFile, 'utf8')) as Record<string, number>;
  await rm(countFile);
  return { ms, calls, files: await readOutput(output) };
};

/** Draws a point: in four of ten cases a moment, else a call, with the moments of each alike. */
export const drawPoint = (stream: Random, { ms, calls }: Undisturbed, segmentsWritten: number): KillPoint => {
  if (stream.below(10) < 4) return { afterMs: Math.floor((ms * stream.below(1000)) / 1000) };
  const places: (readonly [thread: string, call: string, moments: readonly string[], count: number])[] = [
    ...Object.entries(calls).map(
      ([call, count]) => ['main', call, call === 'write' ? ['before', 'half', 'after'] : ['before', 'after'], count] as const,
    ),
    ['worker', 'writev', ['before', 'half', 'after'], segmentsWritten],
  ];
  const [thread, call, moments, count] = places[stream.below(places.length)]!;
  return { call: [thread, call, moments[stream.below(moments.length)]!, 1 + stream.below(count)].join(':') };
};

/** One point and what came of it. */
export interface KilledRun {
  readonly points: readonly KillPoint[];
  /** How the killed attempts and the last one ended. */
  readonly statuses: readonly (number | string)[];
  /** What is wrong; empty where the result is that of the undisturbed run. */
  readonly wrong: readonly string[];
}

/**
 * Kills `init` at each of the points, one attempt after the other, lets it end, and compares.
 *
 * @param args without --output
 */
export const killAndResume = async (
  args: readonly string[],
  output: string,
  points: readonly KillPoint[],
  expected: ReadonlyMap<string, string>,
): Promise<KilledRun> => {
  const line = [...args, '--output', output];
  const statuses: (number | string)[] = [];
  for (const point of points) statuses.push((await runUntil(line, point)).status);
  const last = await runUntil(line);
  statuses.push(last.status);
  const wrong = last.status === 0 ? differences(expected, await readOutput(output)) : [last.stderr];
  await rm(output, { recursive: true, force: true });
  return { points, statuses, wrong };
};

/** Seeded stream of points. */
export const pointsFrom = (seed: number): Random => random(seed);
