/**
 * Opens tens of thousands of hostile files: safetensors headers, config.json (and the models they make), tokenizers, adapters,
 * indexes, reports and Arrow files, mutated from valid ones.
 *
 * usage: node dist/test/bench/untrusted-input.js [--seed 1] [--scale 1] [--target NAME] [--case N]
 *
 * Cases run in a child process with a limited heap. A case is a defect when the child dies in it, is silent for longer than
 * the time limit, holds more than the memory limit beyond what it held before, throws anything but a QuailoraError, or
 * accepts what contradicts itself. Prints JSON, each defect with the --seed, --target and --case that show it again, and
 * ends with status 1 if there are any.
 */
import { fork } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import fc from 'fast-check';
import { allTargets } from '../hostile/all-targets.js';
import { judge, type HostileTarget, type Verdict } from '../hostile/hostile-target.js';
import { describeMachine } from './describe-machine.js';

/** Longest silence of one case: the tokenizer's own limit for a short text is 10 s. */
const CASE_MS = 30_000;

/** Resident bytes that a case may add; the valid files and the longest mutations have one or two MB. */
const CASE_BYTES = 64 << 20;

const HEAP_MEBIBYTES = 384;

interface Plan {
  readonly seed: number;
  readonly scale: number;
  readonly target: string | undefined;
  readonly only: number | undefined;
}

/** What the child says: that a case begins, or how it ended. */
type Message =
  | { readonly kind: 'begin'; readonly target: string; readonly index: number }
  | { readonly kind: 'end'; readonly verdict: Verdict; readonly ms: number; readonly extraBytes: number }
  | { readonly kind: 'done'; readonly target: string };

interface Defect {
  readonly target: string;
  readonly case: number;
  readonly what: string;
}

interface Tally {
  cases: number;
  readonly outcomes: Record<string, number>;
  slowestMs: number;
  mostExtraBytes: number;
}

const readOptions = (): Plan & { readonly child: string | undefined; readonly from: number } => {
  const { values } = parseArgs({
    options: {
      seed: { type: 'string', default: '1' },
      scale: { type: 'string', default: '1' },
      target: { type: 'string' },
      case: { type: 'string' },
      child: { type: 'string' },
      from: { type: 'string', default: '0' },
    },
  });
  return {
    seed: Number(values.seed),
    scale: Number(values.scale),
    target: values.target,
    only: values.case === undefined ? undefined : Number(values.case),
    child: values.child,
    from: Number(values.from),
  };
};

const statusBytes = (field: 'VmRSS' | 'VmHWM'): number =>
  1024 * Number(new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? NaN);

/** Runs one case and measures the peak of resident memory beyond what was resident before. Linux only. */
const measure = async (target: HostileTarget, input: unknown): Promise<Omit<Extract<Message, { kind: 'end' }>, 'kind'>> => {
  globalThis.gc?.();
  // 5 sets the high-water mark back to what is resident now.
  writeFileSync('/proc/self/clear_refs', '5');
  const before = statusBytes('VmRSS');
  const start = performance.now();
  const verdict = await judge(target, input);
  const ms = performance.now() - start;
  const extraBytes = statusBytes('VmHWM') - before;
  if (extraBytes > CASE_BYTES && 'outcome' in verdict)
    return { verdict: { defect: `${verdict.outcome}, but ${(extraBytes / 2 ** 20).toFixed(0)} MiB were added` }, ms, extraBytes };
  return { verdict, ms, extraBytes };
};

const casesOf = (target: HostileTarget, scale: number): number => Math.max(1, Math.round(target.cases * scale));

const runChild = async (scratch: string, name: string, { seed, scale, only, from }: ReturnType<typeof readOptions>): Promise<void> => {
  const tell = (message: Message): Promise<void> => new Promise((resolve) => process.send!(message, () => resolve()));
  const target = (await allTargets(scratch)).find((candidate) => candidate.name === name)!;
  const inputs = fc.sample(target.inputs, { seed, numRuns: only === undefined ? casesOf(target, scale) : only + 1 });
  for (let index = only ?? from; index < inputs.length; index++) {
    await tell({ kind: 'begin', target: name, index });
    await tell({ kind: 'end', ...(await measure(target, inputs[index])) });
  }
  await tell({ kind: 'done', target: name });
};

