import { join } from 'node:path';
import t from 'tap';
import { matrix, rowMajor, transposed, type Matrix } from '../../src/foundation/index.js';
import { exact, loftq, stockInitializers, type Initializer } from '../../src/initializers/index.js';
import { int8, nf4, QUANTIZERS, type QuantizedTensors } from '../../src/quantizers/index.js';
import { startWorkerPool } from '../../src/runtime/index.js';
import {
  correctStage,
  openSourceModel,
  quantizeStage,
  weightShard,
  type CorrectStageOptions,
  unpackStatistic,
  type InputStatistics,
  type PackedStatistic,
  type QuantizedShard,
} from '../../src/stages/index.js';
import { packedStatistic } from '../calibration/packed.js';
import { identity } from './custom-stages.js';
import { makeTinyModel } from '../integration/tiny-model.js';
import { distance, naiveProduct, normalMatrix } from '../linalg/naive-engine.js';

const { checkpoint, model } = await openSourceModel(await makeTinyModel(join(t.testdir(), 'model')));
const pool = startWorkerPool({ workers: 2 });
t.teardown(() => pool.close());
const context = { linalg: pool.linalg, signal: new AbortController().signal };
const layer = model.linears(1).find(({ module }) => module.endsWith('gate_proj'))!;
const shard = weightShard(checkpoint, 1, layer);

const X = normalMatrix(100, 32, 1);
const statistics: InputStatistics = {
  input: 'mlp_input',
  calibration: packedStatistic('H', naiveProduct(transposed(X), X), 100),
  heldOut: packedStatistic('H', naiveProduct(transposed(normalMatrix(30, 32, 2)), normalMatrix(30, 32, 2)), 30),
};

const bytesOf = ({ tensors }: QuantizedTensors): unknown =>
  Object.entries(tensors).map(([name, { bytes, ...rest }]) => [name, rest, [...bytes]]);

const quantized = (): Promise<QuantizedShard> => quantizeStage(pool, QUANTIZERS.nf4, true).run(shard, context);

t.test('a quantizer gives the same bytes on the main thread and in a worker', async (t) => {
  for (const [reference, object] of [
    [QUANTIZERS.nf4, nf4],
    [QUANTIZERS.int8, int8],
  ] as const) {
    const there = await quantizeStage(pool, reference, true).run(shard, context);
    const here = await quantizeStage(pool, object, true).run(shard, context);
    t.same(bytesOf(there.quantized), bytesOf(here.quantized), object.name);
    const values = ({ E, weights }: QuantizedShard): Float32Array[] => [E, weights!.W, weights!.Q].map(rowMajor);
    t.same(values(there), values(here));
    for (const quantizer of [reference, object]) {
      const alone = await quantizeStage(pool, quantizer, false).run(shard, context);
      t.equal(alone.weights, undefined);
      t.same(
        [bytesOf(alone.quantized), rowMajor(alone.E)],
        [bytesOf(here.quantized), rowMajor(here.E)],
        'W and Q are let go, E is the same',
      );
    }
    t.equal(there.layer, layer);
    const Q = rowMajor(here.weights!.Q);
    t.same(
      rowMajor(here.E),
      rowMajor(here.weights!.W).map((value, i) => value - Q[i]!),
      'E = W − Q',
    );
    t.ok(here.E.data.some((value) => value !== 0));
  }
});

t.test('an initializer gives the same bits on the main thread and in a worker', async (t) => {
  const stock = stockInitializers({ alsSteps: 20, loftqSteps: 3, seed: 0, scaling: 1 });
  const run = async (options: Pick<CorrectStageOptions, 'quantizer' | 'initializer'>, balance: boolean): Promise<unknown> => {
    const stage = correctStage(pool, { ...options, rank: 5, balance });
    const { factors } = await stage.run({ ...(await quantized()), statistics }, context);
    return [
      factors.A.shape,
      rowMajor(factors.A),
      rowMajor(factors.B),
      factors.quantized && [bytesOf(factors.quantized), rowMajor(factors.quantized.dequantized)],
    ];
  };
  for (const [reference, object] of [
    [stock.exact, exact()],
    [stock.loftq, loftq({ steps: 3 })],
  ] as const)
    for (const balance of [false, true]) {
      const there = await run({ quantizer: QUANTIZERS.nf4, initializer: reference }, balance);
      t.same(await run({ quantizer: QUANTIZERS.nf4, initializer: object }, balance), there, `${object.name} as an object`);
      t.same(await run({ quantizer: nf4, initializer: reference }, balance), there, `${object.name} beside a quantizer that is an object`);
    }
});

t.test('nor does the place change the bits where the solver asks for products of the residual', async (t) => {
  const [m, n] = [700, 500];
  const inputs = normalMatrix(600, n, 4);
  const wide: InputStatistics = {
    ...{ input: 'mlp_input', heldOut: undefined },
    calibration: packedStatistic('H', await pool.linalg.multiply(inputs, inputs, { transposeA: true }), 600),
  };
  const { exact: reference } = stockInitializers({ alsSteps: 20, loftqSteps: 3, seed: 0, scaling: 1 });
  const [there, here] = await Promise.all(
    [reference, exact()].map(async (initializer) => {
      const stage = correctStage(pool, { quantizer: QUANTIZERS.nf4, initializer, rank: 32, balance: false });
      const small = await quantizeStage(pool, QUANTIZERS.nf4, false).run(shard, context);
      const { factors } = await stage.run({ ...small, E: normalMatrix(m, n, 3), statistics: wide }, context);
      return [rowMajor(factors.A), rowMajor(factors.B)];
    }),
  );
  t.same(here, there);
});

