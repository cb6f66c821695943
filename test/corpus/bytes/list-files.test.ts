import { join } from 'node:path';
import t from 'tap';
import { listFiles } from '../../../src/corpus/bytes/list-files.js';

t.test('a file, a pattern in sorted order, standard input', async (t) => {
  const directory = t.testdir({
    'b.jsonl': 'x',
    'a.jsonl.gz': 'x',
    'B.jsonl': 'x',
    'c.txt': 'x',
    sub: { 'a.jsonl': 'x' },
    'odd[1].jsonl': 'x',
  });
  const names = async (pattern: string): Promise<string[]> => (await listFiles(join(directory, pattern))).map(({ name }) => name);
  t.same(await names('b.jsonl'), ['b.jsonl']);
  t.same(await names('*.jsonl'), ['B.jsonl', 'b.jsonl', 'odd[1].jsonl']);
  t.same(await names('[ab].jsonl*'), ['a.jsonl.gz', 'b.jsonl']);
  t.same(await names('**/a.jsonl*'), ['a.jsonl.gz', 'a.jsonl']);
  t.same(await names('odd[1].jsonl'), ['odd[1].jsonl'], 'a file whose name looks like a pattern');
  t.same(await listFiles('-', 'csv'), [{ path: undefined, name: 'standard input', type: 'csv', compression: undefined }]);
  t.match(await listFiles(join(directory, 'c.txt'), 'jsonl'), [{ type: 'jsonl' }], 'the type that is given comes first');
});

t.test('what is not there, empty or unknown is refused', async (t) => {
  const directory = t.testdir({ 'a.text': 'x', 'b.txt': '', sub: {} });
  const list = (name: string) => listFiles(join(directory, name));
  await t.rejects(list('none.txt'), { code: 'QL_TEXT_MISSING', message: /none\.txt: .*ENOENT/ });
  await t.rejects(list('*.csv'), { code: 'QL_TEXT_MISSING', message: /no file fits this pattern/ });
  await t.rejects(listFiles(directory, 'txt'), { code: 'QL_TEXT_MISSING', message: /not a file but a directory.*\*\.parquet/ });
  await t.rejects(list('a.text'), { code: 'QL_TEXT_FORMAT', message: /\.txt, \.jsonl.*--file-type/ });
  await t.rejects(list('b.txt'), { code: 'QL_TEXT_EMPTY', message: /0 bytes/ });
  await t.rejects(list('*.t*t'), { code: 'QL_TEXT_FORMAT' }, 'one of many is enough');
});
