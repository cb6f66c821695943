/**
 * Compares the solve of one layer with its rivals in PyTorch and SciPy, on one machine, interleaved, on the same files.
 *
 * usage: node dist/test/bench/compare-solvers.js [--against qera|full-svd] [--shapes 2048x2048,2048x5632] [--rank 64] [--threads 1]
 *        [--rounds 3] [--decay 0.8] [--peers sqrtm,eigh,eigh-f32] [--python .venv/bin/python]
 *
 * qera: `exact` against QERA's exact form (test/bench/peer/qera.py), which takes the root of H with scipy.linalg.sqrtm, and from an
 * eigendecomposition. full-svd: `svd` against torch.linalg.svd, as PEFT's LoftQ calls it. Shapes are out × in. E is the NF4
 * residual of a random weight, H as write-problem.ts makes it. Seconds are those of the solve in a process of its own.
 * Without --shapes full-svd takes 4096x4096,4096x11008; 512x512 shows in seconds that everything works, and misses targets.
 * What the factors are worth is computed in float64 by a third program. Prints JSON: medians, every round's seconds, and ratios of
 * seconds and of processor seconds (the ones to read on a machine that does other work). Ends with status 1 where quailora is not 50
 * times faster than with sqrtm, 5 times than from an eigendecomposition and its loss not as low; or not 10 times faster than the
 * full SVD, with 0.1 % less of the energy at most.
 */
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { fileURLToPath } from 'node:url';
import { REPOSITORY } from './describe-machine.js';
import { measureProcess } from './measure-process.js';
import { median } from './median.js';
import { judge, runBenchmark, type BenchmarkResult, type Judged, type Target } from './run-benchmark.js';
import { writeProblem } from './write-problem.js';

interface Solve {
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly peakRssBytes: number;
  readonly versions: Readonly<Record<string, string>>;
}

interface Setting {
  readonly against: 'qera' | 'full-svd';
  readonly rank: string;
  readonly threads: string;
  readonly rounds: number;
  readonly decay: number;
  readonly python: string;
  readonly peers: readonly string[];
}

const SEED = 20240609;
const PEERS = ['sqrtm', 'eigh', 'eigh-f32'];
const SHAPES = { qera: '2048x2048,2048x5632', 'full-svd': '4096x4096,4096x11008' } as const;

/** How many times faster the solve has to be, by peer. */
const TIMES_FASTER: Readonly<Record<string, number>> = { sqrtm: 50, eigh: 5, 'eigh-f32': 5, 'full-svd': 10 };

/** A loss counts as equal within what float32 factors lose of it. */
const EQUAL_LOSS: Target = { atMost: 1 + 1e-5 };

const EQUAL_ENERGY: Target = { atLeast: 1 - 1e-3 };

const peerScript = (name: string): string => join(REPOSITORY, 'test/bench/peer', name);

/** Command line of one contender, without problem and output. */
const contenderCommand = (name: string, { against, rank, threads, python }: Setting): readonly [string, readonly string[]] => {
  const how = ['--rank', rank, '--threads', threads];
  if (name === 'quailora') {
    const solver = against === 'qera' ? 'exact' : 'svd';
    return [process.execPath, [fileURLToPath(new URL('./solve-problem.js', import.meta.url)), '--solver', solver, ...how]];
  }
  return [python, against === 'qera' ? [peerScript('qera.py'), '--root', name, ...how] : [peerScript('full_svd.py'), ...how]];
};

const solveOnce = async (name: string, setting: Setting, problem: string, output: string): Promise<Solve> => {
  const [command, args] = contenderCommand(name, setting);
  await mkdir(output, { recursive: true });
  const { stdout } = await measureProcess(command, [args[0]!, problem, output, ...args.slice(1)], REPOSITORY);
  return JSON.parse(stdout) as Solve;
};

const summarize = (solves: readonly Solve[]) => ({
  seconds: median(solves.map(({ seconds }) => seconds)),
  cpuSeconds: median(solves.map(({ cpuSeconds }) => cpuSeconds)),
  peakRssBytes: median(solves.map(({ peakRssBytes }) => peakRssBytes)),
  everySeconds: solves.map(({ seconds }) => seconds),
});

