import { join } from 'node:path';
import t from 'tap';
import { readProcessorFlags } from '../../src/runtime/index.js';

t.test('the flags of the first processor', async (t) => {
  const directory = t.testdir({ cpuinfo: 'processor\t: 0\nflags\t\t: fpu  avx512_vnni amx_int8\nbugs\t\t: x\nflags\t\t: other\n' });
  t.same([...(await readProcessorFlags(join(directory, 'cpuinfo')))], ['fpu', 'avx512_vnni', 'amx_int8']);
});

t.test('none where there is no such file, or no such line', async (t) => {
  const directory = t.testdir({ cpuinfo: 'Features\t: asimd i8mm\n' });
  t.equal((await readProcessorFlags(join(directory, 'cpuinfo'))).size, 0);
  t.equal((await readProcessorFlags(join(directory, 'missing'))).size, 0);
});

t.test('a file that can not be read is an error', async (t) => {
  await t.rejects(readProcessorFlags(t.testdir({})), { code: 'EISDIR' });
});
