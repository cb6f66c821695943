import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { readSafetensorsHeader } from '../../src/checkpoint/index.js';
import { EXPERT_FACTORS_FILE, openExpertFactorsWriter, type ExpertFactorsWriter } from '../../src/exporters/index.js';
import { normalMatrix } from '../linalg/naive-engine.js';
import { storeTensors } from './store-tensors.js';

const factors = { A: normalMatrix(6, 2, 1), B: normalMatrix(4, 2, 2) };

const parts = t.testdir();
const add = async (writer: ExpertFactorsWriter, module: string): Promise<void> => {
  writer.add(module, await storeTensors(parts, writer.tensorsOf(module, factors)));
};

t.test('takes what was planned, once each', async (t) => {
  const directory = join(t.testdir(), 'experts');
  const writer = await openExpertFactorsWriter({ directory, modules: ['e.0.w1', 'e.1.w1'], rank: 2, card: 'card\n' });
  await add(writer, 'e.1.w1');
  await t.rejects(add(writer, 'e.1.w1'), { code: 'QL_UNPLANNED_TENSOR' });
  t.throws(() => writer.tensorsOf('e.0.w1', { ...factors, B: normalMatrix(4, 3, 2) }), {
    code: 'QL_SHAPE',
    message: /\[4, 3\] must have 2 columns/,
  });
});

t.test('a matrix that never came is an error, and leaves no file', async (t) => {
  const directory = t.testdir();
  const writer = await openExpertFactorsWriter({ directory, modules: ['e.0.w1', 'e.1.w1'], rank: 2, card: '' });
  await add(writer, 'e.0.w1');
  await t.rejects(writer.close(), { code: 'QL_MISSING_TENSOR', message: /1 of 2 .*e\.1\.w1/ });
  t.same(await readdir(directory), []);
});

t.test('names and shapes', async (t) => {
  const directory = t.testdir();
  const writer = await openExpertFactorsWriter({ directory, modules: ['e.0.w1'], rank: 2, card: 'card\n' });
  await add(writer, 'e.0.w1');
  await writer.close();
  t.same((await readdir(directory)).sort(), ['README.md', EXPERT_FACTORS_FILE]);
  const tensors = await readSafetensorsHeader(join(directory, EXPERT_FACTORS_FILE), 'factors');
  t.same(
    tensors.map(({ name, dtype, shape }) => [name, dtype, shape]),
    [
      ['e.0.w1.A', 'F32', [6, 2]],
      ['e.0.w1.B', 'F32', [4, 2]],
    ],
  );
});
