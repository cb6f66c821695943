import { fork } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { openHubRepository, type HubRepository, type HubRepositoryId, type HubSettings, type HubTransfer } from '../../src/hub/index.js';
import { faultsInOrder, randomFaults, type FaultPlan } from './fault-plan.js';
import { startHubServer } from './hub-server.js';
import { CONFIG, hastyPatience, serveTiny, SHARD, writeTinyRepository } from './tiny-repository.js';

const open = (
  settings: HubSettings,
  id: Partial<HubRepositoryId> = {},
  patience: Parameters<typeof hastyPatience>[0] = {},
): Promise<HubRepository> =>
  openHubRepository({ kind: 'model', name: 'org/tiny', ...id }, settings, { patience: hastyPatience(patience).patience });

const fetchAll = async (repository: HubRepository): Promise<void> => {
  for (const { path } of repository.files) await repository.fetch(path);
};

t.test('files come into the cache when they are asked for', async (t) => {
  const { server, settings } = await serveTiny(t);
  const repository = await open(settings);
  const commit = server.commit('org/tiny');
  t.match(repository, { kind: 'model', name: 'org/tiny', revision: 'main', commit });
  t.equal(repository.directory, join(settings.cacheDirectory, 'models--org--tiny', 'snapshots', commit));
  t.same(
    repository.files.map(({ path, bytes }) => [path, bytes]),
    [
      ['config.json', CONFIG.length],
      ['model.safetensors', SHARD.length],
      ['sub folder/a#b?.txt', 4],
    ],
  );
  t.same(Object.keys(repository.files[0]!), ['path', 'bytes', 'sha256']);
  await t.rejects(readdir(settings.cacheDirectory), { code: 'ENOENT' }, 'opening writes nothing');
  t.equal(await repository.has('config.json'), false);
  const path = await repository.fetch('config.json');
  t.equal(path, join(repository.directory, 'config.json'));
  t.same(await readFile(path), CONFIG);
  t.equal(await repository.has('config.json'), true);
  t.equal(await readFile(join(settings.cacheDirectory, 'models--org--tiny/refs/main'), 'utf8'), commit);
  t.equal(await readFile(await repository.fetch('sub folder/a#b?.txt'), 'utf8'), 'deep');
  const before = server.requests.length;
  await repository.fetch('config.json');
  t.equal(server.requests.length, before, 'once is enough');
});

t.test('what another commit shares is linked, not downloaded', async (t) => {
  const root = t.testdir({});
  const main = await writeTinyRepository(join(root, 'main'));
  const changed = await writeTinyRepository(join(root, 'v2'));
  await writeFile(join(changed, 'config.json'), '{"model_type": "mistral"}');
  await writeFile(join(changed, 'twin.safetensors'), SHARD);
  const server = await startHubServer([{ kind: 'model', name: 'org/tiny', revisions: { main, v2: changed } }]);
  t.teardown(() => server.close());
  const settings = { endpoint: server.endpoint, cacheDirectory: join(root, 'cache'), token: undefined, offline: false };
  await fetchAll(await open(settings));
  const second = await open(settings, { revision: 'v2' });
  const before = server.requests.length;
  await Promise.all(['model.safetensors', 'twin.safetensors'].map((path) => second.fetch(path)));
  t.equal(server.requests.length, before);
  t.same(await readFile(await second.fetch('config.json'), 'utf8'), '{"model_type": "mistral"}');
  const first = await open(settings, { revision: server.commit('org/tiny') });
  await second.discard('model.safetensors');
  t.equal(await second.has('model.safetensors'), false);
  t.equal(await first.has('model.safetensors'), true, 'a discarded file stays where another snapshot has it');
  await first.discard('model.safetensors');
  await second.discard('twin.safetensors');
  t.same((await readdir(join(settings.cacheDirectory, 'models--org--tiny/blobs'))).length, 3, 'its bytes go with the last link');
  t.same(await readFile(await first.fetch('model.safetensors')), SHARD, 'and can be fetched again');
});

t.test('two paths with the same content share one transfer', async (t) => {
  const root = t.testdir({});
  const main = await writeTinyRepository(join(root, 'main'));
  await writeFile(join(main, 'twin.safetensors'), SHARD);
  const server = await startHubServer([{ kind: 'model', name: 'org/tiny', revisions: { main } }]);
  t.teardown(() => server.close());
  const repository = await open({ endpoint: server.endpoint, cacheDirectory: join(root, 'cache'), token: undefined, offline: false });
  const paths = ['model.safetensors', 'twin.safetensors', 'model.safetensors'];
  const transfers: HubTransfer[] = [];
  const files = await Promise.all(paths.map((path) => repository.fetch(path, { onTransfer: (transfer) => transfers.push(transfer) })));
  for (const file of files) t.same(await readFile(file), SHARD);
  t.equal(server.requests.filter(({ at }) => at === 'storage').length, 1);
  t.equal(transfers.filter(({ bytes, totalBytes }) => bytes === totalBytes).length, 3, 'everybody hears the end');
});

