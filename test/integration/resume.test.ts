import { spawnSync } from 'node:child_process';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { lastValueFrom, toArray } from 'rxjs';
import t, { type Test } from 'tap';
import { initialize, type CustomStages } from '../../pipelines/initialize.js';
import { openCheckpoint } from '../../src/checkpoint/index.js';
import type { InitializationReport, ProgressEvent } from '../../src/reports/index.js';
import type { InitializeJob } from '../../src/stages/index.js';
import { differences, readOutput, runUntil } from './killed-runs.js';
import { writeTinyText } from './tiny-checkpoint.js';
import { writeTinyMixture } from './tiny-mixture.js';
import { makeTinyWorkplace, tinyJob, type TinyWorkplace } from './tiny-model.js';

type Events = ProgressEvent<InitializationReport>[];

const run = (job: InitializeJob, custom?: CustomStages): Promise<Events> => lastValueFrom(initialize(job, custom).pipe(toArray()));

/** Runs a job until an event, and aborts it there. */
const runTo = async (job: InitializeJob, wanted: (event: Events[number]) => boolean): Promise<void> => {
  const controller = new AbortController();
  await new Promise<void>((resolve) => {
    initialize({ ...job, signal: controller.signal }).subscribe({
      next: (event) => {
        if (wanted(event)) controller.abort();
      },
      error: () => resolve(),
      complete: () => resolve(),
    });
  });
};

const notices = (events: Events): (readonly [code: string, message: string])[] =>
  events.flatMap((event) => (event.type === 'notice' ? [[event.code, event.message] as const] : []));

const inBlock =
  (block: number, stage: string) =>
  (event: Events[number]): boolean =>
    event.type === 'stage' && event.stage === stage && event.block === block;

/** Files of a work directory, by a part of their paths. */
const find = async (job: InitializeJob, part: string): Promise<string[]> => {
  const entries = await readdir(join(job.output, '.quailora'), { recursive: true, withFileTypes: true });
  const paths = entries.filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name));
  return paths.filter((path) => path.slice(job.output.length).includes(part)).sort();
};

const spoil = async (path: string): Promise<void> => {
  const bytes = await readFile(path);
  bytes[bytes.length >> 1]! ^= 1;
  await writeFile(path, bytes);
};

const place: TinyWorkplace = await makeTinyWorkplace(t.testdir());
const job = (name: string, changes: Partial<InitializeJob> = {}): InitializeJob =>
  tinyJob(place, name, { checkpointSeconds: 0, ...changes });
await run(job('whole'));
const whole = await readOutput(place.output('whole'));

const isWhole = async (t: Test, { output }: InitializeJob, what: string): Promise<void> => {
  t.same(differences(await readOutput(output), whole), [], what);
};

t.test('what was damaged is done again, and said', async (t) => {
  for (const [name, part, stop, code] of [
    ['record', 'checkpoint.json', inBlock(1, 'solve'), 'damaged'],
    ['sums', 'sums-', inBlock(1, 'solve'), 'damaged'],
    ['hidden', 'hidden-', inBlock(1, 'solve'), 'damaged'],
    ['factors', join('factors', 'model.layers.0.self_attn.q_proj'), inBlock(1, 'calibrate'), 'damaged'],
    ['base', join('base', 'model.layers.0.mlp.up_proj'), inBlock(1, 'calibrate'), 'damaged'],
  ] as const)
    for (const how of ['spoilt', 'gone'] as const) {
      const broken = job(`${name}-${how}`);
      await runTo(broken, stop);
      const [file] = await find(broken, part);
      t.ok(file, `${name} is there`);
      await (how === 'gone' ? rm(file!) : spoil(file!));
      const told = notices(await run(broken));
      // A record or a part that is gone was never there, as far as anybody can tell.
      const silent = how === 'gone' && !['sums', 'hidden'].includes(name);
      t.equal(
        told.some(([told, message]) => told === code && message.includes(file!)),
        !silent,
        `${name} ${how}: ${told.join('; ')}`,
      );
      await isWhole(t, broken, `${name} ${how}`);
    }
});

