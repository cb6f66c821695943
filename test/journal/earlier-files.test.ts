import { join } from 'node:path';
import t from 'tap';
import { earlierFiles } from '../../src/journal/index.js';
import { writeRecord } from '../../src/journal/record-file.js';

const journal = (output: string, scratch: string): Promise<void> =>
  writeRecord(join(output, '.quailora/journal.json'), { version: 1, fingerprint: {}, scratch, clearing: false });

t.test('an output without a journal has its own files only', async (t) => {
  const output = t.testdir({ adapter: { a: 'x'.repeat(10) } });
  t.same(await earlierFiles(output), [{ directory: output, bytes: 10 }]);
});

t.test('the scratch directory of an unfinished run is found where it lies', async (t) => {
  const place = t.testdir({ out: { '.quailora': {} }, fast: { '.quailora-scratch-abcdef': { 'hidden-0': 'x'.repeat(1000) } } });
  const [output, scratch] = [join(place, 'out'), join(place, 'fast/.quailora-scratch-abcdef')];
  await journal(output, scratch);
  const [own, elsewhere] = await earlierFiles(output);
  t.equal(own!.directory, output);
  t.same(elsewhere, { directory: scratch, bytes: 1000 });
});

t.test('one inside the output is not counted twice, a directory that is not ours not at all', async (t) => {
  const place = t.testdir({ out: { '.quailora': { 'scratch-abcdef': { h: 'x'.repeat(500) } } }, mine: { big: 'x'.repeat(1000) } });
  const output = join(place, 'out');
  await journal(output, join(output, '.quailora/scratch-abcdef'));
  const [own, ...others] = await earlierFiles(output);
  t.ok(own!.bytes >= 500);
  t.same(others, []);
  await journal(output, join(place, 'mine'));
  t.equal((await earlierFiles(output)).length, 1);
});

t.test('a damaged journal names no scratch directory: claiming the output says what to do', async (t) => {
  const output = t.testdir({ '.quailora': { 'journal.json': '{"sha256"' } });
  t.equal((await earlierFiles(output)).length, 1);
});
