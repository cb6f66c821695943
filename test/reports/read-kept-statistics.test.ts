import { execFileSync } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { readKeptStatistics } from '../../src/reports/index.js';
import { sampleKept } from '../stages/sample-kept.js';

const save = async (directory: string, text: string): Promise<string> => {
  await mkdir(join(directory, 'statistics'), { recursive: true });
  await writeFile(join(directory, 'statistics', 'statistics.json'), text);
  return directory;
};

const file = {
  ...{ file: 'block-0.mlp_input.calibration.arrow', bytes: 9, sha256: 'cd'.repeat(32), block: 0, input: 'mlp_input' },
  ...{ split: 'calibration', kind: 'H', n: 8, tokens: 0, modules: ['a', 'b'], rows: { activation: 'mlp_input', expert: 'all' } },
} as const;

const tokenChoice = {
  ...{ chosen: 4096, considered: 65_536, limit: 0.2, decidedBy: 'q_proj', pilotBlocks: [0, 1] },
  curve: [
    {
      tokens: 4096,
      calibrationLossRatio: 0.1,
      heldOutLossRatio: 0.2,
      byKind: { q_proj: { calibrationLossRatio: 0, heldOutLossRatio: 0 } },
    },
  ],
};

t.test('an index comes back as it was written', async (t) => {
  const { facts, ...rest } = sampleKept();
  const kept = { ...rest, facts: { ...facts, tokenChoice }, files: [file] };
  t.same(await readKeptStatistics(await save(t.testdir(), JSON.stringify(kept))), kept);
});

t.test('what is missing, cut or edited is named', async (t) => {
  const directory = t.testdir();
  await t.rejects(readKeptStatistics(directory), {
    code: 'QL_REFIT_STATISTICS',
    message: /statistics\.json can't be read.*--keep-statistics/,
  });
  await t.rejects(readKeptStatistics(await save(directory, '{"kept"')), { code: 'QL_REFIT_STATISTICS', message: /is not JSON/ });
  for (const [change, message] of [
    [{ kept: 'everything' }, /kept must be one of used, all-h, not "everything"/],
    [{ options: { ...sampleKept().options, bits: 5 } }, /options\.bits must be 4 or 8/],
    [{ options: { ...sampleKept().options, modules: 'some' } }, /options\.modules must be a list/],
    [{ facts: { ...sampleKept().facts, windowTokens: 0 } }, /facts\.windowTokens must be/],
    [{ facts: { ...sampleKept().facts, tokenChoice: { ...tokenChoice, considered: 0 } } }, /facts\.tokenChoice\.considered must be/],
    [{ files: [{ ...file, file: '../../secret.arrow' }] }, /files\[0\]\.file must be a file name/],
    [{ files: [{ ...file, sha256: 'no' }] }, /files\[0\]\.sha256 must be/],
    [{ files: [{ ...file, rows: { activation: 'x', expert: -1 } }] }, /files\[0\]\.rows\.expert must be/],
    [{ files: [{ ...file, kind: ['H'] }] }, /files\[0\]\.kind must be one of H, G, not \["H"\]/],
    [{ files: [file, file] }, /files\[1\] is of a block, input and split that another file is of/],
    [{ files: [file, { ...file, split: 'heldOut', n: 4 }] }, /files\[1\] is a held-out H of 4 rows, beside a H of 8 rows/],
    [{ files: [{ ...file, split: 'heldOut' }] }, /files\[0\] is a held-out H of 8 rows, beside nothing/],
    [{ options: { ...sampleKept().options, alpha: 0 } }, /options\.alpha must be a number above 0/],
  ] as const)
    await t.rejects(readKeptStatistics(await save(directory, JSON.stringify({ ...sampleKept(), ...change }))), { message });
  const endless = JSON.stringify(sampleKept()).replace('"alpha":16', '"alpha":1e999');
  await t.rejects(readKeptStatistics(await save(directory, endless)), { message: /options\.alpha must be a number above 0/ });
  const deep = await save(directory, '['.repeat(200) + ']'.repeat(200));
  await t.rejects(readKeptStatistics(deep), { code: 'QL_REFIT_STATISTICS', message: /nest deeper/ });
});

t.test('a pipe is refused, not waited for', { skip: process.platform === 'win32' && 'needs mkfifo' }, async (t) => {
  const directory = t.testdir({ statistics: {} });
  execFileSync('mkfifo', [join(directory, 'statistics', 'statistics.json')]);
  await t.rejects(readKeptStatistics(directory), { code: 'QL_REFIT_STATISTICS', message: /is no regular file/ });
});
