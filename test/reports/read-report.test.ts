import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { readReport, type InitializationReport } from '../../src/reports/index.js';
import { sampleReport } from './sample-report.js';

t.test('a report survives writing and reading', async (t) => {
  const path = join(t.testdir(), 'report.json');
  const report = { ...sampleReport(), modules: [{ ...sampleReport().modules[0]!, loss: { none: 1, final: 0.5 }, heldOut: null }] };
  await writeFile(path, JSON.stringify(report));
  t.same(await readReport(path), report);
  await writeFile(path, JSON.stringify({ ...report, commit: 'c0ffee'.padEnd(40, '0') }));
  t.equal((await readReport(path)).commit, 'c0ffee'.padEnd(40, '0'), 'of a Hub repository');
  const ratios = { calibrationLossRatio: 0.2, heldOutLossRatio: 0.25 };
  const more: Partial<InitializationReport> = {
    generalization: [
      { kind: 'q_proj', modules: 3, ...ratios, gap: 0.25 },
      { kind: 'k_proj', modules: 3, calibrationLossRatio: 0, heldOutLossRatio: 0, gap: null },
    ],
    tokenChoice: {
      ...{ chosen: 4096, considered: 8192, limit: 0.24, decidedBy: 'q_proj', pilotBlocks: [0, 1] },
      curve: [{ tokens: 4096, ...ratios, byKind: { q_proj: ratios } }],
    },
  };
  await writeFile(path, JSON.stringify({ ...report, ...more }));
  t.same(await readReport(path), { ...report, ...more }, 'of chosen tokens');
});

t.test('every field is missed, by name', async (t) => {
  const directory = t.testdir();
  const fields = Object.keys(sampleReport());
  t.equal(fields.length, 22);
  for (const field of fields.filter((field) => field !== 'arithmetic')) {
    const path = join(directory, `${field}.json`);
    await writeFile(path, JSON.stringify({ ...sampleReport(), [field]: undefined }));
    await t.rejects(readReport(path), { code: 'QL_REPORT', message: new RegExp(`${field}\\.json: ${field}[. ]`) });
  }
});

t.test('a wrong value is named with its place', async (t) => {
  const directory = t.testdir();
  const module = sampleReport().modules[0]!;
  const cases: readonly (readonly [unknown, RegExp])[] = [
    [
      { calibration: { ...sampleReport().calibration, shape: { split: 'dev' } } },
      /calibration\.shape\.split must be one of train, validation, test, not "dev"/,
    ],
    [{ modules: [module, { ...module, shape: [64] }] }, /modules\[1\]\.shape must have 2 entries, not 1/],
    [{ modules: [{ ...module, loss: { none: 1, final: '0' } }] }, /modules\[0\]\.loss\.final must be a number of at least 0, not "0"/],
    [{ modules: [{ ...module, statistic: 'X' }] }, /modules\[0\]\.statistic must be "H" or "G", not "X"/],
    [{ modules: {} }, /modules must be a list/],
    [{ shardHashes: [{ file: 'a', sha256: 'zz' }] }, /shardHashes\[0\]\.sha256 must be 64 hexadecimal digits/],
    [{ rank: 1.5 }, /rank must be a whole number/],
    [{ arithmetic: { asked: 'auto', used: 'bf16', why: '' } }, /arithmetic\.used must be one of f32, int8-split, not "bf16"/],
    [{ commit: 'main' }, /commit must be 40 hexadecimal digits, not "main"/],
    [{ versions: { node: '20' } }, /versions\.quailora must be a non-empty string, not nothing/],
    [{ generalization: [{ kind: 'q_proj' }] }, /generalization\[0\]\.modules must be a whole number/],
    [{ tokenChoice: { chosen: 0 } }, /tokenChoice\.chosen must be a whole number of at least 1, not 0/],
    [{ totals: null }, /totals must be an object, not null/],
    [{ plan: { peakBytes: 1, peakAt: '' } }, /plan\.peakAt must be a non-empty string/],
    [{ files: [{ file: 'base/model.safetensors', bytes: -1 }] }, /files\[0\]\.bytes must be/],
    [{ experts: { matrices: 1 } }, /experts\.parameters must be a whole number/],
  ];
  for (const [i, [change, message]] of cases.entries()) {
    const path = join(directory, `${i}.json`);
    await writeFile(path, JSON.stringify({ ...sampleReport(), ...(change as object) }));
    await t.rejects(readReport(path), { code: 'QL_REPORT', message });
  }
});

t.test('a file that is missing or cut is an error that says so', async (t) => {
  const directory = t.testdir({ 'cut.json': '{"model": "x"', 'list.json': '[]' });
  await t.rejects(readReport(join(directory, 'none.json')), { code: 'QL_REPORT', message: /none\.json can't be read .*ENOENT/ });
  await t.rejects(readReport(join(directory, 'cut.json')), { code: 'QL_REPORT', message: /cut\.json is not JSON/ });
  await t.rejects(readReport(join(directory, 'list.json')), { code: 'QL_REPORT', message: /must be an object/ });
});
