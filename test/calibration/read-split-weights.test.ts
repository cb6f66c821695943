import t from 'tap';
import { readSplitWeights } from '../../src/calibration/read-split-weights.js';
import { openModel, UnsupportedModelError } from '../../src/models/index.js';
import { openFixture } from '../models/golden-run.js';

const model = openModel(await openFixture('llama-grouped-tied'));
const piece = (block: number, linear: 'stored' | 'split') => model.block(block, { windowTokens: 8, linear, activations: false });

t.test('slices of every linear layer, and none where nothing is split', async (t) => {
  const names = Object.keys(await readSplitWeights(piece(0, 'split')));
  t.same(
    names,
    model.linears(0).flatMap(({ module }) => ['coarse', 'fine', 'scale'].map((part) => `${module}.weight ${part} 0`)),
  );
  t.same(await readSplitWeights(piece(0, 'stored')), {});
});

t.test('the next block takes over the memory of the last, and holds its own values', async (t) => {
  const fresh = await readSplitWeights(piece(1, 'split'));
  const before = await readSplitWeights(piece(0, 'split'));
  const after = await readSplitWeights(piece(1, 'split'), before);
  t.same(after, fresh);
  const memory = new Set(Object.values(before).map(({ data }) => data));
  t.ok(Object.values(after).every(({ data }) => data instanceof Float32Array || memory.has(data)));
});

t.test('what is no float matrix is refused', async (t) => {
  const [location] = piece(0, 'split').splitWeights!;
  const wrong = { ...piece(0, 'split'), splitWeights: [{ ...location!, dtype: 'I8' as const }] };
  await t.rejects(readSplitWeights(wrong), UnsupportedModelError);
});
