import t from 'tap';
import { occupiedBytes } from '../../src/journal/occupied-bytes.js';

t.test("the bytes of quailora's own files are counted, the user's are not", async (t) => {
  const output = t.testdir({
    adapter: { 'a.safetensors': 'x'.repeat(100) },
    base: { deep: { 'b.safetensors': 'x'.repeat(20) } },
    '.quailora': { parts: { p: 'xyz' } },
    'report.json': '{}',
    notes: { 'mine.txt': 'x'.repeat(1000) },
  });
  t.equal(await occupiedBytes(output), 125);
});

t.test('a directory that is not there holds nothing', async (t) => {
  t.equal(await occupiedBytes(`${t.testdir()}/not/there`), 0);
});
