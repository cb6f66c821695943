import { readdir } from 'node:fs/promises';
import { lastValueFrom, toArray } from 'rxjs';
import t from 'tap';
import { planSegments, type SummedInput } from '../../src/calibration/index.js';
import { inSequence } from '../../src/dataflow/index.js';
import { ByteLedger, random, rowMajor, transposed, type Matrix } from '../../src/foundation/index.js';
import { openModel } from '../../src/models/index.js';
import { startWorkerPool } from '../../src/runtime/index.js';
import {
  foldStatistics,
  Propagation,
  unpackStatistic,
  type InputStatistics,
  type PackedStatistic,
  type SplitWindows,
} from '../../src/stages/index.js';
import { readHiddenStates } from '../../src/transport/index.js';
import { distance, naiveProduct, normalMatrix } from '../linalg/naive-engine.js';
import { farthest, openFixture, readGolden } from '../models/golden-run.js';

const FIXTURE = 'llama-grouped-tied';
const model = openModel(await openFixture(FIXTURE));
const stream = random(1);
const window = (length: number): Int32Array => Int32Array.from({ length }, () => stream.below(96));
const windows: SplitWindows = {
  calibration: [32, 32, 32, 7, 7, 32, 1, 20, 20, 20, 32].map(window),
  heldOut: [32, 9, 32].map(window),
};
const SIZES = { runTokens: 64, segmentTokens: 64 };
const E = new Float32Array(new SharedArrayBuffer(4 * 32 * 40));
E.set(normalMatrix(32, 40, 2).data);
const SUMS: readonly SummedInput[] = [
  { input: 'attention_input', width: 32, residual: undefined },
  { input: 'mlp_hidden', width: 40, residual: undefined },
  { input: 'mlp_hidden', width: 40, residual: { E, rows: 32 } },
];

interface Walk {
  readonly statistics: readonly InputStatistics[][];
  readonly hidden: readonly Float32Array[];
  readonly spilled: number;
  readonly peakActivations: number;
}

const walk = async (directory: string, workers: number, budget: number, over: SplitWindows = windows): Promise<Walk> => {
  const pool = startWorkerPool({ workers });
  try {
    const propagation = new Propagation(model, over, pool, { bytes: budget, directory }, SIZES);
    await lastValueFrom(propagation.embed(), { defaultValue: undefined });
    const spilled = (await readdir(directory)).length;
    const statistics: InputStatistics[][] = [];
    for (let block = 0; block < model.blocks; block++) {
      const passages$ = propagation.through(block, { sums: SUMS }).pipe(inSequence(({ sequence }) => sequence));
      statistics.push(await lastValueFrom(passages$.pipe(foldStatistics(SUMS, new ByteLedger()))));
    }
    const states = await lastValueFrom(
      propagation
        .finish(async (segment, states) => ({ segment, values: 'file' in states ? await readHiddenStates(states.file) : states.values }))
        .pipe(toArray()),
    );
    const order = propagation.segments;
    states.sort((a, b) => order.indexOf(a.segment) - order.indexOf(b.segment));
    await propagation.clear();
    return { statistics, hidden: states.map(({ values }) => values), spilled, peakActivations: propagation.activationBytes.peakBytes };
  } finally {
    await pool.close();
  }
};

const sumOf = (statistic: PackedStatistic): Matrix => unpackStatistic(statistic).sum;

const bytesOf = ({ statistics, hidden }: Walk): Buffer =>
  Buffer.concat(
    [...statistics.flat().flatMap(({ calibration, heldOut }) => [sumOf(calibration), sumOf(heldOut!)].map(rowMajor)), ...hidden].map(
      (values) => Buffer.from(values.slice().buffer),
    ),
  );

