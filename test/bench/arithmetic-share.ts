/**
 * Says how much of a machine's matrix-product rate `quailora init` reaches, and what a second core gains it.
 *
 * usage: node dist/test/bench/arithmetic-share.js [--shapes smollm2,llama-30b] [--rounds 3] [--arithmetic f32] [--text SOURCE]
 *
 * Each round measures, one after the other: bare products on one core and on all, init on one core and on all. The models are
 * random weights of a few blocks. `share` is operations counted from the shapes ÷ (seconds × the rate measured in the same
 * round); `secondWorker` is the gain of init from all cores ÷ that of bare products. One core is `taskset -c 0`. Medians. Prints
 * JSON, and ends with status 1 below 0.5 (smollm2), 0.65 (llama-30b), or 0.9 for the second worker.
 */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { startWorkerPool } from '../../src/runtime/index.js';
import { layOutWorkers, measureGemmRate } from '../../src/stages/index.js';
import { describeMachine, QUAILORA, REPOSITORY } from './describe-machine.js';
import { measureProcess } from './measure-process.js';
import { RANDOM_MODEL_TEXT, writeRandomModel, type RandomModel } from './write-random-model.js';

interface Shape {
  readonly model: RandomModel;
  readonly tokens: string;
  readonly window: string;
  readonly leastShare: number;
  /** False where a second worker would not fit or pay. */
  readonly comparesWorkers: boolean;
}

const SHAPES: Readonly<Record<string, Shape>> = {
  smollm2: {
    model: { hidden: 576, ffn: 1536, heads: 9, keyValueHeads: 3, blocks: 6, blocksPerShard: 6 },
    ...{ tokens: '65536', window: '256', leastShare: 0.5, comparesWorkers: true },
  },
  'llama-30b': {
    model: { hidden: 6656, ffn: 17_920, heads: 52, keyValueHeads: 52, blocks: 1, blocksPerShard: 1 },
    ...{ tokens: '8192', window: '512', leastShare: 0.65, comparesWorkers: false },
  },
};

const LEAST_GAIN = 0.9;

const options = parseArgs({
  options: {
    shapes: { type: 'string', default: Object.keys(SHAPES).join(',') },
    rounds: { type: 'string', default: '3' },
    arithmetic: { type: 'string', default: 'f32' },
    text: { type: 'string', default: RANDOM_MODEL_TEXT },
    'measure-rate': { type: 'string' },
  },
}).values;

const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]!;

const onOneCore = (command: string, args: readonly string[]): readonly [string, readonly string[]] => [
  'taskset',
  ['-c', '0', command, ...args],
];

const run = async (one: boolean, args: readonly string[]): Promise<{ readonly seconds: number; readonly stdout: string }> => {
  const [command, all] = one ? onOneCore(process.execPath, args) : [process.execPath, args];
  return measureProcess(command, all, REPOSITORY);
};

const rateOf = async (one: boolean, width: number): Promise<number> => {
  const { stdout } = await run(one, [fileURLToPath(import.meta.url), '--measure-rate', String(width)]);
  return Number(stdout);
};

interface Init {
  readonly seconds: number;
  readonly operations: number;
  readonly secondsPerStage: Readonly<Record<string, number>>;
}

interface Report {
  readonly work?: { readonly operations: number };
  readonly totals: { readonly seconds: number };
  readonly secondsPerStage: Readonly<Record<string, number>>;
}

const runInit = async (one: boolean, model: string, { tokens, window }: Shape, output: string): Promise<Init> => {
  const where = [QUAILORA, 'init', model, '--calibration', options.text, '--output', output];
  const how = ['--tokens', tokens, '--window', window, '--rank', '64', '--arithmetic', options.arithmetic];
  await run(one, [...where, ...how]);
  const report = JSON.parse(await readFile(join(output, 'report.json'), 'utf8')) as Report;
  await rm(output, { recursive: true });
  if (!report.work) throw new Error('The run was too short to count: its report has no `work`. Give more tokens.');
  return { seconds: report.totals.seconds, operations: report.work.operations, secondsPerStage: report.secondsPerStage };
};

const measureShape = async (name: string, shape: Shape, scratch: string): Promise<{ readonly within: boolean }> => {
  const model = join(scratch, name);
  await writeRandomModel(model, shape.model);
  const rounds = [];
  for (let round = 0; round < Number(options.rounds); round++) {
    const rate = await rateOf(false, shape.model.hidden);
    const all = await runInit(false, model, shape, join(scratch, 'out'));
    const share = all.operations / (all.seconds * rate);
    const alone = shape.comparesWorkers && {
      rate: await rateOf(true, shape.model.hidden),
      init: await runInit(true, model, shape, join(scratch, 'out')),
    };
    const secondWorker = alone ? alone.init.seconds / all.seconds / (rate / alone.rate) : undefined;
    rounds.push({ rate, seconds: all.seconds, share, secondWorker, secondsPerStage: all.secondsPerStage });
    process.stderr.write(`${name}: share ${share.toFixed(2)}, second worker ${secondWorker?.toFixed(2) ?? '-'}\n`);
  }
  await rm(model, { recursive: true });
  const share = median(rounds.map((round) => round.share));
  const secondWorker = shape.comparesWorkers ? median(rounds.map((round) => round.secondWorker!)) : null;
  const within = share >= shape.leastShare && (secondWorker === null || secondWorker >= LEAST_GAIN);
  return { ...{ shape: name, ...shape.model, tokens: shape.tokens }, rounds, share, secondWorker, within } as { readonly within: boolean };
};

const measureRate = async (width: number): Promise<void> => {
  const pool = startWorkerPool(layOutWorkers({}));
  process.stdout.write(String(await measureGemmRate(pool, width)));
  await pool.close();
};

const main = async (): Promise<boolean> => {
  const scratch = await mkdtemp(join(tmpdir(), 'quailora-bench-'));
  try {
    const shapes = [];
    for (const name of options.shapes.split(',')) {
      const shape = SHAPES[name];
      if (!shape) throw new Error(`No shape "${name}"; there are ${Object.keys(SHAPES).join(', ')}.`);
      shapes.push(await measureShape(name, shape, scratch));
    }
    process.stdout.write(`${JSON.stringify({ benchmark: 'arithmetic-share', ...(await describeMachine()), options, shapes }, null, 2)}\n`);
    return shapes.every(({ within }) => within);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
};

if (options['measure-rate'] !== undefined) await measureRate(Number(options['measure-rate']));
else process.exitCode = (await main()) ? 0 : 1;
