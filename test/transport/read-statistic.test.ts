import { execFileSync } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { tableFromArrays, tableFromIPC, tableToIPC } from 'apache-arrow';
import t from 'tap';
import { random } from '../../src/foundation/index.js';
import { readStatistic, StatisticFileError, writeStatistic, type StatisticMeaning } from '../../src/transport/index.js';
import { symmetricPanels } from './symmetric-panels.js';

const meaning: StatisticMeaning = {
  ...{ block: 3, input: 'mlp', split: 'calibration', kind: 'H', n: 40, tokens: 640, modules: ['a.gate_proj', 'a.up_proj'] },
};

t.test('files that hold something else, or were cut or changed', async (t) => {
  const directory = t.testdir({ empty: '', text: 'no Arrow file at all, only some words', 'a-directory': {} });
  const path = join(directory, 'sum.arrow');
  const { sha256 } = await writeStatistic(path, meaning, symmetricPanels(40, 1));
  const whole = await readFile(path);
  const save = (name: string, bytes: Uint8Array): Promise<void> => writeFile(join(directory, name), bytes);
  for (const [name, length] of [
    ['cut-in-half', whole.length >> 1],
    ['cut-at-its-end', whole.length - 1],
    ['only-a-head', 8],
  ] as const)
    await save(name, whole.subarray(0, length));
  const longFooter = Buffer.from(whole);
  longFooter.writeInt32LE(0x7fffffff, whole.length - 10);
  await save('long-footer', longFooter);
  await save('other-arrow', tableToIPC(tableFromArrays({ upper: Float32Array.of(1) }), 'file'));
  for (const name of [
    'empty',
    'text',
    'a-directory',
    'absent',
    'cut-in-half',
    'cut-at-its-end',
    'only-a-head',
    'long-footer',
    'other-arrow',
  ])
    await t.rejects(readStatistic(join(directory, name)), { name: 'StatisticFileError', code: 'QL_STATISTIC_FILE', message: name });
  const changed = Buffer.from(whole);
  changed[1000]! ^= 1;
  await save('changed', changed);
  await t.rejects(readStatistic(join(directory, 'changed'), sha256), {
    code: 'QL_STATISTIC_FILE',
    message: new RegExp(`changed.*${sha256}`),
  });
});

t.test('a pipe is refused, not waited for', { skip: process.platform === 'win32' && 'needs mkfifo' }, async (t) => {
  const path = join(t.testdir(), 'sum.arrow');
  execFileSync('mkfifo', [path]);
  for (const sha256 of [undefined, 'ab'.repeat(32)])
    await t.rejects(readStatistic(path, sha256), { code: 'QL_STATISTIC_FILE', message: /is no regular file/ });
});

t.test('metadata and values that contradict each other', async (t) => {
  const path = join(t.testdir(), 'sum.arrow');
  await writeStatistic(path, meaning, symmetricPanels(40, 1));
  const table = tableFromIPC(await readFile(path));
  const refuses = async (name: string, value: string, message: RegExp): Promise<void> => {
    const metadata = new Map(table.schema.metadata);
    table.schema.metadata.set(name, value);
    await writeFile(path, tableToIPC(table, 'file'));
    for (const [key, text] of metadata) table.schema.metadata.set(key, text);
    await t.rejects(readStatistic(path), { code: 'QL_STATISTIC_FILE', message });
  };
  await refuses('n', '41', /861 values of n = 41/);
  await refuses('n', '39', /780 values of n = 39/);
  await refuses('n', '900000000', /do not hold just the \d+ values of n = 900000000/);
  await refuses('n', '-1', /"n" is "-1"/);
  await refuses('kind', 'K', /kind "K"/);
  await refuses('tokens', 'many', /"tokens" is "many"/);
  await refuses('quailora', 'hidden-states', /no statistic/);
});

t.test('damaged bytes give an error of ours or other values, never a crash or a hang', async (t) => {
  const path = join(t.testdir(), 'sum.arrow');
  await writeStatistic(path, { ...meaning, n: 4 }, symmetricPanels(4, 1));
  const whole = await readFile(path);
  const stream = random(7);
  let refused = 0;
  for (let round = 0; round < 300; round++) {
    const damaged = Buffer.from(whole);
    for (let i = 0; i <= stream.below(4); i++) damaged[stream.below(whole.length)] = stream.below(256);
    await writeFile(path, damaged);
    try {
      t.ok((await readStatistic(path)).meaning.n > 0);
    } catch (error) {
      if (!(error instanceof StatisticFileError)) throw error;
      refused++;
    }
  }
  t.ok(refused > 100 && refused < 300, `${refused} of 300 were refused; the others changed a value or a word`);
});
