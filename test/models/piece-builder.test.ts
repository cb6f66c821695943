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
