import t from 'tap';
import { insertQuantizationConfig } from '../../src/exporters/insert-quantization-config.js';
import { nf4 } from '../../src/quantizers/index.js';

const value = nf4.quantizationConfig('BF16', ['lm_head'])!;

t.test('everything else keeps its bytes', async (t) => {
  const source = '{\n  "eps": 1e-05,\n  "rope_theta": 10000.0,\n  "nested": {"a": "}"}\n}\n';
  const text = insertQuantizationConfig(source, value);
  t.equal(text.slice(0, source.length - 3), source.slice(0, -3));
  t.ok(text.endsWith('\n  }\n}\n'));
  t.match(text, '"llm_int8_threshold": 6.0,');
  t.same(JSON.parse(text), { ...(JSON.parse(source) as object), quantization_config: JSON.parse(value) as unknown });
});

t.test('compact and empty objects', async (t) => {
  for (const source of ['{}', '{"a":1}', ' { } \n', '{"a":"}"}'])
    t.same(JSON.parse(insertQuantizationConfig(source, value)), {
      ...(JSON.parse(source) as object),
      quantization_config: JSON.parse(value) as unknown,
    });
});

t.test('a quantized source is refused', async (t) => {
  t.throws(() => insertQuantizationConfig('{"quantization_config": {}}', value), { code: 'QL_ALREADY_QUANTIZED' });
});
