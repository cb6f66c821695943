import { join } from 'node:path';
import t from 'tap';
import { planSegments } from '../../src/calibration/index.js';
import { readTensor } from '../../src/checkpoint/index.js';
import { score } from '../../src/evaluation/score.task.js';
import { matrix, random, toFloat32, transposed } from '../../src/foundation/index.js';
import { openModel } from '../../src/models/index.js';
import { liveSessions, ortMatrixEngine, type WorkerContext } from '../../src/runtime/index.js';
import { writeHiddenStates } from '../../src/transport/index.js';
import { naiveProduct, normalMatrix } from '../linalg/naive-engine.js';
import { farthest, openFixture } from '../models/golden-run.js';

const checkpoint = await openFixture('llama-biases');
const model = openModel(checkpoint);
const { hiddenSize, vocabularySize } = model;
const engine = ortMatrixEngine();
const context: WorkerContext = {
  linalg: engine,
  threads: 1,
  throwIfStopped: () => undefined,
  stay: () => undefined,
  makeRoom: async () => undefined,
};
t.teardown(() => engine.close());

const read = async (name: string): Promise<Float32Array> => {
  const location = checkpoint.tensors.get(name)!;
  return toFloat32(await readTensor(location), location.dtype);
};

/** log-softmax(W · norm(h)) of the next token, by the definition in float64. */
const naiveScores = async (hidden: Float32Array, ids: Int32Array, lengths: readonly number[]): Promise<number[]> => {
  const norm = await read('model.norm.weight');
  const head = matrix(vocabularySize, hiddenSize, await read('lm_head.weight'));
  const normed = matrix(ids.length, hiddenSize);
  for (let i = 0; i < ids.length; i++) {
    const row = hidden.subarray(i * hiddenSize, (i + 1) * hiddenSize);
    const scale = 1 / Math.sqrt(row.reduce((sum, x) => sum + x * x, 0) / hiddenSize + 1e-2);
    row.forEach((x, j) => normed.set(i, j, x * scale * norm[j]!));
  }
  const logits = naiveProduct(normed, transposed(head));
  const scores: number[] = [];
  let begin = 0;
  for (const length of lengths) {
    for (let i = begin; i < begin + length - 1; i++) {
      const row = Array.from({ length: vocabularySize }, (_, j) => logits.get(i, j));
      scores.push(row[ids[i + 1]!]! - Math.log(row.reduce((sum, x) => sum + Math.exp(x), 0)));
    }
    begin += length;
  }
  return scores;
};

const lengths = [5, 1, 7, 7, 2];
const tokens = 22;
const segment = planSegments(lengths, 'calibration', { runTokens: 14, segmentTokens: 1e9 })[0]!;
const stream = random(3);
const ids = Int32Array.from({ length: tokens }, () => stream.below(vocabularySize));
const hidden = normalMatrix(tokens, hiddenSize, 8).data;

t.test('every token but the first of a window is scored by the definition', async (t) => {
  const piece = model.head();
  const argument = { piece, hiddenSize, vocabularySize, segment, hidden: { values: hidden }, ids };
  const { value } = await score(argument, context);
  const expected = await naiveScores(hidden, ids, lengths);
  t.equal(value.length, tokens - lengths.length);
  t.ok(farthest(value, expected) < 1e-4);

  const file = join(t.testdir(), 'hidden.arrow');
  await writeHiddenStates(file, hidden, hiddenSize, {});
  t.same((await score({ ...argument, hidden: { file } }, context)).value, value, 'also out of a file');

  const narrow = await score({ ...argument, vocabularySize: 6 * 1024 * 1024 }, context);
  t.ok(farthest(narrow.value, expected) < 1e-4, 'also a few rows at once, where the vocabulary is huge');
});

t.test('a worker holds one head, that of the model it is asked for', async (t) => {
  const live = liveSessions();
  const other = openModel(await openFixture('llama-grouped-tied'));
  const argument = { hiddenSize: other.hiddenSize, vocabularySize: other.vocabularySize, segment, hidden: { values: hidden }, ids };
  const { value } = await score({ ...argument, piece: other.head() }, context);
  t.equal(liveSessions(), live);
  t.ok(farthest(value, await naiveScores(hidden, ids, lengths)) > 0.1, 'not that of the model before');
});
