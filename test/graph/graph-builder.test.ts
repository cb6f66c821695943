import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { fromFloat32 } from '../../src/foundation/index.js';
import { GraphBuilder } from '../../src/graph/index.js';
import { Session, type SessionTensor } from '../../src/runtime/index.js';

/** Loads and runs a graph with one output `y`. */
const run = async (
  graph: GraphBuilder,
  feeds: Record<string, SessionTensor>,
  y: SessionTensor,
  externalFolder?: string,
): Promise<number[]> => {
  const session = await Session.open('a test', graph.serialize(), externalFolder === undefined ? {} : { externalFolder });
  try {
    await session.run(feeds, { y });
  } finally {
    await session.release();
  }
  return [...y.data].map(Number);
};

const x = (): SessionTensor => ({ data: Float32Array.of(1, -2, 3, 4, -5, 6), shape: [2, 3] });

t.test('every kind of attribute is read as what it is', async (t) => {
  const float = new GraphBuilder('float');
  float.output(float.node('LeakyRelu', [float.input('x', 'F32', ['rows', 3])], { alpha: { float: 0.5 } }), 'F32', ['rows', 3], 'y');
  t.same(await run(float, { x: x() }, { data: new Float32Array(6), shape: [2, 3] }), [1, -1, 3, 4, -2.5, 6]);

  for (const axis of [0, -1]) {
    const int = new GraphBuilder('int');
    int.output(int.node('Softmax', [int.input('x', 'F32', [2, 3])], { axis: { int: axis } }), 'F32', [2, 3], 'y');
    const y = await run(int, { x: x() }, { data: new Float32Array(6), shape: [2, 3] });
    const sum = axis === 0 ? y[0]! + y[3]! : y[0]! + y[1]! + y[2]!;
    t.ok(Math.abs(sum - 1) < 1e-6, `axis ${axis}`);
  }

  const ints = new GraphBuilder('ints');
  ints.output(ints.node('Transpose', [ints.input('x', 'F32', [2, 3])], { perm: { ints: [1, 0] } }), 'F32', [3, 2], 'y');
  t.same(await run(ints, { x: x() }, { data: new Float32Array(6), shape: [3, 2] }), [1, 4, -2, -5, 3, 6]);

  const text = new GraphBuilder('text');
  const inputs = [text.input('x', 'F32', [2, 3]), text.integers([0, 0, 0, 1]), text.floats([7], [])];
  text.output(text.node('Pad', inputs, { mode: { text: 'constant' } }), 'F32', [2, 4], 'y');
  t.same(await run(text, { x: x() }, { data: new Float32Array(8), shape: [2, 4] }), [1, -2, 3, 7, 4, -5, 6, 7]);
});

t.test('constants of every kind', async (t) => {
  const graph = new GraphBuilder('constants');
  const half = graph.node('Cast', [graph.embedded('F16', [3], fromFloat32(Float32Array.of(0.5, 1, 2), 'F16'))], { to: { int: 1 } });
  const view = new Float32Array([9, 10, 20, 30, 9]).subarray(1, 4);
  const sum = graph.node('Add', [graph.node('Mul', [graph.input('x', 'F32', [2, 3]), half]), graph.floats(view, [3])]);
  graph.output(sum, 'F32', [2, 3], 'y');
  t.same(await run(graph, { x: x() }, { data: new Float32Array(6), shape: [2, 3] }), [10.5, 18, 36, 12, 15, 42]);

  const large = new GraphBuilder('integers');
  large.output(large.node('Add', [large.input('x', 'I64', [2]), large.integers([2 ** 40, -3])]), 'I64', [2], 'y');
  t.same(await run(large, { x: { data: BigInt64Array.of(1n, 1n), shape: [2] } }, { data: new BigInt64Array(2), shape: [2] }), [
    2 ** 40 + 1,
    -2,
  ]);
});

t.test('inputs can be left out, nodes can have several outputs, dimensions can be named', async (t) => {
  const graph = new GraphBuilder('several');
  const [first, second] = graph.nodeWithOutputs('Split', [graph.input('x', 'F32', ['rows', 6])], 2, {
    axis: { int: 1 },
    num_outputs: { int: 2 },
  });
  const clipped = graph.node('Clip', [first, undefined, graph.floats([2], [])]);
  graph.output(graph.node('Sub', [clipped, second!]), 'F32', ['rows', 3], 'y');
  for (const rows of [1, 2]) {
    const data = Float32Array.from({ length: 6 * rows }, (_, i) => i % 6);
    const y = await run(graph, { x: { data, shape: [rows, 6] } }, { data: new Float32Array(3 * rows), shape: [rows, 3] });
    t.same(y.slice(-3), [-3, -3, -3]);
  }
});

t.test('bytes of a constant stay in a file', async (t) => {
  const directory = t.testdir();
  const weights = fromFloat32(Float32Array.of(9, 1, 2, 3, 9), 'BF16');
  await writeFile(join(directory, 'weights.bin'), weights);
  const graph = new GraphBuilder('external');
  const external = graph.external('w', 'BF16', [3], { file: 'weights.bin', offset: 2, length: 6 });
  graph.output(
    graph.node('Add', [graph.input('x', 'F32', [2, 3]), graph.node('Cast', [external], { to: { int: 1 } })]),
    'F32',
    [2, 3],
    'y',
  );
  t.same(await run(graph, { x: x() }, { data: new Float32Array(6), shape: [2, 3] }, directory), [2, 0, 6, 5, -3, 9]);
});