t.test('balancing changes the factors and not their product', async (t) => {
  const lopsided: Initializer = {
    ...{ name: 'lopsided', projectsResidual: false, requantizes: false, usesStatistic: false },
    initialize: async ({ rank, E }) => ({
      A: normalMatrix(E.shape[0]!, rank, 1),
      B: matrix(
        E.shape[1]!,
        rank,
        normalMatrix(E.shape[1]!, rank, 2).data.map((x) => 100 * x),
      ),
    }),
  };
  const [plain, balanced] = await Promise.all(
    [false, true].map(async (balance) =>
      correctStage(pool, { quantizer: QUANTIZERS.nf4, initializer: lopsided, rank: 3, balance }).run(
        { ...(await quantized()), statistics },
        context,
      ),
    ),
  );
  const product = ({ factors }: { factors: { A: Matrix; B: Matrix } }): Matrix => naiveProduct(factors.A, transposed(factors.B));
  t.ok(distance(product(balanced!), product(plain!)) < 1e-5);
  const norm = (A: Matrix): number => Math.hypot(...rowMajor(A));
  t.ok(Math.abs(norm(balanced!.factors.A) / norm(balanced!.factors.B) - 1) < 1e-3);
  t.ok(norm(plain!.factors.B) > 50 * norm(plain!.factors.A));
});

t.test('the certificate states the losses by the definition', async (t) => {
  const seconds = { initialize: 0, certify: 0 };
  const observe = (stage: string, more: number): void => void (seconds[stage as keyof typeof seconds] += more);
  const stage = correctStage(pool, { quantizer: QUANTIZERS.nf4, initializer: exact(), rank: 5, balance: true, observe });
  const { certificate, E, factors } = await stage.run({ ...(await quantized()), statistics }, context);
  t.ok(seconds.initialize > 0 && seconds.certify > 0, 'both parts are timed');
  const loss = (R: Matrix, statistic: PackedStatistic): number => {
    const { sum, tokens } = unpackStatistic(statistic);
    const G = naiveProduct(naiveProduct(R, sum), transposed(R));
    return Array.from({ length: G.shape[0]! }, (_, i) => G.get(i, i)).reduce((a, b) => a + b, 0) / tokens;
  };
  const left = matrix(40, 32);
  const product = naiveProduct(factors.A, transposed(factors.B));
  for (let i = 0; i < left.data.length; i++) left.data[i] = rowMajor(E)[i]! - product.data[i]!;
  const near = (found: number, expected: number): boolean => Math.abs(found / expected - 1) < 1e-3;
  t.ok(near(certificate.loss.none, loss(E, statistics.calibration)), 'no correction');
  t.ok(near(certificate.loss.final, loss(left, statistics.calibration)), 'with it');
  t.ok(
    near(certificate.heldOut!.none, loss(E, statistics.heldOut!)) && near(certificate.heldOut!.final, loss(left, statistics.heldOut!)),
    'held out',
  );
  t.ok(certificate.loss.final < certificate.loss.none);
});

t.test('a quantizer may return the weights themselves', async (t) => {
  const reference = { url: new URL('./custom-stages.js', import.meta.url).href, name: 'identity' };
  for (const quantizer of [reference, identity]) {
    const shards = await quantizeStage(pool, quantizer, true).run(shard, context);
    t.ok(rowMajor(shards.E).every((value) => value === 0));
    const initializer = stockInitializers({ alsSteps: 20, loftqSteps: 3, seed: 0, scaling: 1 }).exact;
    const stage = correctStage(pool, { quantizer, initializer, rank: 5, balance: true });
    const certified = await stage.run({ ...shards, statistics }, context);
    t.match(certified.certificate.loss, { none: 0, final: 0 });
    t.same(rowMajor(certified.weights!.Q), rowMajor(certified.weights!.W), 'and everything comes back');
    const alone = await quantizeStage(pool, quantizer, false).run(shard, context);
    t.ok(
      rowMajor(alone.E).every((value) => value === 0),
      'also where only E is kept',
    );
  }
});

t.test('weights that are not finite are refused with the module', async (t) => {
  const location = { ...shard.location, dtype: 'BF16' as const };
  const refused = { code: 'QL_NOT_FINITE', message: /gate_proj/ };
  const broken = {
    ...nf4,
    quantize: (W: Matrix, options: Parameters<typeof nf4.quantize>[1]) => (W.set(3, 3, NaN), nf4.quantize(W, options)),
  };
  await t.rejects(quantizeStage(pool, broken, false).run({ ...shard, location }, context), refused);
});

t.test('an initializer that says it does without W gets none', async (t) => {
  const liar: Initializer = {
    ...{ name: 'liar', projectsResidual: false, requantizes: false, usesStatistic: false, usesWeights: false },
    initialize: async ({ W, rank }) => ({ A: matrix(W.shape[0]!, rank), B: matrix(W.shape[1]!, rank) }),
  };
  const shards = await quantizeStage(pool, QUANTIZERS.nf4, false).run(shard, context);
  const stage = correctStage(pool, { quantizer: QUANTIZERS.nf4, initializer: liar, rank: 5, balance: false });
  await t.rejects(stage.run({ ...shards, statistics }, context), { code: 'QL_WEIGHTS', message: /gate_proj.*read W/ });
});
