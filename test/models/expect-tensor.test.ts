import t from 'tap';
import type { Checkpoint, TensorLocation } from '../../src/checkpoint/index.js';
import type { DType } from '../../src/foundation/index.js';
import { openModel } from '../../src/models/index.js';
import { expectTensor } from '../../src/models/expect-tensor.js';
import { openFixture } from '../models/golden-run.js';

const withTensors = (checkpoint: Checkpoint, change: (tensors: Map<string, TensorLocation>) => void): Checkpoint => {
  const tensors = new Map(checkpoint.tensors);
  change(tensors);
  return { ...checkpoint, tensors };
};

const checkpoint = await openFixture('llama-biases');
const name = 'model.layers.1.mlp.down_proj.weight';
const refused = (message: RegExp): { name: string; code: string; message: RegExp } => ({
  name: 'MalformedConfigError',
  code: 'QL_CONFIG',
  message,
});

t.test('a tensor is found, or what is wrong with it is said', async (t) => {
  t.equal(expectTensor(checkpoint, name, [32, 56]), checkpoint.tensors.get(name));
  t.throws(() => expectTensor(checkpoint, 'absent', [2, 3]), refused(/"absent".*\[2, 3\]/));
  t.throws(() => expectTensor(checkpoint, name, [56, 32]), refused(/\[32, 56\].*\[56, 32\]/));
  const typed = (dtype: DType): Checkpoint => withTensors(checkpoint, (tensors) => tensors.set(name, { ...tensors.get(name)!, dtype }));
  t.throws(() => expectTensor(typed('I8'), name, [32, 56]), refused(/stored as I8/));
});

t.test('a family that is not known lists those that are', async (t) => {
  for (const model_type of ['mamba', undefined])
    t.throws(() => openModel({ ...checkpoint, config: { ...checkpoint.config, model_type } }), {
      code: 'QL_MODEL_UNSUPPORTED',
      message: /llama, mistral/,
    });
});
