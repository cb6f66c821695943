import { chmod, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { claimOutput, outputState, writeRecord, type ClaimOptions } from '../../src/journal/index.js';
import { sampleReport } from '../reports/sample-report.js';

const report = JSON.stringify(sampleReport());
const finishedRun = { adapter: { 'adapter_model.safetensors': 'x' }, base: { 'config.json': '{}' }, 'report.json': report };
const options = (changes: Partial<ClaimOptions> = {}): ClaimOptions => ({
  ...{ fingerprint: { rank: 64, model: 'm' }, fresh: false, resumable: true },
  ...changes,
});

t.test('a run marks its directory until it ends', async (t) => {
  const directory = join(t.testdir(), 'deep', 'out');
  const claim = await claimOutput(directory, options());
  t.match(await outputState(directory), { kind: 'unfinished', files: [] });
  await mkdir(join(directory, 'adapter'));
  await writeFile(join(directory, 'adapter', 'README.md'), '');
  await writeFile(join(claim.scratchDirectory, 'states'), '');
  t.match(await outputState(directory), { kind: 'unfinished', files: ['adapter/README.md'] });
  await writeFile(join(directory, 'report.json'), report);
  await claim.finish();
  t.match(await outputState(directory), { kind: 'finished', files: ['adapter/README.md', 'report.json'] });
  t.same((await readdir(directory)).sort(), ['adapter', 'report.json']);
});

t.test('an empty directory is taken', async (t) => {
  const directory = t.testdir();
  await claimOutput(directory, options());
  t.equal((await outputState(directory)).kind, 'unfinished');
});

t.test("a directory of somebody else's is refused, even to start over", async (t) => {
  for (const content of [
    { 'notes.txt': 'mine' },
    { 'report.json': '{"title": "sales"}' },
    { 'report.json': 'not JSON' },
    { 'report.json': '{"versions": "2"}' },
    { adapter: { 'adapter_model.safetensors': 'x' } },
  ]) {
    const directory = t.testdir(content);
    for (const fresh of [false, true])
      await t.rejects(claimOutput(directory, options({ fresh })), { code: 'QL_OUTPUT_NOT_EMPTY', message: new RegExp(directory) });
    t.same(await readdir(directory), Object.keys(content), 'nothing was touched');
  }
});

t.test('a finished run is refused, and replaced on request', async (t) => {
  const directory = t.testdir({ ...finishedRun, 'notes.txt': 'mine' });
  await t.rejects(claimOutput(directory, options()), { code: 'QL_OUTPUT_EXISTS', message: /a finished run.*--fresh/ });
  t.same((await readdir(directory)).sort(), ['adapter', 'base', 'notes.txt', 'report.json']);
  await claimOutput(directory, options({ fresh: true }));
  t.same((await readdir(directory)).sort(), ['.quailora', 'notes.txt'], 'only our files went');
});

t.test('what a run left that was killed after its last rename goes with the next claim, refused or not', async (t) => {
  const left = { '.quailora-removed': { parts: { factors: { a: 'x' } } } };
  const finished = t.testdir({ ...finishedRun, ...left });
  await t.rejects(claimOutput(finished, options()), { code: 'QL_OUTPUT_EXISTS' });
  t.same((await readdir(finished)).sort(), ['adapter', 'base', 'report.json']);
  const foreign = t.testdir({ 'notes.txt': 'mine', ...left });
  await t.rejects(claimOutput(foreign, options()), { code: 'QL_OUTPUT_NOT_EMPTY' });
  t.same((await readdir(foreign)).sort(), ['.quailora-removed', 'notes.txt']);
  const empty = t.testdir(left);
  await claimOutput(empty, options());
  t.same(await readdir(empty), ['.quailora']);
});

t.test('what a killed run finished is there for the same run, and for no other', async (t) => {
  const root = t.testdir();
  const directory = join(root, 'out');
  const killed = await claimOutput(directory, options());
  await writeFile(join(killed.workDirectory, 'piece'), 'x');
  await writeFile(join(killed.scratchDirectory, 'states'), 'x');
  await releaseLocks(killed.workDirectory);
  await t.rejects(claimOutput(directory, options({ fingerprint: { rank: 32, model: 'm' } })), {
    code: 'QL_OUTPUT_DIFFERS',
    message: /\(rank: 64 there, 32 now\).*--fresh/,
  });
  const again = await claimOutput(directory, options());
  t.equal(again.scratchDirectory, killed.scratchDirectory);
  t.equal(await readFile(join(again.workDirectory, 'piece'), 'utf8'), 'x');
  await again.abandon();
  t.equal((await outputState(directory)).kind, 'unfinished', 'what is finished is kept');

  const elsewhere = join(root, 'large');
  const moved = await claimOutput(directory, options({ scratch: elsewhere }));
  t.ok(moved.scratchDirectory.startsWith(join(elsewhere, '.quailora-scratch-')));
  t.notOk((await readdir(moved.workDirectory)).includes(killed.scratchDirectory.split('/').at(-1)!), 'the former one is removed');
  await writeFile(join(moved.scratchDirectory, 'states'), 'x');
  await moved.abandon();

  const fresh = await claimOutput(directory, options({ fresh: true, fingerprint: { rank: 32, model: 'm' } }));
  t.notOk((await readdir(fresh.workDirectory)).includes('piece'));
  t.same(await readdir(elsewhere), [], 'a scratch directory elsewhere goes too');
});

/** Removes the locks of this process, as its death would make them void. */
const releaseLocks = async (work: string): Promise<void> => {
  for (const name of await readdir(work)) if (name.startsWith('lock-')) await rm(join(work, name));
};

t.test('a run that can not go on starts over', async (t) => {
  const directory = join(t.testdir(), 'out');
  const first = await claimOutput(directory, options());
  await writeFile(join(first.workDirectory, 'piece'), 'x');
  await first.abandon();
  const second = await claimOutput(directory, options({ resumable: false }));
  t.notOk((await readdir(second.workDirectory)).includes('piece'));
});

t.test('a removal that was killed in the middle is done again', async (t) => {
  const directory = t.testdir(finishedRun);
  const claim = await claimOutput(directory, options({ fresh: true }));
  await releaseLocks(claim.workDirectory);
  const journal = join(claim.workDirectory, 'journal.json');
  await writeRecord(journal, { version: 1, fingerprint: options().fingerprint, scratch: '', clearing: true });
  await mkdir(join(directory, 'base'));
  await writeFile(join(directory, 'base', 'model-00009-of-00009.safetensors'), 'old');
  await claimOutput(directory, options());
  t.same((await readdir(directory)).sort(), ['.quailora']);
});

t.test('a damaged journal is an error, and can be started over', async (t) => {
  const directory = join(t.testdir(), 'out');
  const claim = await claimOutput(directory, options());
  await writeFile(join(claim.workDirectory, 'piece'), 'x');
  await claim.abandon();
  const journal = join(claim.workDirectory, 'journal.json');
  const bytes = await readFile(journal);
  bytes[100]! ^= 1;
  await writeFile(journal, bytes);
  await t.rejects(claimOutput(directory, options()), { code: 'QL_JOURNAL', message: /journal\.json.*--fresh/ });
  await claimOutput(directory, options({ fresh: true }));
});

t.test('of two runs at once, one gets the directory', async (t) => {
  const directory = join(t.testdir(), 'out');
  const settled = await Promise.allSettled([1, 2, 3].map(() => claimOutput(directory, options())));
  t.ok(settled.filter(({ status }) => status === 'fulfilled').length <= 1);
  for (const outcome of settled) if (outcome.status === 'rejected') t.match(outcome.reason, { code: 'QL_OUTPUT_BUSY' });
  await t.rejects(Promise.all([claimOutput(directory, options()), claimOutput(directory, options())]), { code: 'QL_OUTPUT_BUSY' });
});

t.test('giving up leaves no trace where nothing was finished', async (t) => {
  const parent = t.testdir({ empty: {} });
  const claim = await claimOutput(join(parent, 'new'), options());
  await writeFile(join(claim.scratchDirectory, 'states'), 'x');
  await mkdir(join(parent, 'new', 'adapter'));
  await claim.abandon();
  await (await claimOutput(join(parent, 'empty'), options())).abandon();
  t.same(await readdir(parent), ['empty']);
  t.equal((await outputState(join(parent, 'empty'))).kind, 'empty');
  const other = await claimOutput(join(parent, 'new'), options());
  await mkdir(join(parent, 'new', 'base'));
  await writeFile(join(parent, 'new', 'base', 'config.json'), '{}');
  await other.abandon();
  t.match(await outputState(join(parent, 'new')), { kind: 'unfinished', files: ['base/config.json'] });
});

t.test('a path that no directory can have is an error with a code', async (t) => {
  const parent = t.testdir({ file: 'x' });
  await t.rejects(claimOutput(join(parent, 'file'), options({ fresh: true })), { code: 'QL_UNWRITABLE' });
  await t.rejects(claimOutput(join(parent, 'file', 'out'), options({ fresh: true })), { code: 'QL_UNWRITABLE' });
  if (process.getuid?.() === 0) return;
  await chmod(parent, 0o555);
  await t.rejects(claimOutput(join(parent, 'out'), options()), { code: 'QL_UNWRITABLE' });
});

t.test('the kinds of processors that attempts had are kept, the last one last; a fresh run forgets them', async (t) => {
  const directory = join(t.testdir(), 'out');
  const processorsOf = async (changes: Partial<ClaimOptions>): Promise<readonly string[]> => {
    const claim = await claimOutput(directory, options(changes));
    // A killed process leaves a lock that names no process any more.
    for (const name of await readdir(claim.workDirectory)) if (name.startsWith('lock-')) await rm(join(claim.workDirectory, name));
    return claim.processors;
  };
  t.same(await processorsOf({ processor: 'x64: avx2' }), ['x64: avx2']);
  t.same(await processorsOf({ processor: 'x64: avx2' }), ['x64: avx2']);
  t.same(await processorsOf({ processor: 'x64: avx512f' }), ['x64: avx2', 'x64: avx512f']);
  t.same(await processorsOf({ processor: 'x64: avx2' }), ['x64: avx512f', 'x64: avx2']);
  t.same(await processorsOf({}), ['x64: avx512f', 'x64: avx2']);
  t.same(await processorsOf({ processor: 'x64: avx2', fresh: true }), ['x64: avx2']);
});