t.test('any number of workers gives the same bytes, with files or without', async (t) => {
  const directory = t.testdir();
  const one = await walk(directory, 1, Infinity);
  t.equal(one.spilled, 0);
  for (const [workers, budget] of [
    [2, Infinity],
    [3, Infinity],
    [1, 0],
    [2, 4 * 32 * 100],
  ] as const) {
    const other = await walk(directory, workers, budget);
    t.ok(bytesOf(other).equals(bytesOf(one)), `${workers} workers, ${budget} bytes`);
    if (budget < Infinity) {
      t.ok(other.spilled > 0, `${other.spilled} files`);
      t.ok(budget > 0 || other.peakActivations < one.peakActivations, 'less is held in memory');
    }
    t.same(await readdir(directory), [], 'no file is left');
  }
});

t.test('held-out tokens are summed apart', async (t) => {
  const directory = t.testdir();
  const both = await walk(directory, 1, Infinity);
  const only = await walk(directory, 1, Infinity, { calibration: windows.heldOut, heldOut: [] });
  both.statistics.flat().forEach(({ input, calibration, heldOut }, i) => {
    const apart = only.statistics.flat()[i]!;
    t.same([calibration.tokens, heldOut!.tokens], [235, 73]);
    t.equal(apart.heldOut, undefined);
    t.same(rowMajor(sumOf(heldOut!)), rowMajor(sumOf(apart.calibration)), input);
    t.ok(distance(sumOf(heldOut!), sumOf(calibration)) > 0.1, 'and is another sum');
  });
});

t.test('a G is E H Eᵀ of the H beside it', async (t) => {
  const { statistics } = await walk(t.testdir(), 2, Infinity);
  for (const [, H, G] of statistics as [InputStatistics, InputStatistics, InputStatistics][]) {
    t.same([H.calibration.kind, G.calibration.kind], ['H', 'G']);
    const residual = normalMatrix(32, 40, 2);
    t.ok(distance(sumOf(G.calibration), naiveProduct(naiveProduct(residual, sumOf(H.calibration)), transposed(residual))) < 1e-5);
  }
});

t.test('final hidden states equal those of transformers', async (t) => {
  const golden = await readGolden(FIXTURE);
  const { hidden } = await walk(t.testdir(), 2, 0, { calibration: golden.windows, heldOut: [] });
  const expected = await golden.values('block.2');
  t.ok(
    farthest(
      hidden.flatMap((values) => [...values]),
      expected,
    ) <=
      1e-4 * Math.max(...expected.map(Math.abs)),
  );
});

t.test('a worker never takes the block of another passage for its own', async (t) => {
  const pool = startWorkerPool({ workers: 1 });
  t.teardown(() => pool.close());
  const budget = { bytes: Infinity, directory: t.testdir() };
  const sumsOf = async (sums: readonly SummedInput[]): Promise<InputStatistics[]> => {
    const propagation = new Propagation(model, { calibration: windows.heldOut, heldOut: [] }, pool, budget, SIZES);
    await lastValueFrom(propagation.embed(), { defaultValue: undefined });
    return lastValueFrom(
      propagation.through(0, { sums }).pipe(
        inSequence(({ sequence }) => sequence),
        foldStatistics(sums, new ByteLedger()),
      ),
    );
  };
  const [first] = await sumsOf(SUMS.slice(0, 1));
  const [second] = await sumsOf(SUMS.slice(1, 2));
  const [again] = await sumsOf(SUMS.slice(0, 1));
  t.equal(second!.calibration.n, 40);
  t.ok(sumOf(second!.calibration).get(39, 39) > 0);
  t.same(rowMajor(sumOf(again!.calibration)), rowMajor(sumOf(first!.calibration)));
});

t.test('segments are those of the plan, calibration first', async (t) => {
  const pool = startWorkerPool({ workers: 1 });
  t.teardown(() => pool.close());
  const propagation = new Propagation(model, windows, pool, { bytes: 0, directory: '/nowhere' }, SIZES);
  const plan = (split: 'calibration' | 'heldOut'): ReturnType<typeof planSegments> =>
    planSegments(
      windows[split].map(({ length }) => length),
      split,
      SIZES,
    );
  t.same(propagation.segments, [...plan('calibration'), ...plan('heldOut')]);
  await t.rejects(lastValueFrom(propagation.embed()), { code: 'QL_IO', message: /nowhere/ }, 'a scratch directory that is gone');
});
