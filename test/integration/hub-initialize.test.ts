import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { lastValueFrom, tap } from 'rxjs';
import t, { type Test } from 'tap';
import { initialize } from '../../pipelines/initialize.js';
import { openHubRepository } from '../../src/hub/index.js';
import { readReport, type InitializationReport, type ProgressEvent } from '../../src/reports/index.js';
import type { InitializeJob } from '../../src/stages/index.js';
import { faultsInOrder, randomFaults } from '../hub/fault-plan.js';
import { startHubServer } from '../hub/hub-server.js';
import { makeHubPlace, readTree } from './hub-place.js';
import { tinyJob } from './tiny-model.js';

type Event = ProgressEvent<InitializationReport>;

const place = await makeHubPlace(t);
const { server, id } = place;

const run = async (job: InitializeJob, onEvent: (event: Event) => void = () => undefined): Promise<void> => {
  await lastValueFrom(initialize(job).pipe(tap(onEvent)));
};

/** A job on the Hub's model, with a cache of its own. */
const hubJob = (name: string, changes: Partial<InitializeJob> = {}): InitializeJob =>
  tinyJob(place, name, { model: id, hub: place.hub(`cache-${name}`), ...changes });

await run(tinyJob(place, 'directory'));
const expected = await readTree(place.output('directory'));

/** Compares all files of a run's output with those of the run on the directory; reports but for times and names. */
const sameAsDirectory = async (t: Test, name: string): Promise<void> => {
  const found = await readTree(place.output(name));
  t.same([...found.keys()], [...expected.keys()]);
  for (const [file, bytes] of expected) if (file !== 'report.json') t.ok(found.get(file)!.equals(bytes), file);
  const [report, reference] = await Promise.all([name, 'directory'].map((run) => readReport(join(place.output(run), 'report.json'))));
  t.match(report, { model: id, commit: server.commit(id), shardHashes: reference!.shardHashes });
  t.same(
    report!.modules.map(({ seconds, ...rest }) => [seconds > 0, rest]),
    reference!.modules.map(({ seconds, ...rest }) => [seconds > 0, rest]),
  );
};

t.test('with one request in ten failing the bytes are those of the directory', async (t) => {
  let failed = 0;
  const plan = randomFaults(13, 0.1);
  server.setFaults((request) => {
    const fault = plan(request);
    if (fault) failed++;
    return fault;
  });
  const transfers: Event[] = [];
  await run(hubJob('faults'), (event) => {
    if (event.type === 'stage' && event.stage === 'download') transfers.push(event);
  });
  server.setFaults(undefined);
  t.ok(failed >= 4, `${failed} requests failed`);
  await sameAsDirectory(t, 'faults');
  t.notOk(existsSync(join(place.output('faults'), '.quailora')));
  t.match(transfers, new Array(transfers.length).fill({ file: String, bytes: Number, totalBytes: Number, seconds: Number }));
  t.ok(transfers.some((event) => event.type === 'stage' && event.file === 'model-00003-of-00003.safetensors' && event.bytes === 16568));
});

t.test('shards come as blocks need them, and go when they are discarded', async (t) => {
  const held: { readonly block: number; readonly shards: string[] }[] = [];
  await run(hubJob('discard', { discardShards: true, workers: 2 }), (event) => {
    if (event.type === 'module') held.push({ block: event.block, shards: place.shardsInCache('cache-discard') });
  });
  await sameAsDirectory(t, 'discard');
  const shard = (number: number): string => `model-0000${number}-of-00003.safetensors`;
  // Block 0 lies in the first two shards, block 1 in the second, block 2 in the third, which may come a block ahead.
  const allowed = [[shard(1), shard(2)], [shard(2), shard(3)], [shard(3)]];
  const needed = [[shard(1), shard(2)], [shard(2)], [shard(3)]];
  for (const { block, shards } of held) {
    t.ok(
      shards.every((name) => allowed[block]!.includes(name)),
      `block ${block}: ${shards.join()}`,
    );
    t.ok(
      needed[block]!.every((name) => shards.includes(name)),
      `block ${block}: ${shards.join()}`,
    );
  }
  t.equal(held.length, 21);
  t.same(place.shardsInCache('cache-discard'), [], 'none is left');
});

