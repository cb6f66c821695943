import { arch, cpus } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { describeProcessor } from '../../src/runtime/index.js';

t.test('what kernels are chosen by, in one order, and nothing else', async (t) => {
  const describe = (flags: string): Promise<string> => describeProcessor(join(t.testdir({ cpuinfo: `flags\t\t: ${flags}\n` }), 'cpuinfo'));
  t.equal(await describe('fpu fma avx sse avx2'), `${arch()}: avx avx2 fma`);
  t.equal(await describe('avx2 avx fma'), await describe('avx avx2 erms fma'));
  t.not(await describe('avx avx2 fma avx512f'), await describe('avx avx2 fma'));
});

t.test('the model where no features are listed', async (t) => {
  t.equal(await describeProcessor(join(t.testdir({}), 'cpuinfo')), `${arch()}: ${cpus()[0]!.model.trim()}`);
});

t.test('it is the same each time', async (t) => {
  t.equal(await describeProcessor(), await describeProcessor());
});
