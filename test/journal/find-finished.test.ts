import { mkdir, readdir, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { findFinished, listWrittenFiles } from '../../src/journal/index.js';
import { sampleReport } from '../reports/sample-report.js';

const fingerprint = { rank: 64 };
const LEAST = [join('adapter', 'adapter_model.safetensors')];

/** A finished output of two shards, whose report lists its files. */
const finished = async (t: Test): Promise<string> => {
  const directory = t.testdir({
    adapter: { 'adapter_model.safetensors': 'abc', 'README.md': 'a card' },
    base: { 'model-00001-of-00002.safetensors': 'abcd', 'model-00002-of-00002.safetensors': 'efgh' },
  });
  const files = await listWrittenFiles(directory);
  await writeFile(join(directory, 'report.json'), JSON.stringify({ ...sampleReport(), fingerprint, files }));
  return directory;
};

t.test('a run with another fingerprint, or none, is not this one', async (t) => {
  const directory = await finished(t);
  t.equal(await findFinished(directory, fingerprint, LEAST), join(directory, 'report.json'));
  t.equal(await findFinished(directory, { rank: 32 }, LEAST), undefined);
  t.equal(await findFinished(join(directory, 'absent'), fingerprint, LEAST), undefined);
  await writeFile(join(directory, 'report.json'), JSON.stringify(sampleReport()));
  t.equal(await findFinished(directory, fingerprint, LEAST), undefined);
});

t.test('a shard that was cut or removed is refused with what to do; a card may be rewritten', async (t) => {
  const directory = await finished(t);
  await writeFile(join(directory, 'adapter', 'README.md'), 'my own words');
  t.ok(await findFinished(directory, fingerprint, LEAST));
  await truncate(join(directory, 'base', 'model-00001-of-00002.safetensors'), 3);
  await rm(join(directory, 'base', 'model-00002-of-00002.safetensors'));
  await t.rejects(findFinished(directory, fingerprint, LEAST), {
    code: 'QL_OUTPUT_DAMAGED',
    message:
      /model-00002-of-00002\.safetensors is not there any more; .*model-00001-of-00002\.safetensors has 3 bytes, 4 bytes were written\. .*--fresh/,
  });
});

t.test('of many files that are gone some are named', async (t) => {
  const directory = t.testdir({ adapter: {} });
  const files = Array.from({ length: 9 }, (_, i) => ({ file: `base/${i}`, bytes: 1 }));
  await writeFile(join(directory, 'report.json'), JSON.stringify({ ...sampleReport(), fingerprint, files }));
  await t.rejects(findFinished(directory, fingerprint, []), { message: /base\/4 is not there any more; and 4 more\. / });
});

t.test('a report without a list, and what is no list, still has the main files checked', async (t) => {
  const directory = await finished(t);
  for (const files of [undefined, 'all', [{ file: 3 }, null, 'base']]) {
    await writeFile(join(directory, 'report.json'), JSON.stringify({ ...sampleReport(), fingerprint, files }));
    t.ok(await findFinished(directory, fingerprint, LEAST));
    await t.rejects(findFinished(directory, fingerprint, ['experts/README.md']), { code: 'QL_OUTPUT_DAMAGED', message: /experts\/README/ });
  }
});

t.test('what a killed process left beside the run is removed', async (t) => {
  const directory = await finished(t);
  const before = await readdir(directory);
  await mkdir(join(directory, '.quailora-removed', 'parts'), { recursive: true });
  await mkdir(join(directory, '.quailora'));
  t.ok(await findFinished(directory, fingerprint, LEAST));
  t.same(await readdir(directory), before);
});
