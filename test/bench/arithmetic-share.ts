/**
 * Says how much of a machine's matrix-product rate `quailora init` reaches, and what a second core gains it.
 *
 * usage: node dist/test/bench/arithmetic-share.js [--shapes smollm2,llama-30b] [--rounds 3] [--arithmetic f32] [--text SOURCE]
 *
 * Each round measures, one after the other: bare products on one core and on all, init on one core and on all. The models are
 * random weights of a few blocks. `share` is operations counted from the shapes ÷ (seconds × the rate measured in the same
 * round), and the rate that of whichever is faster, products with a constant right side or with one that is given (`fed`);
 * `secondWorker` is the gain of init from all cores ÷ that of bare products. One core is `taskset -c 0`. Medians. Prints
 * JSON, and ends with status 1 below 0.5 (smollm2), 0.65 (llama-30b), 0.9 for the second worker, or where a plan's peak is more
 * than 15 % off.
 */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { startWorkerPool } from '../../src/runtime/index.js';
import { layOutWorkers, measureGemmRates, type GemmRates } from '../../src/stages/index.js';
import { REPOSITORY } from './describe-machine.js';
import { measureProcess } from './measure-process.js';
import { median } from './median.js';
import { judge, runBenchmark, type BenchmarkResult, type Judged } from './run-benchmark.js';
import { judgePlan, runInit } from './run-init.js';
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

const ONE_CORE = ['taskset', '-c', '0'];

interface Rate extends GemmRates {
  /** Which is the faster, and decides the share. */
  readonly faster: keyof GemmRates;
}

const rateOf = async (launcher: readonly string[], width: number): Promise<Rate> => {
  const [command, ...args] = [...launcher, process.execPath, fileURLToPath(import.meta.url), '--measure-rate', String(width)];
  const rates = JSON.parse((await measureProcess(command, args, REPOSITORY)).stdout) as GemmRates;
  return { ...rates, faster: rates.constant >= rates.fed ? 'constant' : 'fed' };
};

interface Init {
  readonly seconds: number;
  readonly operations: number;
  readonly secondsPerStage: Readonly<Record<string, number>>;
  readonly plannedBytes: number;
  readonly peakRssBytes: number;
}

/** One run of init beside the bare products of its round. */
interface Measurement extends Init {
  readonly rate: Rate;
}

const initOnce = async (launcher: readonly string[], model: string, { tokens, window }: Shape, output: string): Promise<Init> => {
  const how = ['--tokens', tokens, '--window', window, '--rank', '64', '--arithmetic', options.arithmetic];
  const { report, plannedBytes, peakRssBytes } = await runInit([model, '--calibration', options.text, ...how], output, launcher);
  await rm(output, { recursive: true });
  if (!report.work) throw new Error('The run was too short to count: its report has no `work`. Give more tokens.');
  const { secondsPerStage } = report;
  return { seconds: report.totals.seconds, operations: report.work.operations, secondsPerStage, plannedBytes, peakRssBytes };
};

const measureOnce = async (launcher: readonly string[], model: string, shape: Shape, output: string): Promise<Measurement> => ({
  rate: await rateOf(launcher, shape.model.hidden),
  ...(await initOnce(launcher, model, shape, output)),
});

const fasterRate = ({ rate }: Measurement): number => rate[rate.faster];

/** Planned against held memory, held over the rounds as a median. */
const judgePlans = (runs: readonly Measurement[]): Judged =>
  judgePlan({ plannedBytes: runs[0]!.plannedBytes, peakRssBytes: median(runs.map(({ peakRssBytes }) => peakRssBytes)) });

const measureShape = async (name: string, shape: Shape, scratch: string) => {
  const [model, output] = [join(scratch, name), join(scratch, 'out')];
  await writeRandomModel(model, shape.model);
  const rounds = [];
  for (let round = 0; round < Number(options.rounds); round++) {
    const all = await measureOnce([], model, shape, output);
    const one = shape.comparesWorkers ? await measureOnce(ONE_CORE, model, shape, output) : undefined;
    const share = all.operations / (all.seconds * fasterRate(all));
    const secondWorker = one && one.seconds / all.seconds / (fasterRate(all) / fasterRate(one));
    rounds.push({ share, secondWorker, all, one });
    process.stderr.write(`${name}: share ${share.toFixed(2)}, second worker ${secondWorker?.toFixed(2) ?? '-'}\n`);
  }
  await rm(model, { recursive: true });
  const gains = rounds.flatMap(({ secondWorker }) => secondWorker ?? []);
  const alone = rounds.flatMap(({ one }) => one ?? []);
  const judged: Record<string, Judged> = {
    [`${name}, share`]: judge(median(rounds.map(({ share }) => share)), { atLeast: shape.leastShare }),
    [`${name}, planned to held`]: judgePlans(rounds.map(({ all }) => all)),
    ...(gains.length > 0 && { [`${name}, second worker`]: judge(median(gains), { atLeast: LEAST_GAIN }) }),
    ...(alone.length > 0 && { [`${name} on one core, planned to held`]: judgePlans(alone) }),
  };
  return { shape: name, ...shape.model, tokens: shape.tokens, rounds, judged };
};

const printRates = async (width: number): Promise<void> => {
  const pool = startWorkerPool(layOutWorkers({}));
  process.stdout.write(JSON.stringify(await measureGemmRates(pool, width)));
  await pool.close();
};

const measure = async (scratch: string): Promise<BenchmarkResult> => {
  const shapes = [];
  const within: Record<string, Judged> = {};
  for (const name of options.shapes.split(',')) {
    const shape = SHAPES[name];
    if (!shape) throw new Error(`No shape "${name}"; there are ${Object.keys(SHAPES).join(', ')}.`);
    const { judged, ...measured } = await measureShape(name, shape, scratch);
    Object.assign(within, judged);
    shapes.push(measured);
  }
  return { task: options, shapes, within };
};

if (options['measure-rate'] !== undefined) await printRates(Number(options['measure-rate']));
else await runBenchmark('arithmetic-share', measure);
