import { chmod, mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { claimOutput, outputState } from '../../src/journal/index.js';
import { sampleReport } from '../reports/sample-report.js';

const report = JSON.stringify(sampleReport());
const finishedRun = { adapter: { 'adapter_model.safetensors': 'x' }, base: { 'config.json': '{}' }, 'report.json': report };

t.test('a run marks its directory until it ends', async (t) => {
  const directory = join(t.testdir(), 'deep', 'out');
  const claim = await claimOutput(directory, { overwrite: false });
  t.match(await outputState(directory), { kind: 'unfinished', files: [] });
  await mkdir(join(directory, 'adapter'));
  await writeFile(join(directory, 'adapter', 'README.md'), '');
  t.match(await outputState(directory), { kind: 'unfinished', files: ['adapter/README.md'] });
  await writeFile(join(directory, 'report.json'), report);
  await claim.finish();
  t.match(await outputState(directory), { kind: 'finished', files: ['adapter/README.md', 'report.json'] });
});

t.test('an empty directory is taken', async (t) => {
  const directory = t.testdir();
  await claimOutput(directory, { overwrite: false });
  t.equal((await outputState(directory)).kind, 'unfinished');
});

t.test("a directory of somebody else's is refused, even with overwrite", async (t) => {
  for (const content of [
    { 'notes.txt': 'mine' },
    { 'report.json': '{"title": "sales"}' },
    { 'report.json': 'not JSON' },
    { 'report.json': '{"versions": "2"}' },
    { adapter: { 'adapter_model.safetensors': 'x' } },
  ]) {
    const directory = t.testdir(content);
    for (const overwrite of [false, true])
      await t.rejects(claimOutput(directory, { overwrite }), { code: 'QL_OUTPUT_NOT_EMPTY', message: new RegExp(directory) });
    t.same(await readdir(directory), Object.keys(content), 'nothing was touched');
  }
});

t.test('a finished run is refused, and replaced on request', async (t) => {
  const directory = t.testdir({ ...finishedRun, 'notes.txt': 'mine' });
  await t.rejects(claimOutput(directory, { overwrite: false }), { code: 'QL_OUTPUT_EXISTS', message: /a finished run.*--overwrite/ });
  t.same((await readdir(directory)).sort(), ['adapter', 'base', 'notes.txt', 'report.json']);
  await claimOutput(directory, { overwrite: true });
  t.same((await readdir(directory)).sort(), ['.quailora-unfinished', 'notes.txt'], 'only our files went');
});

t.test('an unfinished run is refused, and replaced on request', async (t) => {
  const directory = t.testdir({ adapter: { 'x.partial': '' }, '.quailora-unfinished': '' });
  await t.rejects(claimOutput(directory, { overwrite: false }), { code: 'QL_OUTPUT_EXISTS', message: /an unfinished run/ });
  await claimOutput(directory, { overwrite: true });
  t.same(await readdir(directory), ['.quailora-unfinished']);
});

t.test('of two runs at once, one gets the directory', async (t) => {
  const directory = join(t.testdir(), 'out');
  const settled = await Promise.allSettled([1, 2, 3].map(() => claimOutput(directory, { overwrite: false })));
  t.equal(settled.filter(({ status }) => status === 'fulfilled').length, 1);
  for (const outcome of settled) if (outcome.status === 'rejected') t.match(outcome.reason, { code: 'QL_OUTPUT_EXISTS' });
});

t.test('giving up leaves no trace where nothing was written', async (t) => {
  const parent = t.testdir({ empty: {} });
  await (await claimOutput(join(parent, 'new'), { overwrite: false })).abandon();
  await (await claimOutput(join(parent, 'empty'), { overwrite: false })).abandon();
  t.same(await readdir(parent), ['empty']);
  t.equal((await outputState(join(parent, 'empty'))).kind, 'empty');
  const claim = await claimOutput(join(parent, 'new'), { overwrite: false });
  await mkdir(join(parent, 'new', 'base'));
  await writeFile(join(parent, 'new', 'base', 'config.json'), '{}');
  await claim.abandon();
  t.match(await outputState(join(parent, 'new')), { kind: 'unfinished', files: ['base/config.json'] });
});

t.test('a path that no directory can have is an error with a code', async (t) => {
  const parent = t.testdir({ file: 'x' });
  await t.rejects(claimOutput(join(parent, 'file'), { overwrite: true }), { code: 'QL_UNWRITABLE' });
  await t.rejects(claimOutput(join(parent, 'file', 'out'), { overwrite: true }), { code: 'QL_UNWRITABLE' });
  if (process.getuid?.() === 0) return;
  await chmod(parent, 0o555);
  await t.rejects(claimOutput(join(parent, 'out'), { overwrite: false }), { code: 'QL_UNWRITABLE' });
  await chmod(parent, 0o755);
});
