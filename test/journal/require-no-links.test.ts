import { mkdir, readdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { claimOutput, findFinished, writeRecord } from '../../src/journal/index.js';
import { requireNoLinks } from '../../src/journal/require-no-links.js';
import { sampleReport } from '../reports/sample-report.js';

const fingerprint = { rank: 64 };
const options = { fingerprint, fresh: false, resumable: true };
const report = JSON.stringify({ ...sampleReport(), fingerprint });

t.test('a link anywhere below a name of ours is refused, other links are not ours', async (t) => {
  for (const name of ['base', 'report.json', '.quailora', 'adapter/adapter_model.safetensors.partial', 'statistics/deep/block-0.arrow']) {
    const place = t.testdir({ outside: { mine: 'x' }, out: { adapter: {}, statistics: { deep: {} } } });
    const link = join(place, 'out', name);
    await symlink(join(place, 'outside', 'mine'), link);
    await t.rejects(requireNoLinks(join(place, 'out'), 'everywhere'), {
      code: 'QL_OUTPUT_LINK',
      message: `${link} is a link (to ${place}/outside/mine)`,
    });
  }
  const place = t.testdir({ outside: {}, out: { adapter: { file: 'x' } } });
  await symlink(join(place, 'outside'), join(place, 'out', 'mine'));
  await symlink(join(place, 'out'), join(place, 'linked'));
  await t.resolves(requireNoLinks(join(place, 'out'), 'everywhere'));
  await t.resolves(requireNoLinks(join(place, 'linked'), 'everywhere'), 'the output may be a link');
  await t.resolves(requireNoLinks(join(place, 'absent'), 'everywhere'));
  await symlink(join(place, 'outside'), join(place, 'out', 'base'));
  await t.resolves(requireNoLinks(join(place, 'out'), 'work directory'));
});

t.test('a claim writes and removes nothing outside of its output', async (t) => {
  for (const [name, fresh] of [
    ['.quailora', true],
    ['.quailora', false],
    ['base', true],
  ] as const) {
    const place = t.testdir({ outside: { mine: 'x' }, out: { 'report.json': report } });
    const out = join(place, 'out');
    // What marks an unfinished run lies in the linked directory too.
    if (!fresh) await writeRecord(join(place, 'outside', 'journal.json'), { version: 1, fingerprint, scratch: '', clearing: true });
    const before = await readdir(join(place, 'outside'));
    await symlink(join(place, 'outside'), join(out, name));
    await t.rejects(claimOutput(out, { ...options, fresh }), { code: 'QL_OUTPUT_LINK' }, name);
    t.same(await readdir(join(place, 'outside')), before);
  }
});

t.test('an output that is known to be finished takes no lock through a link', async (t) => {
  const place = t.testdir({ outside: { mine: 'x' }, out: { 'report.json': report } });
  await symlink(join(place, 'outside'), join(place, 'out', '.quailora'));
  await t.rejects(findFinished(join(place, 'out'), fingerprint, []), { code: 'QL_OUTPUT_LINK' });
  t.same(await readdir(join(place, 'outside')), ['mine']);
});

t.test('a finished run whose base was moved and linked is still known', async (t) => {
  const place = t.testdir({ disk: { 'config.json': '{}' }, out: { 'report.json': report } });
  await symlink(join(place, 'disk'), join(place, 'out', 'base'));
  t.equal(await findFinished(join(place, 'out'), fingerprint, []), join(place, 'out', 'report.json'));
});

t.test('a record that names a scratch directory of somebody else removes nothing', async (t) => {
  for (const name of ['scratch-photos', 'my-scratch-abcdef', 'other/.quailora/scratch-abcdef', '.quailora-scratch-toolong']) {
    const place = t.testdir({ out: { '.quailora': {} } });
    const victim = join(place, name);
    await mkdir(victim, { recursive: true });
    await writeFile(join(victim, 'mine'), 'x');
    const record = { version: 1, fingerprint: { rank: 32 }, scratch: victim, clearing: false };
    await writeRecord(join(place, 'out', '.quailora', 'journal.json'), record);
    await claimOutput(join(place, 'out'), { ...options, fresh: true });
    t.equal(await readFile(join(victim, 'mine'), 'utf8'), 'x', name);
  }
});

t.test('a scratch directory that became a link is not gone on with', async (t) => {
  const place = t.testdir({ outside: { mine: 'x' } });
  const killed = await claimOutput(join(place, 'out'), options);
  // The lock of a process that was killed names none that lives.
  for (const name of await readdir(killed.workDirectory)) if (name.startsWith('lock-')) await rm(join(killed.workDirectory, name));
  await rename(killed.scratchDirectory, `${killed.scratchDirectory}.old`);
  await symlink(join(place, 'outside'), killed.scratchDirectory);
  await t.rejects(claimOutput(join(place, 'out'), options), { code: 'QL_OUTPUT_LINK' });
  t.same(await readdir(join(place, 'outside')), ['mine']);
});