const weigh = async (
  names: readonly string[],
  problem: string,
  { against, threads, python }: Setting,
): Promise<{ readonly none: number; readonly final: readonly number[] }> => {
  const how = ['--threads', threads, ...(against === 'full-svd' ? ['--plain'] : [])];
  const outputs = names.map((name) => join(problem, name));
  const { stdout } = await measureProcess(python, [peerScript('correction_loss.py'), problem, ...outputs, ...how], REPOSITORY);
  return JSON.parse(stdout) as { none: number; final: number[] };
};

const compare = async (shape: string, setting: Setting, scratch: string, versions: Record<string, string>) => {
  const [m, n] = shape.split('x').map(Number) as [number, number];
  const problem = join(scratch, shape);
  await writeProblem(problem, { m, n, decay: setting.decay, seed: SEED, statistic: setting.against === 'qera' });
  const names = ['quailora', ...(setting.against === 'qera' ? setting.peers : ['full-svd'])];
  const solves = new Map<string, Solve[]>(names.map((name) => [name, []]));
  for (let round = 1; round <= setting.rounds; round++)
    for (const [name, done] of solves) {
      const solve = await solveOnce(name, setting, problem, join(problem, name));
      done.push(solve);
      Object.assign(versions, solve.versions);
      process.stderr.write(`${shape} round ${round} ${name}: ${solve.seconds.toFixed(2)} s (processor ${solve.cpuSeconds.toFixed(2)} s)\n`);
    }
  const { none, final } = await weigh(names, problem, setting);
  await rm(problem, { recursive: true });
  const contenders = names.map((name, i) => ({ name, ...summarize(solves.get(name)!), loss: final[i]!, captured: 1 - final[i]! / none }));
  const [own, ...peers] = contenders;
  const ratios = peers.map((peer) => ({
    peer: peer.name,
    timesFaster: peer.seconds / own!.seconds,
    timesFasterInProcessorTime: peer.cpuSeconds / own!.cpuSeconds,
    lossToPeer: own!.loss / peer.loss,
    capturedToPeer: own!.captured / peer.captured,
  }));
  return { shape, lossOfNoCorrection: none, contenders, ratios };
};

type Comparison = Awaited<ReturnType<typeof compare>>;

const judgeShape = ({ shape, ratios }: Comparison, { against }: Setting): [string, Judged][] =>
  ratios.flatMap(({ peer, timesFaster, lossToPeer, capturedToPeer }): [string, Judged][] => [
    [`${shape}, times faster than ${peer}`, judge(timesFaster, { atLeast: TIMES_FASTER[peer]! })],
    against === 'qera'
      ? [`${shape}, loss to that of ${peer}`, judge(lossToPeer, EQUAL_LOSS)]
      : [`${shape}, energy to that of ${peer}`, judge(capturedToPeer, EQUAL_ENERGY)],
  ]);

const readSetting = (): { readonly setting: Setting; readonly shapes: readonly string[] } => {
  const { values } = parseArgs({
    options: {
      against: { type: 'string', default: 'qera' },
      shapes: { type: 'string' },
      rank: { type: 'string', default: '64' },
      threads: { type: 'string', default: '1' },
      rounds: { type: 'string', default: '3' },
      decay: { type: 'string', default: '0.8' },
      peers: { type: 'string', default: PEERS.join(',') },
      python: { type: 'string', default: join(REPOSITORY, '.venv/bin/python') },
    },
  });
  const { against, peers: peerList, rounds, decay, ...rest } = values;
  const peers = peerList.split(',');
  if (against !== 'qera' && against !== 'full-svd') throw new Error(`--against ${against}: choose qera or full-svd.`);
  const { shapes = SHAPES[against] } = values;
  const unknown = peers.find((name) => !PEERS.includes(name));
  if (unknown !== undefined) throw new Error(`--peers ${unknown}: choose from ${PEERS.join(', ')}.`);
  const wrong = shapes.split(',').find((shape) => !/^[1-9]\d*x[1-9]\d*$/.test(shape));
  if (wrong !== undefined) throw new Error(`--shapes ${wrong}: give out × in as in 2048x5632.`);
  return { setting: { ...rest, against, peers, rounds: Number(rounds), decay: Number(decay) }, shapes: shapes.split(',') };
};

const measure = async (scratch: string): Promise<BenchmarkResult> => {
  const { setting, shapes } = readSetting();
  const versions: Record<string, string> = {};
  const results: Comparison[] = [];
  for (const shape of shapes) results.push(await compare(shape, setting, scratch, versions));
  const within = Object.fromEntries(results.flatMap((result) => judgeShape(result, setting)));
  return { task: setting, versions, results, within };
};

await runBenchmark('compare-solvers', measure);
