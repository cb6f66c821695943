/**
 * Says whether `--arithmetic int8-split` may be the default: what it changes in corrections and in blocks, and what it gains.
 *
 * usage: node dist/test/bench/compare-arithmetic.js [--model DIR] [--text SOURCE] [--tokens 8192] [--held-out 0.5] [--window 128]
 *        [--rank 16] [--rounds 3] [--block-tokens 2048] [--python .venv/bin/python]
 *
 * The default is the embedded model. Every round runs init in float32 and by int8 slices (A-B-A-B). One more run in float32 keeps an
 * H of every input, and both adapters are measured on its held-out sums. Then the first tokens of the text pass each block in
 * float32 and by slices, and in PyTorch in float32 and bfloat16 (test/bench/peer/bf16_blocks.py). Prints JSON, and ends with status
 * 1 where the held-out loss of a kind of module differs by more than 0.2 %, a block's output is not closer to float32's than under
 * bfloat16 (autocast or altogether, whichever is closer), or no processor time is gained where `--arithmetic auto` takes the slices.
 */
import { rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { openCheckpoint } from '../../src/checkpoint/index.js';
import { loadTokenizer, selectWindows } from '../../src/corpus/index.js';
import type { LayerLoss } from '../../src/initializers/index.js';
import { canonicalCheckpoint, openModel } from '../../src/models/index.js';
import { chooseArithmetic } from '../../src/planning/index.js';
import { lossRatio } from '../../src/reports/index.js';
import { moduleKind } from '../../src/stages/index.js';
import { compareBlocks } from './compare-blocks.js';
import { REPOSITORY } from './describe-machine.js';
import { measureOnKept } from './measure-on-kept.js';
import { measureProcess } from './measure-process.js';
import { median } from './median.js';
import { judge, runBenchmark, type BenchmarkResult, type Judged } from './run-benchmark.js';
import { runInit, type InitRun } from './run-init.js';

const ARITHMETICS = ['f32', 'int8-split'] as const;

/** By how much a held-out loss may differ from float32's. */
const MOST_CHANGE = 0.002;

const { values } = parseArgs({
  options: {
    model: { type: 'string', default: 'data/embedded/model' },
    text: { type: 'string', default: 'data/embedded/calibration.jsonl' },
    tokens: { type: 'string', default: '8192' },
    'held-out': { type: 'string', default: '0.5' },
    window: { type: 'string', default: '128' },
    rank: { type: 'string', default: '16' },
    rounds: { type: 'string', default: '3' },
    'block-tokens': { type: 'string', default: '2048' },
    python: { type: 'string', default: '.venv/bin/python' },
  },
});

const model = resolve(REPOSITORY, values.model);
const text = resolve(REPOSITORY, values.text);

const initOnce = async (arithmetic: string, output: string, more: readonly string[] = []): Promise<InitRun> => {
  await rm(output, { recursive: true, force: true });
  const { tokens, window, rank } = values;
  const how = ['--tokens', tokens, '--held-out', values['held-out'], '--window', window, '--rank', rank];
  return runInit([model, '--calibration', text, ...how, '--arithmetic', arithmetic, ...more], output);
};

/** Runs both in turn; their outputs stay below `scratch`, under their names. */
const runBoth = async (scratch: string) => {
  const runs = new Map<string, InitRun[]>(ARITHMETICS.map((name) => [name, []]));
  for (let round = 1; round <= Number(values.rounds); round++)
    for (const [name, done] of runs) {
      done.push(await initOnce(name, join(scratch, name)));
      process.stderr.write(`round ${round} ${name}: ${done.at(-1)!.seconds.toFixed(1)} s\n`);
    }
  const summarize = (done: readonly InitRun[]) => ({
    cpuSeconds: median(done.map(({ cpuSeconds }) => cpuSeconds)),
    seconds: median(done.map(({ seconds }) => seconds)),
    secondsPerStage: done.at(-1)!.report.secondsPerStage,
  });
  const [f32, split] = [summarize(runs.get('f32')!), summarize(runs.get('int8-split')!)];
  return { f32, 'int8-split': split, timesFasterInProcessorTime: f32.cpuSeconds / split.cpuSeconds };
};

const mean = (numbers: readonly number[]): number => numbers.reduce((sum, value) => sum + value, 0) / numbers.length;

/** Mean part of the loss that is left, by kind of module. */
const leftByKind = (losses: ReadonlyMap<string, LayerLoss>): Map<string, number> => {
  const kinds = new Map<string, number[]>();
  for (const [module, { none, final }] of losses) {
    const kind = moduleKind(module);
    kinds.set(kind, [...(kinds.get(kind) ?? []), lossRatio(final, none)]);
  }
  return new Map([...kinds].map(([kind, ratios]) => [kind, mean(ratios)]));
};

interface KindLoss {
  readonly kind: string;
  readonly f32: number;
  readonly 'int8-split': number;
  readonly change: number;
}

/** Measures both adapters on the held-out sums of one run in float32. */
const compareLosses = async (scratch: string): Promise<KindLoss[]> => {
  const ruler = join(scratch, 'ruler');
  await initOnce('f32', ruler, ['--keep-statistics=all-h']);
  const f32 = leftByKind(await measureOnKept(ruler, join(scratch, 'f32')));
  const split = leftByKind(await measureOnKept(ruler, join(scratch, 'int8-split')));
  return [...f32].map(([kind, left]) => ({ kind, f32: left, 'int8-split': split.get(kind)!, change: split.get(kind)! / left - 1 }));
};

interface BlockDifference {
  readonly block: number;
  readonly 'int8-split': number;
  readonly autocast: number;
  readonly bfloat16: number;
}

/** The part of bf16_blocks.py's JSON that is read here. */
interface PeerBlocks {
  readonly autocast: readonly number[];
  readonly bfloat16: readonly number[];
  readonly versions: Readonly<Record<string, string>>;
}

const compareOutputs = async (scratch: string, versions: Record<string, string>): Promise<BlockDifference[]> => {
  const tokenizer = await loadTokenizer(model);
  const chosen = { tokens: Number(values['block-tokens']), windowTokens: Number(values.window), heldOut: 0 };
  const { calibration: windows } = await selectWindows(text, tokenizer, chosen);
  const split = await compareBlocks(model, windows, join(scratch, 'hidden'));
  const path = join(scratch, 'windows.json');
  await writeFile(path, JSON.stringify(windows.map((window) => [...window])));
  const script = join(REPOSITORY, 'test/bench/peer/bf16_blocks.py');
  const { stdout } = await measureProcess(resolve(REPOSITORY, values.python), [script, model, path], REPOSITORY);
  const peer = JSON.parse(stdout) as PeerBlocks;
  Object.assign(versions, peer.versions);
  return split.map((difference, block) => ({
    ...{ block, 'int8-split': difference, autocast: peer.autocast[block]!, bfloat16: peer.bfloat16[block]! },
  }));
};

const judgeLoss = ({ kind, change }: KindLoss): [string, Judged] => [
  `held-out loss, ${kind}`,
  judge(change, { atLeast: -MOST_CHANGE, atMost: MOST_CHANGE }),
];

/** int8-split's difference to float32 ÷ bfloat16's, where it is largest. */
const worstToBf16 = (blocks: readonly BlockDifference[]): number =>
  Math.max(...blocks.map(({ autocast, bfloat16, 'int8-split': split }) => split / Math.min(autocast, bfloat16)));

const measure = async (scratch: string): Promise<BenchmarkResult> => {
  const { hiddenSize } = openModel(canonicalCheckpoint(await openCheckpoint(model)).checkpoint);
  const auto = await chooseArithmetic('auto', hiddenSize);
  const versions: Record<string, string> = {};
  const times = await runBoth(scratch);
  const losses = await compareLosses(scratch);
  const blocks = await compareOutputs(scratch, versions);
  const exempt = auto.used === 'int8-split' ? undefined : `--arithmetic auto takes ${auto.used} here: ${auto.why}`;
  return {
    ...{ task: values, versions, times, losses, blocks },
    within: {
      ...Object.fromEntries(losses.map(judgeLoss)),
      "block outputs, difference to bfloat16's": judge(worstToBf16(blocks), { atMost: 1 }),
      'times faster in processor time': judge(times.timesFasterInProcessorTime, { atLeast: 1 }, exempt),
    },
  };
};

await runBenchmark('compare-arithmetic', measure);
