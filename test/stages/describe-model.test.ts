import { join } from 'node:path';
import t from 'tap';
import type { MatrixShape } from '../../src/planning/index.js';
import { describeModel } from '../../src/stages/describe-model.js';
import { openSourceModel, planCorrection, STOCK_SETTINGS } from '../../src/stages/index.js';
import { writeTinyMixture } from '../integration/tiny-mixture.js';
import { makeTinyModel } from '../integration/tiny-model.js';

const place = t.testdir();
const valuesIn = (matrices: readonly MatrixShape[]): number =>
  matrices.reduce((sum, { copies, outFeatures, inFeatures }) => sum + copies * outFeatures * inFeatures, 0);

t.test('alike blocks are one kind, with every value of the checkpoint accounted for', async (t) => {
  const source = await openSourceModel(await makeTinyModel(join(place, 'llama')));
  const shape = describeModel(source, await planCorrection(source, STOCK_SETTINGS), true);
  t.equal(shape.blocks.length, 1);
  const [block] = shape.blocks;
  t.match(block, { kind: 'dense', blocks: [0, 1, 2] });
  t.same(
    block!.matrices.map(({ name }) => name),
    ['q_proj', 'k_proj', 'v_proj', 'o_proj', 'gate_proj', 'up_proj', 'down_proj'],
  );
  t.equal(block!.heads, source.checkpoint.config['num_attention_heads']);
  const stored = [...source.checkpoint.tensors.values()].reduce((sum, { length }) => sum + length, 0);
  t.equal(
    3 * 2 * (valuesIn(block!.matrices) + block!.otherValues) + 2 * (source.model.vocabularySize + 1) * source.model.hiddenSize,
    stored,
    'bf16 blocks, embedding, norm',
  );
  t.equal(shape.plainBytes + 3 * 2 * valuesIn(block!.matrices), stored);
  t.equal(shape.experts, undefined);
});

t.test('a G is kept where an initializer can do with one', async (t) => {
  const source = await openSourceModel(await makeTinyModel(join(place, 'llama')));
  const plan = await planCorrection(source, STOCK_SETTINGS);
  const kinds = (acceptsG: boolean): unknown =>
    describeModel(source, plan, acceptsG).blocks[0]!.sums.map(({ input, kind }) => [input, kind]);
  const inputs = ['attention_input', 'attention_output', 'mlp_input', 'mlp_hidden'];
  t.same(
    kinds(true),
    inputs.map((input, i) => [input, 'HGHG'[i]]),
    'o and down narrow',
  );
  t.same(
    kinds(false),
    inputs.map((input) => [input, 'H']),
  );
});

t.test('modules that are not corrected have no sum of their own', async (t) => {
  const source = await openSourceModel(await makeTinyModel(join(place, 'llama')));
  const [block] = describeModel(source, await planCorrection(source, { ...STOCK_SETTINGS, modules: ['q_proj'] }), true).blocks;
  t.same(
    block!.sums.map(({ input }) => input),
    ['attention_input'],
  );
  t.same(
    block!.matrices.filter(({ corrected }) => corrected).map(({ name }) => name),
    ['q_proj'],
  );
});

t.test('experts are one matrix with copies, named with stars', async (t) => {
  const directory = join(place, 'mixture');
  await writeTinyMixture(directory);
  const source = await openSourceModel(directory);
  const left = describeModel(source, await planCorrection(source, STOCK_SETTINGS), true);
  t.match(left.experts, { names: ['w1', 'w3', 'w2'].map((name) => `model.layers.*.block_sparse_moe.experts.*.${name}`), corrected: false });
  t.same(
    left.blocks[0]!.sums.map(({ copies }) => copies),
    [1, 1],
  );
  t.equal(left.blocks[0]!.kind, 'mixture');
  t.match(
    left.blocks[0]!.matrices.find(({ name }) => name === 'w1'),
    { copies: 5, tokenShare: 2 / 5, quantized: false, corrected: false },
  );

  const { blocks } = describeModel(source, await planCorrection(source, { ...STOCK_SETTINGS, experts: true }), true);
  const routed = blocks[0]!.sums.slice(2);
  t.same(
    routed.map(({ input, kind, copies, heldOut }) => [input, kind, copies, heldOut]),
    [
      ['expert_input', 'H', 5, true],
      ['expert_hidden', 'G', 5, true],
      ['expert_hidden', 'H', 1, false],
    ],
  );
});
