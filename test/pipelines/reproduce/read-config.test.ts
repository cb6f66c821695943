import t from 'tap';
import { join } from 'node:path';
import { checkConfig, readConfig } from '../../../pipelines/reproduce/read-config.js';
import { microConfig, microText } from './micro-config.js';

/** What checking says of the shipped settings after a change. */
const complaint = (change: (settings: Record<string, never>) => void): string => {
  const settings = JSON.parse(microText()) as Record<string, never>;
  change(settings);
  try {
    checkConfig(settings, 'micro.json');
    return 'nothing';
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
};

t.test('the shipped settings are valid, and train as the paper does', async (t) => {
  const { training, alpha, rows } = microConfig();
  t.match(training, { batch: 16, learningRate: 2e-4 });
  t.equal(alpha, 16);
  t.same(
    rows.slice(0, 4).map(({ bits, start }) => [bits, start]),
    [
      [4, 'default'],
      [4, 'als'],
      [8, 'default'],
      [8, 'als'],
    ],
    'the four rows of the paper come first',
  );
});

t.test('a wrong field is named with its value', async (t) => {
  const set = (path: readonly string[], value: unknown): string =>
    complaint((settings) => {
      let place: Record<string, unknown> = settings;
      for (const name of path.slice(0, -1)) place = place[name] as Record<string, unknown>;
      place[path.at(-1)!] = value;
    });
  t.match(set(['training', 'steps'], 0), /micro\.json: training\.steps must be a whole number of at least 1, not 0/);
  t.match(set(['datasets', '1'], 'slimorca'), /datasets\[1\] must be one of alpaca, chip2/);
  t.match(set(['rows', '0', 'bits'], 3), /rows\[0\]\.bits must be 4, 8 or 16, not 3/);
  t.match(set(['models', '0', 'checkpoint'], 'my model'), /models\[0\]\.checkpoint must be letters, digits/);
  t.match(set(['training', 'microBatch'], 5), /training\.batch must be a multiple of training\.microBatch/);
  t.match(set(['rows', '1', 'name'], 'qlora-4'), /the name qlora-4 is there twice/);
  t.match(set(['rows', '0', 'weights'], 'absorbing'), /row qlora-4: "absorbing" takes the factors/);
  t.match(set(['rows', '5', 'weights'], 'dequantized'), /row full: 16 bits are not quantized/);
  t.match(set(['rows', '6', 'weights'], 'stored'), /row full-absorbing: 16 bits have no error/);
  t.match(set(['datasets'], ['chip2']), /calibration\.dataset must be one of datasets/);
});

t.test('a file that is no JSON, or is not there, is named', async (t) => {
  const directory = t.testdir({ 'bad.json': '{' });
  await t.rejects(readConfig(join(directory, 'bad.json')), { code: 'QL_REPRODUCE_CONFIG', message: /bad\.json is no JSON/ });
  await t.rejects(readConfig(join(directory, 'none.json')), { code: 'QL_FILE_READ', message: /none\.json/ });
});
