import { join } from 'node:path';
import t from 'tap';
import { findDamage, listWrittenFiles } from '../../src/journal/written-files.js';
import { sampleReport } from '../reports/sample-report.js';

const report = JSON.stringify(sampleReport());

t.test('what a run wrote is listed with its lengths; cards, reports, folders and files of others are not', async (t) => {
  const directory = t.testdir({
    adapter: { 'adapter_config.json': '{}', 'adapter_model.safetensors': 'abc', 'README.md': 'a card', notes: { 'mine.txt': 'x' } },
    base: { 'config.json': '', 'model.safetensors': 'abcd' },
    'thesis.tex': 'years of work',
    'report.json': report,
  });
  t.same(await listWrittenFiles(directory), [
    { file: join('adapter', 'adapter_config.json'), bytes: 2 },
    { file: join('adapter', 'adapter_model.safetensors'), bytes: 3 },
    { file: join('adapter', 'notes', 'mine.txt'), bytes: 1 },
    { file: join('base', 'config.json'), bytes: 0 },
    { file: join('base', 'model.safetensors'), bytes: 4 },
  ]);
});

t.test('what is gone, shorter, longer or no file is damage; what was never listed is none', async (t) => {
  const directory = t.testdir({ base: { short: 'a', long: 'abc', same: 'ab', folder: {}, other: 'x' } });
  const files = ['folder', 'long', 'other', 'same', 'short'].map((name) => join('base', name));
  const written = ['folder', 'gone', 'long', 'same', 'short'].map((name) => ({ file: join('base', name), bytes: 2 }));
  t.same(await findDamage(directory, { kind: 'finished', files, written }, [join('base', 'same'), 'adapter/x']), [
    'adapter/x is not there any more',
    `${join('base', 'gone')} is not there any more`,
    `${join('base', 'folder')} is no file, 2 bytes were written`,
    `${join('base', 'long')} has 3 bytes, 2 bytes were written`,
    `${join('base', 'short')} has 1 bytes, 2 bytes were written`,
  ]);
  t.same(await findDamage(directory, { kind: 'finished', files }, files), []);
});

t.test('a report that lists a path outside the directory names something that is not there', async (t) => {
  const root = t.testdir({ secret: 'abc', out: { base: { same: 'ab' } } });
  const written = [{ file: '../secret', bytes: 3 }];
  t.same(await findDamage(join(root, 'out'), { kind: 'finished', files: [join('base', 'same')], written }, []), [
    '../secret is not there any more',
  ]);
});
