import t from 'tap';
import type { Checkpoint } from '../../src/checkpoint/index.js';
import type { ActivationFunction } from '../../src/models/activation-function.js';
import { PieceBuilder } from '../../src/models/piece-builder.js';
import { Session } from '../../src/runtime/index.js';
import { farthest } from './golden-run.js';

const bare: Checkpoint = { directory: process.cwd(), config: {}, configText: '{}', shards: [], tensors: new Map() };

/** Runs a piece with the output `y`. */
const run = async (piece: PieceBuilder, feeds: Parameters<Session['run']>[0], shape: number[]): Promise<Float32Array> => {
  const y = new Float32Array(shape.reduce((product, size) => product * size, 1));
  const session = await Session.open('a test', piece.build().graph);
  await session.run(feeds, { y: { data: y, shape } });
  await session.release();
  return y;
};

/** Error function by its Taylor series, good to float64 below 5. */
const erf = (x: number): number => {
  let term = x;
  let sum = x;
  for (let n = 1; n < 120; n++) sum += (term *= (-x * x) / n) / (2 * n + 1);
  return (2 / Math.sqrt(Math.PI)) * sum;
};
const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));

const FUNCTIONS: Readonly<Record<ActivationFunction, (x: number) => number>> = {
  relu: (x) => Math.max(x, 0),
  gelu: (x) => 0.5 * x * (1 + erf(x / Math.SQRT2)),
  gelu_tanh: (x) => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3))),
  quick_gelu: (x) => x * sigmoid(1.702 * x),
  silu: (x) => x * sigmoid(x),
};

t.test('activation functions are their formulas', async (t) => {
  const x = Float32Array.from({ length: 121 }, (_, i) => (i - 60) / 12);
  for (const [name, formula] of Object.entries(FUNCTIONS)) {
    const piece = new PieceBuilder(name, bare);
    piece.graph.output(piece.activate(piece.graph.input('x', 'F32', ['n']), name as ActivationFunction), 'F32', ['n'], 'y');
    const y = await run(piece, { x: { data: x, shape: [x.length] } }, [x.length]);
    const difference = farthest(y, Float32Array.from(x, formula));
    t.ok(difference < 2e-6, `${name} differs by ${difference}`);
  }
});

t.test('a fused product is split head by head', async (t) => {
  const piece = new PieceBuilder('split', bare);
  const parts = piece.splitHeads(piece.graph.input('x', 'F32', ['windows', 'tokens', 12]), 2, 2);
  piece.graph.output(piece.graph.node('Concat', parts, { axis: { int: 2 } }), 'F32', ['windows', 'tokens', 12], 'y');
  const token = (first: number): number[] => Array.from({ length: 12 }, (_, i) => first + i);
  const expected = (first: number): number[] => [0, 1, 6, 7, 2, 3, 8, 9, 4, 5, 10, 11].map((i) => first + i);
  const y = await run(piece, { x: { data: Float32Array.from([...token(0), ...token(100)]), shape: [1, 2, 12] } }, [1, 2, 12]);
  t.same([...y], [...expected(0), ...expected(100)]);
});

t.test('ALiBi is the slope times the distance to the key', async (t) => {
  const piece = new PieceBuilder('alibi', bare);
  const bias = piece.alibi(piece.graph.input('positions', 'I64', ['windows', 'tokens']), Float32Array.of(0.5, 0.25));
  piece.graph.output(bias, 'F32', [2, 'tokens', 'tokens'], 'y');
  const positions = BigInt64Array.of(0n, 1n, 2n, 0n, 1n, 2n);
  const y = await run(piece, { positions: { data: positions, shape: [2, 3] } }, [2, 3, 3]);
  const distances = [0, 1, 2, -1, 0, 1, -2, -1, 0];
  t.same([...y], [...distances.map((d) => d / 2), ...distances.map((d) => d / 4)]);
});

