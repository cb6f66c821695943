import t from 'tap';
import { requireTensor, type TensorLocation } from '../../src/checkpoint/index.js';

const located = (name: string, shape: readonly number[]): [string, TensorLocation] => [
  name,
  { name, dtype: 'BF16', shape, file: '/x', offset: 0, length: 0 },
];
const checkpoint = {
  tensors: new Map([
    located('model.embed_tokens.weight', [100, 8]),
    located('model.layers.0.mlp.up_proj.weight', [16, 8]),
    located('model.norm.weight', [8]),
  ]),
};

t.test('finds a tensor of the shape asked for', async (t) => {
  t.equal(requireTensor(checkpoint, 'model.norm.weight').name, 'model.norm.weight');
  t.equal(requireTensor(checkpoint, 'model.norm.weight', [8]).name, 'model.norm.weight');
});

t.test('a missing tensor is named with its nearest names, nearest first', async (t) => {
  t.throws(() => requireTensor(checkpoint, 'model.layers.0.mlp.upproj.weight'), {
    code: 'QL_TENSOR_MISSING',
    message: /no tensor "model\.layers\.0\.mlp\.upproj\.weight".* 3 names: "model\.layers\.0\.mlp\.up_proj\.weight", /,
  });
  t.throws(() => requireTensor({ tensors: new Map() }, 'a'), { code: 'QL_TENSOR_MISSING', message: /no tensor at all/ });
});

t.test('another shape is an error with both', async (t) => {
  for (const shape of [[8, 100], [100], [100, 8, 1], []])
    t.throws(() => requireTensor(checkpoint, 'model.embed_tokens.weight', shape), {
      code: 'QL_TENSOR_SHAPE',
      message: `"model.embed_tokens.weight" has shape [100, 8], but config.json asks for [${shape.join(', ')}]. Check that config.json belongs to these weights.`,
    });
});
