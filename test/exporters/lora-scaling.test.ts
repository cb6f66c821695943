import t from 'tap';
import { loraScaling } from '../../src/exporters/index.js';

t.test('the scaling is what PEFT computes', async (t) => {
  t.equal(loraScaling({ rank: 64, alpha: 16, useRslora: false }), 0.25);
  t.equal(loraScaling({ rank: 64, alpha: 16, useRslora: true }), 2);
});

t.test('no scaling without a rank and an alpha', async (t) => {
  for (const [rank, alpha] of [
    [0, 16],
    [1.5, 16],
    [8, 0],
    [8, -1],
    [8, NaN],
    [8, Infinity],
  ] as const)
    t.throws(() => loraScaling({ rank, alpha, useRslora: false }), { code: 'QL_LORA_SCALING' }, `${rank} ${alpha}`);
});