/** Causal attention of one head of one feature, with a window of `width` tokens, softcapped before it is masked. */
const attend = (q: readonly number[], k: readonly number[], v: readonly number[], scale: number, cap: number, width: number): number[] =>
  q.map((query, i) => {
    const seen = k.map((_, j) => j).filter((j) => j <= i && i - j < width);
    const weights = seen.map((j) => Math.exp(cap * Math.tanh((scale * query * k[j]!) / cap)));
    const total = weights.reduce((sum, weight) => sum + weight);
    return seen.reduce((sum, j, n) => sum + (weights[n]! / total) * v[j]!, 0);
  });

t.test('scores are scaled, capped and then masked', async (t) => {
  const [q, k, v] = [
    [3, -2, 1, 4],
    [5, 1, -3, 2],
    [1, 10, 100, 1000],
  ];
  for (const slidingWindow of [undefined, 2]) {
    const piece = new PieceBuilder('attention', bare);
    const inputs = ['q', 'k', 'v'].map((name) => piece.graph.input(name, 'F32', ['windows', 'tokens', 1])) as [string, string, string];
    const positions = piece.graph.input('positions', 'I64', ['windows', 'tokens']);
    const mask = piece.windowMask(positions, slidingWindow, { windowTokens: 4 });
    const heads = { query: 1, keyValue: 1, size: 1 };
    piece.graph.output(piece.attention(...inputs, heads, mask, { scale: 0.5, softcap: 2 }), 'F32', ['windows', 'tokens', 1], 'y');
    const row = (values: number[]): { data: Float32Array; shape: number[] } => ({ data: Float32Array.from(values), shape: [1, 4, 1] });
    const feeds = { q: row(q), k: row(k), v: row(v), positions: { data: BigInt64Array.of(0n, 1n, 2n, 3n), shape: [1, 4] } };
    const difference = farthest(await run(piece, feeds, [1, 4, 1]), attend(q, k, v, 0.5, 2, slidingWindow ?? 4));
    t.ok(difference < 1e-3, `a window of ${slidingWindow ?? 'all'} differs by ${difference}`);
  }
});

t.test('a window that holds every token needs no mask', async (t) => {
  const piece = new PieceBuilder('mask', bare);
  const positions = piece.graph.input('positions', 'I64', ['windows', 'tokens']);
  t.equal(piece.windowMask(positions, undefined, { windowTokens: 8 }), undefined);
  t.equal(piece.windowMask(positions, 8, { windowTokens: 8 }), undefined);
  t.type(piece.windowMask(positions, 7, { windowTokens: 8 }), 'string');
});

t.test('heads are normed one by one', async (t) => {
  const piece = new PieceBuilder('norms', bare);
  const weight = piece.onePlus(piece.graph.floats([0, 1], [2]));
  const normed = piece.headNorm(piece.graph.input('x', 'F32', ['windows', 'tokens', 4]), weight, { count: 2, size: 2 }, 1);
  piece.graph.output(normed, 'F32', ['windows', 'tokens', 4], 'y');
  const y = await run(piece, { x: { data: Float32Array.of(3, 4, -1, 1), shape: [1, 1, 4] } }, [1, 1, 4]);
  const [first, second] = [Math.sqrt(12.5 + 1), Math.sqrt(1 + 1)];
  t.ok(farthest(y, [3 / first, 8 / first, -1 / second, 2 / second]) < 1e-6, [...y].join());
});

t.test('a cap holds large values and leaves small ones', async (t) => {
  const piece = new PieceBuilder('cap', bare);
  piece.graph.output(piece.softcap(piece.graph.input('x', 'F32', ['n']), 5), 'F32', ['n'], 'y');
  const x = [-1000, -5, -0.01, 0, 0.01, 5, 1000];
  const y = await run(piece, { x: { data: Float32Array.from(x), shape: [7] } }, [7]);
  t.ok(
    farthest(
      y,
      x.map((value) => 5 * Math.tanh(value / 5)),
    ) < 1e-6,
    [...y].join(),
  );
});