/** Runs the cases of a target from one on, until they are done or the child dies; returns the case to go on with. */
const runFrom = (scratch: string, name: string, plan: Plan, from: number, tally: Tally, defects: Defect[]): Promise<number | undefined> =>
  new Promise((resolve) => {
    const given = ['--seed', String(plan.seed), '--scale', String(plan.scale), '--from', String(from)];
    const child = fork(
      fileURLToPath(import.meta.url),
      ['--child', scratch, '--target', name, ...given, ...(plan.only === undefined ? [] : ['--case', String(plan.only)])],
      { execArgv: ['--expose-gc', `--max-old-space-size=${HEAP_MEBIBYTES}`], stdio: ['ignore', 'inherit', 'pipe', 'ipc'] },
    );
    let [current, finished, silent, stderr] = [from - 1, false, false, ''];
    child.stderr?.setEncoding('utf8').on('data', (text: string) => (stderr = (stderr + text).slice(-1000)));
    const watchdog = setTimeout(() => {
      silent = true;
      child.kill('SIGKILL');
    }, CASE_MS);
    child.on('message', (message: Message) => {
      watchdog.refresh();
      if (message.kind === 'begin') current = message.index;
      else if (message.kind === 'done') finished = true;
      else note(name, current, message, tally, defects);
    });
    child.on('exit', (code, signal) => {
      clearTimeout(watchdog);
      if (finished || plan.only !== undefined) return resolve(undefined);
      const what = silent ? `no end within ${CASE_MS} ms` : `the process died (${code ?? signal ?? ''}): ${stderr}`;
      defects.push({ target: name, case: current, what });
      resolve(current + 1);
    });
  });

const note = (target: string, index: number, end: Extract<Message, { kind: 'end' }>, tally: Tally, defects: Defect[]): void => {
  const { verdict, ms, extraBytes } = end;
  const outcome = 'outcome' in verdict ? verdict.outcome : 'defect';
  tally.cases++;
  tally.outcomes[outcome] = (tally.outcomes[outcome] ?? 0) + 1;
  tally.slowestMs = Math.max(tally.slowestMs, ms);
  tally.mostExtraBytes = Math.max(tally.mostExtraBytes, extraBytes);
  if ('defect' in verdict) defects.push({ target, case: index, what: verdict.defect });
};

const main = async (scratch: string, plan: Plan): Promise<boolean> => {
  const targets: Record<string, Tally> = {};
  const defects: Defect[] = [];
  const all = await allTargets(scratch);
  const chosen = all.filter(({ name }) => plan.target === undefined || plan.target === name);
  if (chosen.length === 0) throw new Error(`--target takes ${all.map(({ name }) => name).join(', ')}, not ${plan.target ?? ''}.`);
  for (const target of chosen) {
    const { name } = target;
    const tally: Tally = (targets[name] = { cases: 0, outcomes: {}, slowestMs: 0, mostExtraBytes: 0 });
    for (let from: number | undefined = 0; from !== undefined && from < casesOf(target, plan.scale);)
      from = await runFrom(scratch, name, plan, from, tally, defects);
    process.stderr.write(`${name}: ${tally.cases} cases, ${defects.filter((defect) => defect.target === name).length} defects\n`);
  }
  const result = { benchmark: 'untrusted-input', ...(await describeMachine()), task: plan, targets, defects };
  process.stdout.write(`${JSON.stringify(result, null, 2)}\n`);
  return defects.length === 0;
};

const options = readOptions();
if (options.child === undefined) {
  const scratch = await mkdtemp(join(tmpdir(), 'quailora-hostile-'));
  try {
    process.exitCode = (await main(scratch, options)) ? 0 : 1;
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
} else await runChild(options.child, options.target!, options);
