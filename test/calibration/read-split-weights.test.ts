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

t.test('the slices of a weight lie in one piece of memory', async (t) => {
  const slices = Object.entries(await readSplitWeights(piece(1, 'split'))).filter(([, { data }]) => data instanceof Int8Array);
  for (const { module, outFeatures, inFeatures } of model.linears(1)) {
    const own = slices.filter(([name]) => name.startsWith(`${module}.weight `));
    const memory = new Set(own.map(([, { data }]) => data.buffer));
    t.equal(memory.size, 1);
    t.equal([...memory][0]!.byteLength, 2 * outFeatures * inFeatures);
  }
});

t.test('what is no float matrix is refused', async (t) => {
  const [location] = piece(0, 'split').splitWeights!;
  const wrong = { ...piece(0, 'split'), splitWeights: [{ ...location!, dtype: 'I8' as const }] };
  await t.rejects(readSplitWeights(wrong), UnsupportedModelError);
});