t.test('a shard that the cache held before stays', async (t) => {
  const repository = await openHubRepository({ kind: 'model', name: id }, place.hub('cache-kept')());
  await repository.fetch('model-00002-of-00003.safetensors');
  await run(hubJob('kept', { discardShards: true, writeBase: false, modules: ['q_proj'] }));
  t.same(place.shardsInCache('cache-kept'), ['model-00002-of-00003.safetensors']);
});

t.test('with prefetch all shards are there before the work begins, and serve offline afterwards', async (t) => {
  let first: number | undefined;
  await run(hubJob('prefetch', { prefetch: true, writeBase: false }), (event) => {
    if (event.type === 'stage' && event.stage === 'calibrate') first ??= place.shardsInCache('cache-prefetch').length;
  });
  t.equal(first, 3);
  const requests = server.requests.length;
  await run(hubJob('offline', { hub: place.hub('cache-prefetch', { offline: true }) }));
  t.equal(server.requests.length, requests, 'nothing was asked');
  await sameAsDirectory(t, 'offline');
  await t.rejects(run(hubJob('nothing', { hub: place.hub('empty', { offline: true }) })), { code: 'QL_HUB_OFFLINE' });
});

t.test('an abort in the middle of a transfer leaves a cache to go on from, and no output', async (t) => {
  // The three headers pass.
  server.setFaults(faultsInOrder('storage', [undefined, undefined, undefined, { kind: 'stall', afterBytes: 8000 }]));
  const controller = new AbortController();
  const job = hubJob('aborted', { signal: controller.signal });
  await t.rejects(
    run(job, (event) => {
      if (event.type === 'stage' && event.file?.endsWith('.safetensors') && event.bytes! >= 8000) controller.abort();
    }),
  );
  server.setFaults(undefined);
  t.notOk(existsSync(job.output));
  t.same(place.shardsInCache('cache-aborted'), []);
  t.equal(place.partialFiles('cache-aborted').length, 1);
  const before = server.requests.length;
  await run(hubJob('aborted'));
  await sameAsDirectory(t, 'aborted');
  t.ok(
    server.requests.slice(before).some(({ range }) => range?.startsWith('bytes=8000-')),
    'the transfer was resumed',
  );
});

t.test('shards without a told hash: a run that began with the Hub goes on with the cache, and is finished for it', async (t) => {
  const plain = await startHubServer([{ kind: 'model', name: id, revisions: { main: place.model } }], { isLarge: () => false });
  t.teardown(() => plain.close());
  const controller = new AbortController();
  const job = (offline: boolean): InitializeJob =>
    hubJob('plain', { hub: place.hub('cache-plain', { endpoint: plain.endpoint, offline }), checkpointSeconds: 0 });
  await t.rejects(
    run({ ...job(false), signal: controller.signal }, (event) => {
      if (event.type === 'stage' && event.stage === 'calibrate' && event.block === 1) controller.abort();
    }),
  );
  const codes: string[] = [];
  const note = (event: Event): void => {
    if (event.type === 'notice') codes.push(event.code);
  };
  await run(job(false), note);
  await run(job(true), note);
  t.same(codes, ['resumed', 'finished']);
  const found = await readTree(place.output('plain'));
  for (const [file, bytes] of expected) if (file !== 'report.json') t.ok(found.get(file)!.equals(bytes), file);
});

t.test('the adapter names the repository and its revision', async (t) => {
  const { baseName, ...job } = hubJob('revision', { revision: 'other', writeBase: false, modules: ['q_proj'] });
  t.equal(baseName, 'tiny');
  await run(job);
  const adapter = join(place.output('revision'), 'adapter');
  t.match(JSON.parse(await readFile(join(adapter, 'adapter_config.json'), 'utf8')), { base_model_name_or_path: id, revision: 'other' });
  t.match(await readFile(join(adapter, 'README.md'), 'utf8'), 'from_pretrained("org/tiny", revision="other", quantization_config=');
  t.match(await readReport(join(place.output('revision'), 'report.json')), { model: id, commit: server.commit(id, 'other') });
});
