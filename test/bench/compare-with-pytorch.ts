/**
 * Compares `quailora init` with the same method in PyTorch (test/bench/peer/reference.py), on one machine, interleaved.
 *
 * usage: node dist/test/bench/compare-with-pytorch.js [--model DIR] [--text SOURCE] [--tokens 16384] [--window 128] [--rank 16]
 *        [--solver exact|als] [--rounds 3] [--python .venv/bin/python] [--ours f32,int8-split,auto-tokens]
 *        [--peers plain,share,share-bf16]
 *
 * The defaults are the embedded model and text, and quailora in float32. Every round runs each of ours and then each peer
 * (A-B-C-D-A-B-C-D). Held-out figures are off on both sides, since the peer does not count its own; `auto-tokens` needs
 * them, and holds out a tenth of the tokens. quailora's seconds are those of the whole process,
 * files written included; a peer's are its phases without the start of Python, and `processSeconds` is all of it.
 * Prints JSON: medians, every round's seconds, and the ratios quailora is judged by.
 */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { describeMachine, QUAILORA, REPOSITORY } from './describe-machine.js';
import { measureProcess } from './measure-process.js';

interface Round {
  readonly seconds: number;
  readonly processSeconds: number;
  readonly cpuSeconds: number;
  readonly peakRssBytes: number;
  readonly lossRatio: number;
  /** Seconds by phase or stage. */
  readonly phases: Readonly<Record<string, number>>;
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

/** The part of report.json that is read here. */
interface Report {
  readonly modules: readonly { readonly loss: { readonly none: number; readonly final: number } }[];
  readonly secondsPerStage: Readonly<Record<string, number>>;
}

const OURS: Readonly<Record<string, readonly string[]>> = {
  f32: ['--arithmetic', 'f32', '--held-out', '0'],
  'int8-split': ['--arithmetic', 'int8-split', '--held-out', '0'],
  'auto-tokens': ['--held-out', '0.1'],
};

const PEERS: Readonly<Record<string, readonly string[]>> = { plain: [], share: ['--share'], 'share-bf16': ['--share', '--bf16'] };

const runQuailora = async (task: Task, form: string): Promise<Round> => {
  const scratch = await mkdtemp(join(tmpdir(), 'quailora-bench-'));
  try {
    const output = join(scratch, 'out');
    const { model, text, tokens, window, rank, solver } = task;
    const where = [model, '--calibration', text, '--output', output];
    const amount = form === 'auto-tokens' ? 'auto' : tokens;
    const how = ['--tokens', amount, '--window', window, '--rank', rank, '--initializer', solver, ...OURS[form]!, '--json'];
    const cost = await measureProcess(process.execPath, [QUAILORA, 'init', ...where, ...how], REPOSITORY);
    const report = JSON.parse(await readFile(join(output, 'report.json'), 'utf8')) as Report;
    const ratios = report.modules.map(({ loss }) => loss.final / loss.none);
    return {
      seconds: cost.seconds,
      processSeconds: cost.seconds,
      cpuSeconds: cost.cpuSeconds,
      peakRssBytes: cost.peakRssBytes,
      lossRatio: ratios.reduce((sum, ratio) => sum + ratio, 0) / ratios.length,
      phases: report.secondsPerStage,
    };
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
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

const median = (values: readonly number[]): number => {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
};

const summarize = (rounds: readonly Round[]) => ({
  seconds: median(rounds.map((round) => round.seconds)),
  processSeconds: median(rounds.map((round) => round.processSeconds)),
  cpuSeconds: median(rounds.map((round) => round.cpuSeconds)),
  peakRssBytes: median(rounds.map((round) => round.peakRssBytes)),
  lossRatio: median(rounds.map((round) => round.lossRatio)),
  everySeconds: rounds.map((round) => round.seconds),
  phases: rounds.at(-1)!.phases,
});

const readOptions = () =>
  parseArgs({
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
  }).values;

const main = async (): Promise<void> => {
  const { rounds, peers, ours, ...task } = readOptions();
  const names = peers.split(',');
  const forms = ours.split(',');
  const unknown = names.find((name) => !(name in PEERS));
  if (unknown !== undefined) throw new Error(`--peers ${unknown}: choose from ${Object.keys(PEERS).join(', ')}.`);
  const strange = forms.find((form) => !(form in OURS));
  if (strange !== undefined) throw new Error(`--ours ${strange}: choose from ${Object.keys(OURS).join(', ')}.`);
  const placed: Task = { ...task, model: resolve(REPOSITORY, task.model), text: resolve(REPOSITORY, task.text) };
  const results = new Map<string, Round[]>([...forms, ...names].map((name) => [name, []]));
  const peerVersions: Record<string, string> = {};
  for (let round = 0; round < Number(rounds); round++) {
    for (const [name, done] of results) {
      done.push(name in OURS ? await runQuailora(placed, name) : await runPeer(placed, PEERS[name]!, peerVersions));
      process.stderr.write(`round ${round + 1} ${name}: ${done.at(-1)!.seconds.toFixed(1)} s\n`);
    }
  }
  const contenders = new Map([...results].map(([name, done]) => [name, summarize(done)]));
  const fastest = Math.min(...names.map((name) => contenders.get(name)!.seconds));
  const plain = contenders.get('plain');
  const ratiosOf = ({ seconds, cpuSeconds, peakRssBytes }: ReturnType<typeof summarize>) => ({
    secondsToFastestPeer: seconds / fastest,
    ...(plain && { peakRssToPlain: peakRssBytes / plain.peakRssBytes, cpuSecondsToPlain: cpuSeconds / plain.cpuSeconds }),
  });
  const machine = await describeMachine();
  const result = {
    benchmark: 'compare-with-pytorch',
    ...machine,
    versions: { ...machine.versions, ...peerVersions },
    task,
    rounds: Number(rounds),
    contenders: Object.fromEntries(contenders),
    ratios: Object.fromEntries(forms.map((form) => [form, ratiosOf(contenders.get(form)!)])),
  };
  process.stdout.write(`${JSON.stringify(result, null, 2)}\n`);
};

await main();