t.test('offline, the cache is all there is', async (t) => {
  const { server, settings } = await serveTiny(t);
  const offline = { ...settings, offline: true };
  await t.rejects(open(offline), { code: 'QL_HUB_OFFLINE', retryable: false, message: /org\/tiny", revision "main".*HF_HUB_OFFLINE/ });
  const online = await open(settings);
  await online.fetch('config.json');
  await online.fetch('model.safetensors');
  const before = server.requests.length;
  for (const revision of ['main', online.commit]) {
    const repository = await open(offline, { revision });
    t.equal(repository.commit, online.commit);
    t.same(repository.files, online.files.slice(0, 2), 'sizes and checksums too');
    t.same(await readFile(await repository.fetch('model.safetensors')), SHARD);
    t.same(await repository.readRange('config.json', 1, 5), CONFIG.subarray(1, 5));
    t.equal(await repository.has('sub folder/a#b?.txt'), false);
    const error = {
      code: 'QL_HUB_OFFLINE',
      message: /^sub folder\/a#b\?\.txt of model "org\/tiny" at commit [0-9a-f]{40} is not in the cache/,
    };
    await t.rejects(repository.fetch('sub folder/a#b?.txt'), error);
    await t.rejects(repository.readRange('sub folder/a#b?.txt', 0, 1), error);
    await t.rejects(repository.fetch('../../../secret'), { code: 'QL_HUB_OFFLINE' });
  }
  const late = await open(offline);
  await rm(join(late.directory, 'config.json'));
  await t.rejects(late.fetch('config.json'), { code: 'QL_HUB_OFFLINE' }, 'also when it was there at first');
  await t.rejects(open(offline, { revision: 'v9' }), { code: 'QL_HUB_OFFLINE' });
  t.equal(server.requests.length, before);
});

t.test('a file of the wrong length in the cache is fetched again', async (t) => {
  const { settings } = await serveTiny(t);
  const repository = await open(settings);
  const path = await repository.fetch('model.safetensors');
  await writeFile(path, 'cut');
  t.equal(await repository.has('model.safetensors'), false);
  t.same(await readFile(await repository.fetch('model.safetensors')), SHARD);
});

t.test('parts of files', async (t) => {
  const { server, settings } = await serveTiny(t, { faults: faultsInOrder('storage', [{ kind: 'drop', afterBytes: 100 }]) });
  const repository = await open(settings);
  const transfers: HubTransfer[] = [];
  const part = await repository.readRange('model.safetensors', 10, 150_000, { onTransfer: (transfer) => transfers.push(transfer) });
  t.same(Buffer.from(part), SHARD.subarray(10, 150_000));
  t.same(transfers.at(-1), { file: 'model.safetensors', bytes: 149_990, totalBytes: 149_990 });
  t.equal(await repository.has('model.safetensors'), false, 'nothing is cached');
  t.same(await repository.readRange('model.safetensors', 7, 7), new Uint8Array());
  await repository.fetch('model.safetensors');
  const before = server.requests.length;
  t.same(Buffer.from(await repository.readRange('model.safetensors', 199_000, 200_000)), SHARD.subarray(199_000));
  t.equal(server.requests.length, before, 'from the cache where it is there');
  for (const [begin, end] of [
    [-1, 5],
    [5, 4],
    [0, 200_001],
    [0.5, 2],
  ] as const) {
    await t.rejects(repository.readRange('model.safetensors', begin, end), { code: 'QL_HUB_RANGE', message: /has 200000 bytes/ });
  }
});

t.test('what is not in the repository is told with what is', async (t) => {
  const { settings } = await serveTiny(t);
  const repository = await open(settings);
  const error = { code: 'QL_HUB_FILE', retryable: false, message: /no file "model.bin".*3 files, such as config.json, model.safetensors/ };
  await t.rejects(repository.fetch('model.bin'), error);
  await t.rejects(repository.discard('model.bin'), error);
  await t.rejects(repository.readRange('model.bin', 0, 1), error);
  t.equal(await repository.has('model.bin'), false);
  for (const id of [{ name: '../x' }, { revision: '../x' }]) await t.rejects(open(settings, id), { code: 'QL_HUB_SETTING' });
});

t.test('gated files are told as such', async (t) => {
  const { settings } = await serveTiny(t, { accounts: ['friend', 'stranger'], repository: { gatedFor: ['friend'] } });
  const fetchAs = async (token: string | undefined): Promise<string> => (await open({ ...settings, token })).fetch('config.json');
  await t.rejects(fetchAs(undefined), { code: 'QL_HUB_GATED', message: /set HF_TOKEN/ });
  await t.rejects(fetchAs('stranger'), { code: 'QL_HUB_GATED', message: /account that the token belongs to/ });
  t.ok(await fetchAs('friend'));
});

t.test('one request in ten fails, in every way: the bytes are the same', async (t) => {
  const shards = 30;
  const root = t.testdir({});
  const main = await writeTinyRepository(join(root, 'main'));
  const contents = Array.from({ length: shards }, (_, i) => SHARD.subarray(i * 5000, i * 5000 + 6000));
  for (const [i, content] of contents.entries()) await writeFile(join(main, `shard-${i}.safetensors`), content);
  for (const seed of [1, 2, 3]) {
    const plan = randomFaults(seed, 0.1);
    const met: (string | undefined)[] = [];
    const faults: FaultPlan = (request) => {
      const fault = plan(request);
      if (fault !== undefined) met.push(fault.kind);
      return fault;
    };
    const server = await startHubServer([{ kind: 'model', name: 'org/tiny', revisions: { main } }], { faults, pageEntries: 5 });
    const settings = { endpoint: server.endpoint, cacheDirectory: join(root, `cache-${seed}`), token: undefined, offline: false };
    const repository = await open(settings);
    await fetchAll(repository);
    for (const [i, content] of contents.entries()) t.same(await readFile(join(repository.directory, `shard-${i}.safetensors`)), content);
    const blobs = await readdir(join(settings.cacheDirectory, 'models--org--tiny/blobs'));
    t.ok(
      blobs.every((name) => /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/.test(name)),
      'nothing unfinished is left',
    );
    t.ok(met.length > 4, `${met.length} of ${server.requests.length} requests failed: ${[...new Set(met)].join(', ')}`);
    await server.close();
  }
});

/** A process of its own that fetches the shard. */
const forkFetcher = (settings: HubSettings) =>
  fork(new URL('./fetch-in-process.js', import.meta.url), {
    env: { ...process.env, SETTINGS: JSON.stringify(settings) },
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });

t.test('two processes that fetch the same file', async (t) => {
  const { server, settings } = await serveTiny(t, { faults: faultsInOrder('storage', [{ kind: 'drop', afterBytes: 90_000 }]) });
  const codes = await Promise.all(
    [forkFetcher(settings), forkFetcher(settings)].map(async (child) => (await once(child, 'exit'))[0] as number),
  );
  t.same(codes, [0, 0]);
  const repository = await open({ ...settings, offline: true });
  t.same(await readFile(await repository.fetch('model.safetensors')), SHARD);
  t.equal((await readdir(join(settings.cacheDirectory, 'models--org--tiny/blobs'))).length, 1);
  t.ok(server.requests.some(({ at }) => at === 'storage'));
});

t.test('a process that is killed leaves what it has to the next one', async (t: Test) => {
  const { server, settings } = await serveTiny(t, { faults: faultsInOrder('storage', [{ kind: 'stall', afterBytes: 120_000 }]) });
  const child = forkFetcher(settings);
  const exit = once(child, 'exit');
  // It tells the bytes it has.
  await new Promise<void>((resolve) => child.on('message', (bytes) => bytes === 120_000 && resolve()));
  child.kill('SIGKILL');
  await exit;
  server.setFaults(undefined);
  const repository = await open(settings);
  t.same(await readFile(await repository.fetch('model.safetensors')), SHARD);
  t.equal(server.requests.at(-1)?.range, 'bytes=120000-199999');
});

t.test('a repository that huggingface_hub shares between repositories', async (t) => {
  const { settings } = await serveTiny(t);
  const repository = await open(settings);
  const path = await repository.fetch('model.safetensors');
  // Version 2 keeps Xet files once for the whole cache: the blob itself is a link.
  const blob = join(repository.directory, '..', '..', 'blobs', repository.files[1]!.sha256!);
  const shared = join(settings.cacheDirectory, 'shared-blob');
  await writeFile(shared, SHARD);
  await rm(blob);
  await symlink(shared, blob);
  t.equal(await repository.has('model.safetensors'), true);
  t.same(await readFile(path), SHARD);
  await repository.discard('model.safetensors');
  t.same(await readFile(shared), SHARD, "what belongs to all is not this repository's to remove");
  t.equal(await repository.has('model.safetensors'), false);
});
