/**
 * Shows that `quailora init` keeps its memory budget at the widths of 30B, 32B and 70B models, and what a block takes there.
 *
 * usage: node dist/test/bench/wide-blocks.js [--shapes llama-30b,qwen2.5-32b,llama-70b] [--tokens 8192] [--window 512] [--rank 64] [--blocks 2] [--arithmetic auto]
 *
 * The checkpoints are two blocks of random bf16 weights with the embedded model's tokenizer and text. Resident memory is read
 * from outside. The plan is made again for the whole depth, from a checkpoint of headers over files of holes. Prints JSON,
 * and ends with status 1 when a budget is not kept, a plan is more than 15 % off, or depth changes it.
 */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { describeMachine, QUAILORA, REPOSITORY } from './describe-machine.js';
import { measureProcess } from './measure-process.js';
import { RANDOM_MODEL_TEXT, writeRandomModel, type RandomModel } from './write-random-model.js';

interface Shape extends Pick<RandomModel, 'hidden' | 'ffn' | 'heads' | 'keyValueHeads'> {
  /** Blocks of the whole model. */
  readonly depth: number;
  readonly budgetBytes: number;
}

const GIBIBYTE = 2 ** 30;

const SHAPES: Readonly<Record<string, Shape>> = {
  'llama-30b': { hidden: 6656, ffn: 17_920, heads: 52, keyValueHeads: 52, depth: 60, budgetBytes: 6 * GIBIBYTE },
  'qwen2.5-32b': { hidden: 5120, ffn: 27_648, heads: 40, keyValueHeads: 8, depth: 64, budgetBytes: 8 * GIBIBYTE },
  'llama-70b': { hidden: 8192, ffn: 28_672, heads: 64, keyValueHeads: 8, depth: 80, budgetBytes: 8 * GIBIBYTE },
};

/** What of report.json and of a plan is looked at. */
interface Report {
  readonly calibrationTokens: number;
  readonly heldOutTokens: number;
  readonly peakRssBytes: number;
  readonly arithmetic: { readonly used: string };
  readonly plan: { readonly peakBytes: number; readonly workers: number; readonly threads: number };
  readonly secondsPerStage: Readonly<Record<string, number>>;
  readonly totals: { readonly lossRatio: number; readonly heldOutLossRatio: number | null; readonly seconds: number };
}

interface Plan {
  readonly peakBytes: number;
  readonly seconds: number;
}

const options = parseArgs({
  options: {
    shapes: { type: 'string', default: Object.keys(SHAPES).join(',') },
    tokens: { type: 'string', default: '8192' },
    window: { type: 'string', default: '512' },
    rank: { type: 'string', default: '64' },
    blocks: { type: 'string', default: '2' },
    arithmetic: { type: 'string', default: 'auto' },
  },
}).values;

const planFor = async (model: string, how: readonly string[]): Promise<Plan> => {
  const { stdout } = await measureProcess(process.execPath, [QUAILORA, 'plan', model, ...how, '--json'], REPOSITORY);
  const last = JSON.parse(stdout.trim().split('\n').at(-1)!) as Plan | { readonly type: string; readonly result: Plan };
  return 'result' in last ? last.result : last;
};

const measureShape = async (name: string, { depth, budgetBytes, ...width }: Shape, scratch: string): Promise<object> => {
  const blocks = Number(options.blocks);
  const [model, whole, output] = ['model', 'whole', 'output'].map((part) => join(scratch, `${name}-${part}`)) as [string, string, string];
  await writeRandomModel(model, { ...width, blocks, blocksPerShard: 1 });
  await writeRandomModel(whole, { ...width, blocks: depth, blocksPerShard: 1, hollow: true });
  const { tokens, window, rank } = options;
  const how = [
    '--tokens',
    tokens,
    '--window',
    window,
    '--rank',
    rank,
    '--max-memory',
    `${budgetBytes / 2 ** 20}MiB`,
    '--arithmetic',
    options.arithmetic,
  ];
  const where = ['--calibration', RANDOM_MODEL_TEXT, '--output', output];
  const { peakRssBytes, seconds } = await measureProcess(
    process.execPath,
    [QUAILORA, 'init', model, ...where, ...how, '--write-base'],
    REPOSITORY,
  );
  const report = JSON.parse(await readFile(join(output, 'report.json'), 'utf8')) as Report;
  const [two, full] = [await planFor(model, how), await planFor(whole, how)];
  await Promise.all([model, whole, output].map((directory) => rm(directory, { recursive: true, force: true })));
  const { calibrate = 0, quantize = 0, initialize = 0, certify = 0 } = report.secondsPerStage;
  const passed = report.calibrationTokens + report.heldOutTokens;
  return {
    shape: name,
    ...width,
    arithmetic: report.arithmetic.used,
    budgetBytes,
    peakRssBytes,
    plannedBytes: report.plan.peakBytes,
    plannedWholeBytes: full.peakBytes,
    layout: { workers: report.plan.workers, threads: report.plan.threads },
    seconds,
    tokensPerSecondPerBlock: (passed * blocks) / calibrate,
    secondsPerBlock: Object.fromEntries(
      Object.entries({ calibrate, quantize, initialize, certify }).map(([stage, s]) => [stage, s / blocks]),
    ),
    extrapolatedHours: (report.totals.seconds / blocks) * (depth / 3600),
    plannedHours: full.seconds / 3600,
    lossRatio: report.totals.lossRatio,
    within: {
      budget: peakRssBytes <= budgetBytes,
      plan: Math.abs(report.plan.peakBytes / peakRssBytes - 1) <= 0.15,
      depth: Math.abs(full.peakBytes / two.peakBytes - 1) <= 0.02,
    },
  };
};

const main = async (): Promise<boolean> => {
  const scratch = await mkdtemp(join(tmpdir(), 'quailora-bench-'));
  try {
    const shapes = [];
    for (const name of options.shapes.split(',')) {
      const shape = SHAPES[name];
      if (!shape) throw new Error(`No shape "${name}"; there are ${Object.keys(SHAPES).join(', ')}.`);
      shapes.push(await measureShape(name, shape, scratch));
      process.stderr.write(`${JSON.stringify(shapes.at(-1))}\n`);
    }
    process.stdout.write(`${JSON.stringify({ benchmark: 'wide-blocks', ...(await describeMachine()), options, shapes }, null, 2)}\n`);
    return shapes.every((shape) => Object.values((shape as { within: Record<string, boolean> }).within).every(Boolean));
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
};

process.exitCode = (await main()) ? 0 : 1;
