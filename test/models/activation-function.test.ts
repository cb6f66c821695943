import t from 'tap';
import { readActivationFunction, type ActivationFunction } from '../../src/models/activation-function.js';
import { readConfig } from '../../src/models/config-reader.js';

const read = (config: Record<string, unknown>): ActivationFunction => readActivationFunction(readConfig(config), 'hidden_act', 'relu');

t.test('names of one function are read as one', async (t) => {
  const names = { relu: ['relu'], gelu: ['gelu', 'gelu_python'], quick_gelu: ['quick_gelu'], silu: ['silu', 'swish'] };
  for (const [activation, spelled] of Object.entries({
    ...names,
    gelu_tanh: ['gelu_new', 'gelu_fast', 'gelu_accurate', 'gelu_pytorch_tanh', 'gelu_python_tanh'],
  }))
    for (const name of spelled) t.equal(read({ hidden_act: name }), activation, name);
  t.equal(read({}), 'relu', 'the default');
});

t.test('another name is refused', async (t) => {
  t.throws(() => read({ hidden_act: 'mish' }), { code: 'QL_MODEL_UNSUPPORTED', message: /hidden_act "mish".*gelu_new/ });
  t.throws(() => read({ hidden_act: 'toString' }), { code: 'QL_MODEL_UNSUPPORTED' });
});
