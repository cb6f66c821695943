import t from 'tap';
import { GraphBuilder } from '../../src/graph/index.js';
import { liveSessions, RuntimeError, Session } from '../../src/runtime/index.js';

const doubling = (): Uint8Array => {
  const graph = new GraphBuilder('doubling');
  const x = graph.input('x', 'F32', ['n']);
  graph.output(graph.node('Add', [x, x]), 'F32', ['n'], 'y');
  return graph.serialize();
};

t.test('a session runs, in place too, until it is released', async (t) => {
  const before = liveSessions();
  const session = await Session.open('doubling', doubling());
  t.equal(liveSessions(), before + 1);
  const data = Float32Array.of(1, 2, 3);
  const y = new Float32Array(3);
  await session.run({ x: { data, shape: [3] } }, { y: { data: y, shape: [3] } });
  t.same([...y], [2, 4, 6]);
  await session.run({ x: { data, shape: [3] } }, { y: { data, shape: [3] } });
  t.same([...data], [2, 4, 6], 'the output may be the input');
  await session.release();
  t.equal(liveSessions(), before);
});

t.test('a graph that ONNX Runtime refuses', async (t) => {
  const before = liveSessions();
  const unknown = new GraphBuilder('unknown');
  unknown.output(unknown.node('NoSuchOperator', [unknown.input('x', 'F32', [1])]), 'F32', [1], 'y');
  const error: unknown = await Session.open('block 3', unknown.serialize()).catch((error: unknown) => error);
  t.ok(error instanceof RuntimeError);
  t.match(error, { code: 'QL_RUNTIME', retryable: false, message: /block 3.*NoSuchOperator/s });
  await t.rejects(Session.open('noise', new Uint8Array(50).fill(200)), { code: 'QL_RUNTIME', message: 'noise' });
  t.equal(liveSessions(), before);
});

t.test('a run that ONNX Runtime refuses names the graph and leaves the session usable', async (t) => {
  const session = await Session.open('doubling', doubling());
  const x = { data: Float32Array.of(1), shape: [1] };
  const y = { data: new Float32Array(1), shape: [1] };
  await t.rejects(session.run({}, { y }), { code: 'QL_RUNTIME', message: /running doubling/ });
  await t.rejects(session.run({ x: { data: Int32Array.of(1), shape: [1] } }, { y }), { code: 'QL_RUNTIME' });
  await t.rejects(session.run({ x }, { z: y }), { code: 'QL_RUNTIME', message: /doubling has no output z; it has y/ });
  await t.rejects(session.run({ x }, { y: { data: new Float32Array(2), shape: [2] } }), { code: 'QL_RUNTIME' });
  await session.run({ x }, { y });
  t.equal(y.data[0], 2);
  await session.release();
});

t.test('a weight file that is not there is named', async (t) => {
  const graph = new GraphBuilder('external');
  const w = graph.external('w', 'F32', [1], { file: 'absent.bin', offset: 0, length: 4 });
  graph.output(graph.node('Add', [graph.input('x', 'F32', [1]), w]), 'F32', [1], 'y');
  await t.rejects(Session.open('external', graph.serialize(), { externalFolder: t.testdir() }), {
    code: 'QL_RUNTIME',
    message: /absent\.bin/,
  });
});
