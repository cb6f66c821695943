import t from 'tap';
import { readConfig } from '../../src/models/config-reader.js';
import { readRotaryFrequencies, tabulateRotary } from '../../src/models/rotary-tables.js';

const HEAD = 16;
const frequencies = (config: Record<string, unknown>): Float32Array => readRotaryFrequencies(readConfig(config), HEAD);
const plain = (theta: number): number[] => Array.from({ length: HEAD / 2 }, (_, i) => theta ** ((-2 * i) / HEAD));

const near = (found: Float32Array, expected: readonly number[]): boolean =>
  found.length === expected.length && found.every((value, i) => Math.abs(value / expected[i]! - 1) < 3e-7);

t.test('the base is read in both spellings', async (t) => {
  t.ok(near(frequencies({}), plain(10000)));
  t.ok(near(frequencies({ rope_theta: 500 }), plain(500)));
  t.ok(near(frequencies({ rope_theta: 500, rope_scaling: null }), plain(500)));
  t.ok(near(frequencies({ rope_parameters: { rope_type: 'default', rope_theta: 1e6 } }), plain(1e6)));
  t.ok(near(frequencies({ rope_parameters: { rope_theta: 77 }, rope_theta: 500 }), plain(77)), 'the newer spelling wins');
});

t.test('linear scaling divides every frequency', async (t) => {
  const expected = plain(10000).map((frequency) => frequency / 4);
  t.ok(near(frequencies({ rope_theta: 10000, rope_scaling: { type: 'linear', factor: 4 } }), expected));
  t.ok(near(frequencies({ rope_parameters: { rope_type: 'linear', rope_theta: 10000, factor: 4 } }), expected));
  t.throws(() => frequencies({ rope_scaling: { type: 'linear' } }), { code: 'QL_CONFIG', message: /factor/ });
});

t.test('llama3 scaling keeps short waves, stretches long ones and blends between', async (t) => {
  const rope = { rope_type: 'llama3', factor: 8, low_freq_factor: 1, high_freq_factor: 4, original_max_position_embeddings: 32 };
  const found = frequencies({ rope_theta: 10000, rope_scaling: rope });
  const base = plain(10000);
  base.forEach((frequency, i) => {
    const wavelength = (2 * Math.PI) / frequency;
    if (wavelength < 8) t.ok(Math.abs(found[i]! / frequency - 1) < 3e-7, `wavelength ${wavelength} stays`);
    else if (wavelength > 32) t.ok(Math.abs((8 * found[i]!) / frequency - 1) < 3e-7, `wavelength ${wavelength} is stretched`);
    else t.ok(found[i]! < frequency && found[i]! > frequency / 8, `wavelength ${wavelength} is blended`);
  });
  t.ok(
    base.some((frequency) => (2 * Math.PI) / frequency > 8 && (2 * Math.PI) / frequency < 32),
    'all three cases occur',
  );
});

t.test('another kind of scaling is refused', async (t) => {
  t.throws(() => frequencies({ rope_scaling: { rope_type: 'yarn', factor: 4 } }), {
    code: 'QL_MODEL_UNSUPPORTED',
    message: /"yarn".*default, linear and llama3/,
  });
});

t.test('tables hold the cosine and sine of every angle', async (t) => {
  const { cos, sin } = tabulateRotary(Float32Array.of(1, 0.01), 3);
  const angles = [0, 0, 1, 0.01, 2, 0.02];
  t.ok(angles.every((angle, i) => Math.abs(cos[i]! - Math.cos(angle)) < 1e-7 && Math.abs(sin[i]! - Math.sin(angle)) < 1e-7));
  const far = tabulateRotary(Float32Array.of(0.7), 5000);
  const angle = Math.fround(4999 * Math.fround(0.7));
  t.equal(far.cos[4999], Math.fround(Math.cos(angle)), 'the angle is rounded to float32 as in transformers');
});
