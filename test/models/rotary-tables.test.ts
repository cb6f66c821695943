import { readFile } from 'node:fs/promises';
import t from 'tap';
import { readConfig } from '../../src/models/config-reader.js';
import { readRotaryFrequencies, tabulateRotary, type RotaryDefaults, type RotaryFrequencies } from '../../src/models/rotary-tables.js';

const HEAD = 16;
const read = (config: Record<string, unknown>, defaults?: RotaryDefaults): RotaryFrequencies =>
  readRotaryFrequencies(readConfig(config), HEAD, defaults);
const frequencies = (config: Record<string, unknown>, defaults?: RotaryDefaults): Float32Array => read(config, defaults).forWindow(32);
const plain = (theta: number): number[] => Array.from({ length: HEAD / 2 }, (_, i) => theta ** ((-2 * i) / HEAD));

const near = (found: Float32Array, expected: readonly number[]): boolean =>
  found.length === expected.length && found.every((value, i) => Math.abs(value / expected[i]! - 1) < 3e-7);

t.test('the base is read in both spellings', async (t) => {
  t.ok(near(frequencies({}), plain(10000)));
  t.ok(near(frequencies({}, { theta: 1e6 }), plain(1e6)));
  t.ok(near(frequencies({ rope_theta: 500 }, { theta: 1e6 }), plain(500)));
  t.ok(near(frequencies({ rope_theta: 500, rope_scaling: null }), plain(500)));
  t.ok(near(frequencies({ rope_parameters: { rope_type: 'default', rope_theta: 1e6 } }), plain(1e6)));
  t.ok(near(frequencies({ rope_parameters: { rope_theta: 77 }, rope_theta: 500 }), plain(77)), 'the newer spelling wins');
  const otherKey = { thetaKey: 'local', theta: 1e6 };
  t.ok(near(frequencies({ rope_theta: 500, local: 50 }, otherKey), plain(50)));
  t.ok(near(frequencies({ rope_theta: 500 }, otherKey), plain(1e6)));
  const local = readConfig({ rope_type: 'linear', factor: 2 });
  t.ok(
    near(
      frequencies({ rope_parameters: { rope_theta: 77 }, rope_theta: 500 }, { rope: local }),
      plain(500).map((f) => f / 2),
    ),
  );
});

t.test('positions reach as far as the scaling', async (t) => {
  const reach = (config: Record<string, unknown>): number => read(config).maxPositions;
  const original_max_position_embeddings = 1024;
  t.equal(reach({ max_position_embeddings: 4096 }), 4096);
  t.equal(reach({ max_position_embeddings: 4096, rope_scaling: { type: 'linear', factor: 4 } }), 16384);
  t.equal(reach({ max_position_embeddings: 4096, rope_scaling: { type: 'dynamic', factor: 2.5 } }), 10240);
  const yarn = { rope_type: 'yarn', factor: 4, original_max_position_embeddings };
  t.equal(reach({ max_position_embeddings: 1024, rope_scaling: yarn }), 4096);
  t.equal(reach({ max_position_embeddings: 8192, rope_scaling: yarn }), 8192);
  t.equal(reach({ max_position_embeddings: 4096, rope_scaling: { rope_type: 'default', factor: 4 } }), 4096);
});

/** One entry of the golden file (see make-rotary.py). */
interface Case {
  readonly label: string;
  readonly config: Record<string, unknown>;
  readonly size: number;
  readonly windowTokens: number;
  readonly frequencies: readonly number[];
  readonly attentionFactor: number;
}

t.test('frequencies and factors equal those of transformers', async (t) => {
  const golden = new URL('../../../test/fixtures/rotary/golden.json', import.meta.url);
  for (const { label, config, size, windowTokens, ...expected } of JSON.parse(await readFile(golden, 'utf8')) as Case[]) {
    const found = readRotaryFrequencies(readConfig(config), size);
    t.equal(found.size, size);
    t.ok(near(found.forWindow(windowTokens), expected.frequencies), label);
    t.ok(Math.abs(found.attentionFactor - expected.attentionFactor) < 1e-12, `${label}: factor ${found.attentionFactor}`);
  }
});

t.test('another name of a scaling is known where the family knows it', async (t) => {
  const rope_scaling = { type: 'thin', factor: 4 };
  t.strictSame(
    frequencies({ rope_scaling }, { aliases: new Map([['thin', 'linear']]) }),
    frequencies({ rope_scaling: { type: 'linear', factor: 4 } }),
  );
  t.throws(() => frequencies({ rope_scaling }), { code: 'QL_MODEL_UNSUPPORTED' });
});

t.test('what a scaling lacks is named', async (t) => {
  const lacks = (rope_scaling: Record<string, unknown>, message: RegExp): unknown =>
    t.throws(() => frequencies({ max_position_embeddings: 64, rope_scaling }), { code: 'QL_CONFIG', message });
  for (const type of ['linear', 'dynamic', 'llama3']) lacks({ type }, /factor/);
  lacks({ type: 'longrope', short_factor: [1, 2] }, /"short_factor" has 2 factors, but 16 features/);
  lacks({ type: 'longrope', short_factor: plain(1) }, /"long_factor" has 0/);
});

t.test('another kind of scaling and an odd size are refused', async (t) => {
  t.throws(() => frequencies({ rope_scaling: { rope_type: 'su', factor: 4 } }), {
    code: 'QL_MODEL_UNSUPPORTED',
    message: /"su".*default, linear, dynamic, llama3, yarn, longrope/,
  });
  t.throws(() => readRotaryFrequencies(readConfig({}), 15), { code: 'QL_MODEL_UNSUPPORTED', message: /15 features/ });
});

t.test('tables hold the cosine and sine of every angle, scaled', async (t) => {
  const rotary = (steps: Float32Array, attentionFactor: number): RotaryFrequencies => ({
    ...{ size: 2 * steps.length, maxPositions: 8, attentionFactor },
    forWindow: (windowTokens) => steps.map((step) => step * (windowTokens === 3 ? 2 : 1)),
  });
  const { cos, sin } = tabulateRotary(rotary(Float32Array.of(0.5, 0.005), 1.5), 3);
  const angles = [0, 0, 1, 0.01, 2, 0.02];
  t.ok(angles.every((angle, i) => Math.abs(cos[i]! - 1.5 * Math.cos(angle)) < 2e-7 && Math.abs(sin[i]! - 1.5 * Math.sin(angle)) < 2e-7));
  const far = tabulateRotary(rotary(Float32Array.of(0.7), 1), 5000);
  const angle = Math.fround(4999 * Math.fround(0.7));
  t.equal(far.cos[4999], Math.fround(Math.cos(angle)), 'the angle is rounded to float32 as in transformers');
});

t.test('heads that turn in absurd widths are refused before a table is made', async (t) => {
  for (const size of [0, -2, 3, 1e9, 1e12, 2 ** 53])
    t.throws(() => readRotaryFrequencies(readConfig({}), size), { code: 'QL_MODEL_UNSUPPORTED' });
});
