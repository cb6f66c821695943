import t from 'tap';
import { expertCard, type ExpertCardOptions } from '../../src/exporters/index.js';

const prefix = 'model.layers.0.mlp.experts.0';
const options: ExpertCardOptions = {
  ...{ baseModelName: 'org/model', quantizer: 'nf4', initializer: 'exact', rank: 64, dtype: 'BF16' },
  example: { gate: `${prefix}.gate_proj`, up: `${prefix}.up_proj`, down: `${prefix}.down_proj` },
};

t.test('says how Q is made, where the matrices are, and that nothing loads them', async (t) => {
  const card = expertCard(options);
  for (const part of [
    "**Stock peft can't load these today**",
    'bnb.quantize_4bit(W.to(torch.bfloat16).contiguous(), blocksize=64, compress_statistics=True, quant_type="nf4")',
    `name = "${prefix}.gate_proj"`,
    '`gate_proj` is the first half of the rows of `gate_up_proj[e]`, `up_proj` the second half, `down_proj` is `down_proj[e]`',
    '[out, 64]',
  ])
    t.match(card, part);
  t.match(expertCard({ ...options, quantizer: 'int8' }), 'bnb.int8_vectorwise_dequant(codes, SCB)');
  const own = expertCard({ ...options, quantizer: 'int4-rows' });
  t.match(own, 'Q is what the quantizer `int4-rows` makes of the matrix.');
  t.notMatch(own, '```python');
});
