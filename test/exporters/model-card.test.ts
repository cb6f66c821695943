import t from 'tap';
import { modelCard, type ModelCardOptions } from '../../src/exporters/index.js';
import { int8, nf4 } from '../../src/quantizers/index.js';

const options: ModelCardOptions = {
  baseModelName: 'org/model',
  quantizer: 'nf4',
  initializer: 'exact',
  dtype: 'BF16',
  quantizationConfig: nf4.quantizationConfig('BF16', ['lm_head']),
  targetModules: ['q_proj', 'v_proj'],
  writtenBase: false,
  requantized: false,
  part: 'whole',
  rank: 64,
  alpha: 16,
  useRslora: false,
};

t.test('without a base it states the exact quantization and dtype', async (t) => {
  const card = modelCard(options);
  t.match(card, /^---\nbase_model: "org\/model"\nlibrary_name: peft\n/);
  for (const line of [
    'load_in_4bit=True,',
    'bnb_4bit_quant_type="nf4",',
    'bnb_4bit_use_double_quant=True,',
    'bnb_4bit_compute_dtype=torch.bfloat16,',
    'AutoModelForCausalLM.from_pretrained("org/model", quantization_config=quantization, dtype=torch.bfloat16)',
    'PeftModel.from_pretrained(model, "adapter", is_trainable=True)',
  ])
    t.match(card, line);
  t.notMatch(card, 'from_pretrained("base"');
});

t.test('8 bits and other dtypes are stated as they are', async (t) => {
  const card = modelCard({ ...options, dtype: 'F16', quantizer: 'int8', quantizationConfig: int8.quantizationConfig('F16', ['lm_head']) });
  t.match(card, 'BitsAndBytesConfig(load_in_8bit=True)');
  t.match(card, 'dtype=torch.float16)');
  t.match(modelCard({ ...options, dtype: 'F32' }), 'bnb_4bit_compute_dtype=torch.float32,');
});

t.test('a Q of its own is only offered as the written base', async (t) => {
  const card = modelCard({ ...options, writtenBase: true, requantized: true });
  t.match(card, 'from_pretrained("base", dtype=torch.bfloat16)');
  t.notMatch(card, 'BitsAndBytesConfig');
  t.match(modelCard({ ...options, requantized: true }), 'were not written');
});

t.test('the baseline does not claim a correction', async (t) => {
  t.notMatch(modelCard({ ...options, initializer: 'zero' }), 'cancel as much');
});

t.test('a mixture model is told what happened to its experts', async (t) => {
  t.notMatch(modelCard(options), '## Experts');
  const plain = modelCard({ ...options, experts: { share: 0.945, corrected: false, unadaptable: 0 } });
  t.match(plain, 'The routed experts, 94.5 % of the weights, stay in full precision');
  t.notMatch(plain, /`experts`|not corrected/);
  const corrected = modelCard({ ...options, experts: { share: 0.9, corrected: true, unadaptable: 3 } });
  t.match(corrected, 'lie in `experts` beside this directory; stock peft can not load those.');
  t.match(corrected, '3 linear layers of dense blocks are quantized and not corrected');
});
