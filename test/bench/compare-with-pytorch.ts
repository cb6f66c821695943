/**
 * Compares `quailora init` with the same method in PyTorch (test/bench/peer/reference.py), on one machine, interleaved.
 *
 * usage: node dist/test/bench/compare-with-pytorch.js [--model DIR] [--text SOURCE] [--tokens 16384] [--window 128] [--rank 16]
 *        [--solver exact|als] [--rounds 3] [--python .venv/bin/python] [--ours f32,int8-split,auto-tokens]
 *        [--peers plain,share,share-bf16]
 *
 * The defaults are the embedded model and text, and quailora in float32. Every round runs each of ours and then each peer
 * (A-B-C-D-A-B-C-D). Held-out figures are off on both sides, since the peer does not count its own; `auto-tokens` needs
 * them, and holds out a tenth of the tokens: one more run, not timed, takes all tokens that it considered, beside the same held-out
 * text. quailora's seconds are those of the whole process, files written included; a peer's are its phases without the start of
 * Python, and `processSeconds` is all of it. Prints JSON: medians, every round's seconds, ratios, and targets. Ends with status 1
 * where one is missed that applies: 0.85 of the time of the fastest peer (f32), 0.7 (int8-split, where `--arithmetic auto` would take
 * it), 0.25 (auto-tokens, where the peers pass as many tokens as it considers) at a held-out loss within 1 %, a quarter of the
 * memory of the plain peer, and plans within 15 %.
 */
import { rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { openCheckpoint } from '../../src/checkpoint/index.js';
import { canonicalCheckpoint, openModel } from '../../src/models/index.js';
import { chooseArithmetic, type ArithmeticChoice } from '../../src/planning/index.js';
import type { InitializationReport } from '../../src/reports/index.js';
import { multipliesIntegersExactly } from '../../src/runtime/index.js';
import { REPOSITORY } from './describe-machine.js';
import { measureProcess } from './measure-process.js';
import { median } from './median.js';
import { judge, runBenchmark, type BenchmarkResult, type Judged } from './run-benchmark.js';
import { judgePlan, runInit, type InitRun } from './run-init.js';

interface Round {
  readonly seconds: number;
  readonly processSeconds: number;
  readonly cpuSeconds: number;
  readonly peakRssBytes: number;
  readonly lossRatio: number;
  /** Seconds by phase or stage. */
  readonly phases: Readonly<Record<string, number>>;
  /** What ours reported; undefined for a peer. */
  readonly own?: InitRun;
}

interface Task {
  readonly model: string;
  readonly text: string;
  readonly tokens: string;
  readonly window: string;
  readonly rank: string;
  readonly solver: string;
  readonly python: string;
}

/** The part of reference.py's JSON that is read here. */
interface PeerResult {
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly phases: Readonly<Record<string, number>>;
  readonly lossRatio: { readonly calibration: number };
  readonly versions: Readonly<Record<string, string>>;
}

/** Part of the tokens that `auto-tokens` holds out, and the run with all tokens beside it. */
const HELD_OUT = ['--held-out', '0.1'];

const OURS: Readonly<Record<string, readonly string[]>> = {
  f32: ['--arithmetic', 'f32', '--held-out', '0'],
  'int8-split': ['--arithmetic', 'int8-split', '--held-out', '0'],
  'auto-tokens': HELD_OUT,
};

const PEERS: Readonly<Record<string, readonly string[]>> = { plain: [], share: ['--share'], 'share-bf16': ['--share', '--bf16'] };

/** Most of the fastest peer's time. */
const MOST_TIME: Readonly<Record<string, number>> = { f32: 0.85, 'int8-split': 0.7, 'auto-tokens': 0.25 };

/** Most of the plain peer's memory. */
const MOST_MEMORY = 0.25;

/** How far the held-out loss of fewer tokens may be above that of all. */
const MOST_LOSS = 1.01;

const initOnce = async (task: Task, tokens: string, how: readonly string[], output: string): Promise<InitRun> => {
  const { model, text, window, rank, solver } = task;
  const what = [model, '--calibration', text, '--tokens', tokens, '--window', window];
  await rm(output, { recursive: true, force: true });
  return runInit([...what, '--rank', rank, '--initializer', solver, ...how], output);
};

const runOurs = async (task: Task, form: string, output: string): Promise<Round> => {
  const own = await initOnce(task, form === 'auto-tokens' ? 'auto' : task.tokens, OURS[form]!, output);
  const { seconds, cpuSeconds, peakRssBytes, report } = own;
  const costs = { seconds, processSeconds: seconds, cpuSeconds, peakRssBytes };
  return { ...costs, lossRatio: report.totals.lossRatio, phases: report.secondsPerStage, own };
};

const runPeer = async (task: Task, options: readonly string[], versions: Record<string, string>): Promise<Round> => {
  const { model, text, tokens, window, rank, solver, python } = task;
  const script = join(REPOSITORY, 'test/bench/peer/reference.py');
  const how = ['--tokens', tokens, '--window', window, '--rank', rank, '--solver', solver, '--held-out-windows', '0', ...options];
  const cost = await measureProcess(python, [script, model, text, ...how], REPOSITORY);
  const result = JSON.parse(cost.stdout) as PeerResult;
  Object.assign(versions, result.versions);
  return {
    seconds: result.seconds,
    processSeconds: cost.seconds,
    cpuSeconds: result.cpuSeconds,
    peakRssBytes: cost.peakRssBytes,
    lossRatio: result.lossRatio.calibration,
    phases: result.phases,
  };
};

const summarize = (rounds: readonly Round[]) => {
  const last = rounds.at(-1)!;
  return {
    seconds: median(rounds.map((round) => round.seconds)),
    processSeconds: median(rounds.map((round) => round.processSeconds)),
    cpuSeconds: median(rounds.map((round) => round.cpuSeconds)),
    peakRssBytes: median(rounds.map((round) => round.peakRssBytes)),
    ...(last.own && { plannedBytes: last.own.plannedBytes, arithmetic: last.own.report.arithmetic?.used }),
    lossRatio: median(rounds.map((round) => round.lossRatio)),
    everySeconds: rounds.map((round) => round.seconds),
    phases: last.phases,
  };
};

type Contender = ReturnType<typeof summarize>;

const readOptions = () => {
  const { values } = parseArgs({
    options: {
      model: { type: 'string', default: 'data/embedded/model' },
      text: { type: 'string', default: 'data/embedded/calibration.jsonl' },
      tokens: { type: 'string', default: '16384' },
      window: { type: 'string', default: '128' },
      rank: { type: 'string', default: '16' },
      solver: { type: 'string', default: 'exact' },
      rounds: { type: 'string', default: '3' },
      python: { type: 'string', default: '.venv/bin/python' },
      ours: { type: 'string', default: 'f32' },
      peers: { type: 'string', default: Object.keys(PEERS).join(',') },
    },
  });
  const { rounds, peers, ours, ...task } = values;
  const [names, forms] = [peers.split(','), ours.split(',')];
  const unknown = names.find((name) => !(name in PEERS));
  if (unknown !== undefined) throw new Error(`--peers ${unknown}: choose from ${Object.keys(PEERS).join(', ')}.`);
  const strange = forms.find((form) => !(form in OURS));
  if (strange !== undefined) throw new Error(`--ours ${strange}: choose from ${Object.keys(OURS).join(', ')}.`);
  const placed: Task = { ...task, model: resolve(REPOSITORY, task.model), text: resolve(REPOSITORY, task.text) };
  return { rounds: Number(rounds), names, forms, task, placed };
};

/** What `--arithmetic auto` takes for the model on this processor. */
const automaticArithmetic = async (model: string): Promise<ArithmeticChoice> => {
  const { checkpoint } = canonicalCheckpoint(await openCheckpoint(model));
  return chooseArithmetic('auto', openModel(checkpoint).hiddenSize);
};

/** Why a form's target of time does not apply; undefined where it does. */
const exemption = (form: string, { auto, tokens, considered }: { auto: ArithmeticChoice; tokens: number; considered: number }) => {
  if (form === 'int8-split' && auto.used !== 'int8-split') return `--arithmetic auto takes ${auto.used} here: ${auto.why}`;
  if (form === 'auto-tokens' && considered !== tokens) return `${considered} tokens were considered, and the peers pass ${tokens}`;
  return undefined;
};

const heldOutLossRatio = ({ totals }: InitializationReport): number => totals.heldOutLossRatio ?? NaN;

/** Corrects with all tokens that `auto-tokens` considered, and compares the losses on the same held-out text. */
const compareWithAll = async (task: Task, { report }: InitRun, output: string) => {
  const { considered, chosen } = report.tokenChoice!;
  const { report: all } = await initOnce(task, String(considered), HELD_OUT, output);
  if (all.heldOutTokens !== report.heldOutTokens)
    throw new Error(`Held out are ${report.heldOutTokens} tokens beside ${chosen}, but ${all.heldOutTokens} beside all ${considered}.`);
  return {
    ...{ considered, chosen, heldOutTokens: report.heldOutTokens },
    ...{ heldOutLossRatio: heldOutLossRatio(report), heldOutLossRatioOfAll: heldOutLossRatio(all) },
  };
};

type AllTokens = Awaited<ReturnType<typeof compareWithAll>>;

const ratiosOf = ({ seconds, cpuSeconds, peakRssBytes }: Contender, fastest: number, plain: Contender | undefined) => ({
  secondsToFastestPeer: seconds / fastest,
  ...(plain && { peakRssToPlain: peakRssBytes / plain.peakRssBytes, cpuSecondsToPlain: cpuSeconds / plain.cpuSeconds }),
});

type Ratios = ReturnType<typeof ratiosOf>;

const judgeForm = (form: string, contender: Contender, ratios: Ratios, exempt: string | undefined): [string, Judged][] => {
  const { secondsToFastestPeer, peakRssToPlain } = ratios;
  const plannedBytes = contender.plannedBytes!;
  return [
    [`${form}, time to the fastest peer's`, judge(secondsToFastestPeer, { atMost: MOST_TIME[form]! }, exempt)],
    ...(peakRssToPlain === undefined
      ? []
      : [[`${form}, memory to the plain peer's`, judge(peakRssToPlain, { atMost: MOST_MEMORY })] as [string, Judged]]),
    [`${form}, planned to held`, judgePlan({ ...contender, plannedBytes })],
  ];
};

const judgeLoss = ({ heldOutLossRatio: few, heldOutLossRatioOfAll: all }: AllTokens): Judged => judge(few / all, { atMost: MOST_LOSS });

const measure = async (scratch: string): Promise<BenchmarkResult> => {
  const { rounds, names, forms: asked, task, placed } = readOptions();
  const exact = !asked.includes('int8-split') || (await multipliesIntegersExactly());
  const forms = exact ? asked : asked.filter((form) => form !== 'int8-split');
  const output = join(scratch, 'out');
  const results = new Map<string, Round[]>([...forms, ...names].map((name) => [name, []]));
  const versions: Record<string, string> = {};
  for (let round = 1; round <= rounds; round++)
    for (const [name, done] of results) {
      done.push(name in OURS ? await runOurs(placed, name, output) : await runPeer(placed, PEERS[name]!, versions));
      process.stderr.write(`round ${round} ${name}: ${done.at(-1)!.seconds.toFixed(1)} s\n`);
    }
  const automatic = results.get('auto-tokens')?.at(-1)?.own;
  const allTokens = automatic && (await compareWithAll(placed, automatic, output));
  const contenders = new Map([...results].map(([name, done]) => [name, summarize(done)]));
  const fastest = Math.min(...names.map((name) => contenders.get(name)!.seconds));
  const ratios = new Map(forms.map((form) => [form, ratiosOf(contenders.get(form)!, fastest, contenders.get('plain'))]));
  const passed = { auto: await automaticArithmetic(placed.model), tokens: Number(task.tokens), considered: allTokens?.considered ?? 0 };
  const judged = forms.flatMap((form) => judgeForm(form, contenders.get(form)!, ratios.get(form)!, exemption(form, passed)));
  return {
    ...{ task, rounds, versions },
    ...(!exact && { leftOut: { 'int8-split': 'products of 8-bit integers saturate on this processor' } }),
    ...{ contenders: Object.fromEntries(contenders), ratios: Object.fromEntries(ratios), allTokens },
    within: { ...Object.fromEntries(judged), ...(allTokens && { 'auto-tokens, held-out loss to that of all': judgeLoss(allTokens) }) },
  };
};

await runBenchmark('compare-with-pytorch', measure);