t.test('a piece that the system refuses to read is an error, and going on works once it can be read', async (t) => {
  const unreadable = job('unreadable');
  await runTo(unreadable, inBlock(1, 'calibrate'));
  const [file] = await find(unreadable, join('factors', 'model.layers.0.self_attn.q_proj'));
  const bytes = await readFile(file!);
  await rm(file!);
  await mkdir(file!);
  await t.rejects(run(unreadable), { code: 'QL_JOURNAL_READ', message: new RegExp('self_attn.q_proj.*EISDIR') });
  await rm(file!, { recursive: true });
  await writeFile(file!, bytes);
  const told = notices(await run(unreadable));
  t.match(told, [['resumed', /1 of 3 blocks were done/]]);
  await isWhole(t, unreadable, 'the same');
});

t.test('between a block and its solution, inside a block, and after the last: it goes on there', async (t) => {
  for (const [name, stop, resumed] of [
    ['calibrating', inBlock(1, 'calibrate'), /1 of 3 blocks were done; going on/],
    ['solving', inBlock(2, 'solve'), /2 of 3 blocks were done, and \d of the 7 layers of block 3; going on/],
  ] as const) {
    const stopped = job(name);
    await runTo(stopped, stop);
    const events = await run(stopped);
    t.match(notices(events), [['resumed', resumed]], name);
    const passed = events.flatMap((event) => (event.type === 'stage' && event.stage === 'calibrate' ? [event.block!] : []));
    t.ok(Math.min(...passed, 9) >= (name === 'solving' ? 2 : 1), `${name}: earlier blocks are not passed again: ${passed.join()}`);
    await isWhole(t, stopped, name);
  }
  const seldom = job('seldom', { checkpointSeconds: 1000 });
  await runTo(seldom, inBlock(2, 'calibrate'));
  t.same(await find(seldom, 'checkpoint.json'), [], 'no checkpoint was due');
  const events = await run(seldom);
  t.equal(events.filter((event) => event.type === 'module').length, 7, 'blocks that are solved are passed, not solved again');
  await isWhole(t, seldom, 'without checkpoints');
});

t.test('a scratch directory elsewhere is used, and removed', async (t) => {
  const scratch = t.testdir();
  const elsewhere = job('elsewhere', { scratch });
  await runTo(elsewhere, inBlock(1, 'solve'));
  t.match(await readdir(scratch), [/^\.quailora-scratch-/]);
  const other = await readdir(join(scratch, (await readdir(scratch))[0]!));
  t.ok(other.some((name) => name.startsWith('hidden-')) && other.some((name) => name.startsWith('sums-')));
  t.match(notices(await run(elsewhere)), [['resumed', /1 of 3 blocks/]]);
  t.same(await readdir(scratch), []);
  await isWhole(t, elsewhere, 'the same');
});

