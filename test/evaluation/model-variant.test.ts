import t from 'tap';
import type { Checkpoint, TensorLocation } from '../../src/checkpoint/index.js';
import { fullPrecision, quantizedOnTheWay, storedQuantized, withAdapter, type PeftAdapter } from '../../src/evaluation/index.js';
import { openModel } from '../../src/models/index.js';
import { QUANTIZERS } from '../../src/quantizers/index.js';
import { openFixture } from '../models/golden-run.js';

const checkpoint = await openFixture('llama-grouped-tied');
const model = openModel(checkpoint);
const quantized = (settings: unknown, more: Record<string, unknown> = {}): Checkpoint => ({
  ...checkpoint,
  config: { ...checkpoint.config, quantization_config: settings, ...more },
});
const nf4 = { quant_method: 'bitsandbytes', load_in_4bit: true, bnb_4bit_quant_type: 'nf4' };
const int8 = { quant_method: 'bitsandbytes', load_in_8bit: true };

t.test('full precision feeds nothing', async (t) => {
  t.match(fullPrecision(), { form: 'stored' });
  t.same(fullPrecision().fed(0), []);
});

t.test('a quantization on the way is fed every layer of the block', async (t) => {
  const variant = quantizedOnTheWay(checkpoint, model, QUANTIZERS.nf4, 'fed', 'NF4');
  t.match(variant, { label: 'NF4', form: 'fed' });
  const fed = variant.fed(2);
  t.same(
    fed.map(({ layer }) => layer.module),
    model.linears(2).map(({ module }) => module),
  );
  t.match(fed[0], {
    dtype: 'BF16',
    weight: { kind: 'stored', location: { name: 'model.layers.2.self_attn.q_proj.weight' }, quantizer: QUANTIZERS.nf4 },
  });
});

t.test('a quantized checkpoint is fed from its own tensors', async (t) => {
  t.equal(storedQuantized(checkpoint, model), undefined, 'this one is not');
  const location = [...checkpoint.tensors.values()][0]!;
  const own = `${model.linears(1)[0]!.module}.weight.absmax`;
  const tensors = new Map([...checkpoint.tensors, [own, { ...location, name: own }]]);
  const variant = storedQuantized({ ...quantized(nf4), tensors }, model)!;
  t.match(variant, { label: 'NF4', form: 'fed' });
  const [first] = variant.fed(1);
  t.match(first, { dtype: 'BF16', weight: { kind: 'quantized', quantizer: QUANTIZERS.nf4 } });
  t.same(first!.weight.kind === 'quantized' && Object.keys(first!.weight.tensors).sort(), ['weight', 'weight.absmax']);
  t.match(storedQuantized(quantized(int8), model), { label: 'LLM.int8', form: 'int8' });
  t.equal(
    storedQuantized(quantized(nf4, { dtype: undefined, torch_dtype: 'float32' }), model)!.fed(0)[0]!.dtype,
    'F32',
    'the older spelling',
  );
  for (const settings of [{ quant_method: 'gptq' }, { ...nf4, bnb_4bit_quant_type: 'fp4' }])
    t.throws(() => storedQuantized(quantized(settings), model), { code: 'QL_MODEL_UNSUPPORTED', message: /NF4 and LLM\.int8/ });
  t.throws(() => storedQuantized(quantized(nf4, { dtype: 'float8' }), model), { code: 'QL_MODEL_UNSUPPORTED', message: /float8/ });
});

const factor = (name: string, ...shape: number[]): TensorLocation => ({
  ...[...checkpoint.tensors.values()][0]!,
  name,
  shape,
  dtype: 'F32',
});
const adapterOf = (module: string, A: TensorLocation, B: TensorLocation): PeftAdapter => ({
  config: {},
  modules: new Map([[module, { A, B, scaling: 2 }]]),
});
const q = 'model.layers.1.self_attn.q_proj';
const adapter = adapterOf(q, factor('A', 4, 32), factor('B', 40, 4));

t.test('an adapter rides on the layers it names, whatever is below', async (t) => {
  for (const variant of [fullPrecision(), quantizedOnTheWay(checkpoint, model, QUANTIZERS.int8, 'int8', 'LLM.int8')]) {
    const adapted = withAdapter(variant, checkpoint, model, adapter);
    t.match(adapted, { label: `${variant.label} + adapter`, form: variant.form });
    t.same(
      adapted.fed(1).map(({ lora }) => lora?.scaling),
      [2, ...new Array<undefined>(6).fill(undefined)],
    );
    t.ok(adapted.fed(0).every(({ lora }) => lora === undefined));
  }
});

t.test("another model's adapter is refused", async (t) => {
  const refused = (wrong: PeftAdapter, message: RegExp): void => {
    t.throws(() => withAdapter(fullPrecision(), checkpoint, model, wrong), { code: 'QL_ADAPTER_TENSOR', message });
  };
  refused(adapterOf('model.layers.9.self_attn.q_proj', factor('A', 4, 32), factor('B', 40, 4)), /layers\.9/);
  refused(adapterOf(q, factor('A', 4, 33), factor('B', 40, 4)), /\[40, 32\].*\[40, 33\]/);
  refused(adapterOf(q, factor('A', 4, 32), factor('B', 41, 4)), /\[41, 32\]/);
});
