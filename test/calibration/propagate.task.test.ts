import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { planSegments, unpackSymmetric, type HiddenStates, type SummedInput } from '../../src/calibration/index.js';
import { embed } from '../../src/calibration/embed.task.js';
import { propagate, type PropagateArgument, type PropagateResult } from '../../src/calibration/propagate.task.js';
import { matrix, rowMajor, transposed, type Matrix } from '../../src/foundation/index.js';
import { openModel } from '../../src/models/index.js';
import { liveSessions, ortMatrixEngine, type WorkerContext } from '../../src/runtime/index.js';
import { chunkValues, decodeActivationChunk, readHiddenStates } from '../../src/transport/index.js';
import { distance, naiveProduct, normalMatrix } from '../linalg/naive-engine.js';
import { farthest, openFixture, readGolden } from '../models/golden-run.js';
import type { Seen } from './tap-consumers.js';

const FIXTURE = 'llama-grouped-tied';
const checkpoint = await openFixture(FIXTURE);
const golden = await readGolden(FIXTURE);
const model = openModel(checkpoint);
const engine = ortMatrixEngine();
const context: WorkerContext = {
  linalg: engine,
  threads: 1,
  throwIfStopped: () => undefined,
  stay: () => undefined,
  makeRoom: async () => undefined,
};
t.teardown(() => engine.close());

const CONSUMERS = new URL('./tap-consumers.js', import.meta.url).href;

// Two windows of 32 in two runs of one segment.
const segment = planSegments([32, 32], 'calibration', { runTokens: 32, segmentTokens: 64 })[0]!;
const ids = Int32Array.from(golden.windows.flatMap((window) => [...window]));
const inputs = model.inputs(0);
const H = inputs.map(({ name, width }): SummedInput => ({ input: name, width, residual: undefined }));

const embedding = { embedding: model.embedding, entry: undefined, hiddenSize: model.hiddenSize };
const embedded = async (spillTo?: string): Promise<HiddenStates> =>
  (await embed({ ...embedding, segment, ids: ids.slice(), spillTo }, context)).value;

let keys = 0;
const pass = async (changes: Partial<PropagateArgument> = {}): Promise<PropagateResult> => {
  const piece = model.block(0, { windowTokens: 32, linear: 'stored', activations: true });
  const argument: PropagateArgument = {
    ...{ key: `test ${keys++}`, piece, block: 0, hiddenSize: model.hiddenSize, segment, hidden: await embedded(), spillTo: undefined },
    ...{ inputs, sums: H, listenTo: [], consumers: [], form: 'stored', fed: [] },
    ...changes,
  };
  return (await propagate(argument, context)).value;
};

const activationsOf = ({ chunks }: PropagateResult, input: string): Matrix => {
  const values = chunks
    .map(decodeActivationChunk)
    .filter((chunk) => chunk.input === input)
    .flatMap((chunk) => [...chunkValues(chunk)]);
  return matrix(64, values.length / 64, Float32Array.from(values));
};

t.test('block and sums equal what transformers computed', async (t) => {
  const result = await pass();
  const expected = await golden.values('block.0');
  t.ok('values' in result.hidden && farthest(result.hidden.values, expected) <= 1e-4 * Math.max(...expected.map(Math.abs)));
  const layers = {
    attention_input: 'self_attn.q_proj',
    attention_output: 'self_attn.o_proj',
    mlp_input: 'mlp.gate_proj',
    mlp_hidden: 'mlp.down_proj',
  };
  for (const [i, { name, width }] of inputs.entries()) {
    const sum = unpackSymmetric(width, result.sums[i]!);
    const reference = matrix(width, width, await golden.values(`H.model.layers.0.${layers[name as keyof typeof layers]}`));
    t.ok(distance(sum, reference) < 1e-5, name);
  }
  t.ok(result.activationBytes >= 4 * 64 * 32 + 4 * 32 * (32 + 40 + 32 + 40));
});