t.test('another model, text or option is refused by name', async (t) => {
  const other = await makeTinyWorkplace(t.testdir());
  const begun = tinyJob(other, 'out', { checkpointSeconds: 0 });
  await runTo(begun, inBlock(1, 'calibrate'));
  await t.rejects(run({ ...begun, rank: 2, alpha: 8, bits: 8 }), {
    code: 'QL_OUTPUT_DIFFERS',
    message: /quantizer: nf4 there, int8 now; rank: 4 there, 2 now; alpha: 16 there, 8 now/,
  });
  await t.rejects(run({ ...begun, budget: { kind: 'tokens', tokens: 320 } }), {
    code: 'QL_OUTPUT_DIFFERS',
    message: /calibration tokens: /,
  });
  const { file, offset } = (await openCheckpoint(other.model)).tensors.get('model.layers.2.mlp.up_proj.weight')!;
  const shard = await readFile(file);
  shard[offset]! ^= 1;
  await writeFile(file, shard);
  await t.rejects(run(begun), { code: 'QL_OUTPUT_DIFFERS', message: /\(weights: / });
  const told = notices(await run({ ...begun, fresh: true }));
  t.same(told, [], 'nothing of the earlier run was used');
});

t.test('a tap sees every chunk, so a run with one starts over', async (t) => {
  const tapped = job('tapped');
  await runTo(tapped, inBlock(1, 'calibrate'));
  const blocks = new Set<number>();
  const custom: CustomStages = { taps: [{ inputs: 'all', consume: (chunk) => void blocks.add(chunk.block) }] };
  t.same(notices(await run(tapped, custom)), []);
  t.same([...blocks], [0, 1, 2]);
  await isWhole(t, tapped, 'the same');
});

t.test(
  'two runs at once on one output: one writes, the other is refused',
  { skip: process.platform === 'win32' && 'spawns' },
  async (t) => {
    const line = [
      'init',
      place.model,
      '--calibration',
      place.text,
      '--tokens',
      '640',
      '--window',
      '32',
      '--held-out',
      '0.25',
      '--rank',
      '4',
    ];
    const args = [...line, '--write-base', '--workers', '1', '--base-name', 'tiny', '--output', place.output('both')];
    const endings = await Promise.all([runUntil(args), runUntil(args)]);
    for (const { status, stderr } of endings)
      if (status !== 0) t.match(stderr, /^QL_OUTPUT_BUSY .*being written to by another run of quailora, process \d+/);
    const last = await runUntil(args);
    t.equal(last.status, 0, last.stderr);
    t.same(differences(await readOutput(place.output('both')), whole), []);
  },
);

t.test(
  'a disk that is full ends the run, and once there is space it goes on',
  { skip: process.platform === 'win32' && 'needs ulimit' },
  async (t) => {
    // Hidden states take 41 KB, the base 60 KB: it is the base that does not fit.
    const budget = { kind: 'tokens', tokens: 320 } as const;
    const full = job('full', { budget });
    await run(job('not-full', { budget }));
    const line = [
      'init',
      place.model,
      '--calibration',
      place.text,
      '--tokens',
      '320',
      '--window',
      '32',
      '--held-out',
      '0.25',
      '--rank',
      '4',
    ];
    const args = [...line, '--write-base', '--workers', '1', '--base-name', 'tiny', '--output', full.output];
    const main = fileURLToPath(new URL('../../src/cli/main.js', import.meta.url));
    const limit = 'unset NODE_OPTIONS; ulimit -f 100; exec "$0" "$@"';
    const limited = spawnSync('sh', ['-c', limit, process.execPath, main, ...args], { encoding: 'utf8' });
    t.equal(limited.status, 1);
    t.match(limited.stderr, /^QL_DISK_FULL .*base.*ulimit/);
    t.match(notices(await run(full)), [['resumed', /2 of 3 blocks were done, and 6 of the 7 layers of block 3/]]);
    t.same(differences(await readOutput(full.output), await readOutput(place.output('not-full'))), []);
  },
);

t.test('routed experts: counts, sums and factors are taken over', async (t) => {
  const directory = t.testdir();
  await writeTinyMixture(join(directory, 'model'));
  await writeTinyText(join(directory, 'text.txt'));
  const files = { model: join(directory, 'model'), text: join(directory, 'text.txt'), output: (name: string) => join(directory, name) };
  const mixture = (name: string): InitializeJob =>
    tinyJob(files, name, { experts: true, budget: { kind: 'tokens', tokens: 384 }, heldOutFraction: 1 / 3, checkpointSeconds: 0 });
  await run(mixture('whole'));
  const expected = await readOutput(files.output('whole'));
  for (const [name, stop] of [
    ['calibrating', inBlock(1, 'calibrate')],
    ['solving', inBlock(1, 'solve')],
  ] as const) {
    const stopped = mixture(name);
    await runTo(stopped, stop);
    t.match(notices(await run(stopped)), [['resumed', /1 of 2 blocks were done/]], name);
    t.same(differences(await readOutput(stopped.output), expected), [], name);
  }
});
