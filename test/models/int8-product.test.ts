import t from 'tap';
import { GraphBuilder } from '../../src/graph/index.js';
import type { LinearLayer } from '../../src/models/index.js';
import { int8Product } from '../../src/models/int8-product.js';
import { Session } from '../../src/runtime/index.js';
import { farthest } from './golden-run.js';

const layer: LinearLayer = { module: 'm', outFeatures: 2, inFeatures: 3, bias: false, input: 'x' };
const CODES = [127, -50, 3, 20, 127, -64];
const SCALE = [0.5, 2];

/** Runs the product over one window of tokens with three features. */
const product = async (x: readonly number[]): Promise<Float32Array> => {
  const graph = new GraphBuilder('int8');
  const input = graph.input('x', 'F32', ['windows', 'tokens', 3]);
  graph.output(int8Product(graph, input, layer), 'F32', ['windows', 'tokens', 2], 'y');
  const tokens = x.length / 3;
  const y = new Float32Array(2 * tokens);
  const session = await Session.open('int8', graph.serialize());
  await session.run(
    {
      x: { data: Float32Array.from(x), shape: [1, tokens, 3] },
      'm.weight': { data: Float32Array.from(CODES), shape: [2, 3] },
      'm.scale': { data: Float32Array.from(SCALE), shape: [2] },
    },
    { y: { data: y, shape: [1, tokens, 2] } },
  );
  await session.release();
  return y;
};

const near = (y: Float32Array, expected: readonly number[]): boolean => farthest(y, expected) < 1e-5;

/** Σ over features of activation · code, times the scale of the output. */
const weigh = (x: readonly number[]): number[] =>
  SCALE.map((scale, row) => scale * x.reduce((sum, value, i) => sum + value * CODES[3 * row + i]!, 0));

t.test('each token is rounded to 127 steps of its own largest activation', async (t) => {
  const steps = (x: readonly number[], peak: number): number[] => x.map((value) => Math.round((value * 127) / peak));
  const [first, second] = [
    [1, 0.5, -0.25],
    [-4, 0.03125, 2],
  ];
  const expected = [
    ...weigh(steps(first, 1)).map((sum) => (sum * 1) / 127 ** 2),
    ...weigh(steps(second, 4)).map((sum) => (sum * 4) / 127 ** 2),
  ];
  t.ok(near(await product([...first, ...second]), expected));
});

t.test('a column with an activation of 6 or more is multiplied unrounded, for every token of the run', async (t) => {
  const [first, second] = [
    [1, 6, -0.25],
    [0.25, 0.0390625, 1],
  ];
  const apart = (x: readonly number[]): number[] => weigh([0, x[1]!, 0]).map((sum) => sum / 127);
  const inner = (x: readonly number[]): number[] =>
    weigh([x[0]!, 0, x[2]!].map((value) => Math.round(value * 127))).map((sum) => sum / 127 ** 2);
  const expected = [first, second].flatMap((x) => apart(x).map((value, i) => value + inner(x)[i]!));
  const y = await product([...first, ...second]);
  t.ok(near(y, expected));
  const ordinary = await product([1, 5.9, -0.25, ...second]);
  t.ok(farthest(ordinary.subarray(2), expected.slice(2)) > 1e-4, 'below 6 the column is rounded with the others');
});

t.test('a token of zeros gives zeros', async (t) => {
  t.same([...(await product([0, 0, 0]))], [0, 0]);
});