t.test('chunks that are listened to have the very sums that are folded', async (t) => {
  const result = await pass({ listenTo: inputs.map(({ name }) => name) });
  t.same(
    result.chunks.map(decodeActivationChunk).map(({ sequence, input, split, block }) => [sequence, input, split, block]),
    [0, 1].flatMap((sequence) => inputs.map(({ name }) => [sequence, name, 'calibration', 0])),
    'in sequence order',
  );
  const windows = decodeActivationChunk(result.chunks.at(-1)!).batch.getChild('window') as Iterable<number>;
  t.same(new Set(windows), new Set([1]), 'tokens know their window');
  for (const [i, { name, width }] of inputs.entries()) {
    const X = activationsOf(result, name);
    t.ok(distance(unpackSymmetric(width, result.sums[i]!), naiveProduct(transposed(X), X)) < 1e-6, name);
  }
  t.equal((await pass({ listenTo: ['mlp_input'] })).chunks.length, 2, 'only what is listened to');
});

t.test('a G equals E H Eᵀ', async (t) => {
  const E = normalMatrix(32, 40, 5);
  const shared = new Float32Array(new SharedArrayBuffer(4 * 32 * 40));
  shared.set(rowMajor(E));
  const sums = [...H, { input: 'mlp_hidden', width: 40, residual: { E: shared, rows: 32 } }];
  const result = await pass({ sums });
  const full = unpackSymmetric(40, result.sums[3]!);
  t.ok(distance(unpackSymmetric(32, result.sums[4]!), naiveProduct(naiveProduct(E, full), transposed(E))) < 1e-5);
});

t.test('consumers see every chunk in the worker', async (t) => {
  const result = await pass({ consumers: [{ url: CONSUMERS, name: 'watching' }], listenTo: inputs.map(({ name }) => name) });
  const [seen] = result.consumed as [Seen];
  t.match(seen, { sequences: [0, 1], tokens: 64 });
  for (const { name } of inputs) t.equal(seen.peaks[name], Math.max(...rowMajor(activationsOf(result, name)).map(Math.abs)), name);
});

t.test('hidden states through files are the same, bit for bit', async (t) => {
  const directory = t.testdir();
  const kept = await pass();
  const hidden = await embedded(join(directory, 'even.arrow'));
  t.same(hidden, { file: join(directory, 'even.arrow') });
  const spilled = await pass({ hidden, spillTo: join(directory, 'odd.arrow') });
  t.same(spilled.hidden, { file: join(directory, 'odd.arrow') });
  t.ok('values' in kept.hidden);
  t.same(await readHiddenStates(join(directory, 'odd.arrow')), 'values' in kept.hidden && kept.hidden.values);
  t.same(spilled.sums, kept.sums);
  t.same((await readdir(directory)).sort(), ['even.arrow', 'odd.arrow']);
});

t.test('a worker keeps its piece until another key comes', async (t) => {
  const first = await pass({ key: 'kept' });
  const live = liveSessions();
  const again = await pass({ key: 'kept' });
  t.equal(liveSessions(), live);
  t.same(again.sums, first.sums, 'its sums begin anew');
  await pass({ key: 'another', sums: H.slice(0, 1) });
  t.equal(liveSessions(), live - 1, 'what the last key held was released');
});

t.test('a failure releases everything and leaves no half sum behind', async (t) => {
  const clean = await pass({ key: 'clean' });
  const live = liveSessions();
  await t.rejects(pass({ key: 'clean', consumers: [{ url: CONSUMERS, name: 'failingAtOne' }] }), new RangeError('chunk 1'));
  t.equal(liveSessions(), live - 3, 'the block and the graphs of its four sums, of two widths');
  t.same((await pass({ key: 'clean' })).sums, clean.sums);
  const layer = model.linears(0)[0]!;
  const location = { ...checkpoint.tensors.get(`${layer.module}.weight`)!, file: '/nowhere' };
  const fed = [{ layer, dtype: 'BF16', weight: { kind: 'stored', location, quantizer: undefined }, lora: undefined }] as const;
  await t.rejects(pass({ form: 'fed', fed }), { code: 'QL_SHARD_READ' });
  t.equal(liveSessions(), live - 3, 'also when the weights can not be read');
});
