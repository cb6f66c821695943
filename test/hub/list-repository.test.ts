import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import t from 'tap';
import { createHubClient, type HubClient } from '../../src/hub/hub-client.js';
import type { HubRepositoryId } from '../../src/hub/index.js';
import { DEFAULT_PATIENCE } from '../../src/hub/insist.js';
import { isInnerPath, listRepository } from '../../src/hub/list-repository.js';
import { labelRepository } from '../../src/hub/repository-label.js';
import { startHubServer } from './hub-server.js';
import { digest } from './stored-repository.js';
import { CONFIG, hastyPatience, serveTiny, SHARD, writeTinyRepository } from './tiny-repository.js';

const connect = (endpoint: string, id: Partial<HubRepositoryId> = {}, token?: string): HubClient =>
  createHubClient(
    labelRepository({ kind: 'model', name: 'org/tiny', ...id }),
    { endpoint, cacheDirectory: '/nowhere', token, offline: false },
    { ...DEFAULT_PATIENCE, ...hastyPatience().patience },
  );

t.test('paths that leave their folder', async (t) => {
  for (const inner of ['a', 'a/b.c', '.gitattributes', 'a/..b']) t.ok(isInnerPath(inner), inner);
  for (const outer of ['', '/a', 'a/', 'a//b', '..', 'a/../b', './a', 'a\\b', 'C:/a', 'a\0b']) t.notOk(isInnerPath(outer), outer);
});

t.test('commit and files, over several pages', async (t) => {
  const { server } = await serveTiny(t, { pageEntries: 1 });
  const { commit, files } = await listRepository(connect(server.endpoint), undefined);
  t.equal(commit, server.commit('org/tiny'));
  const sha256 = digest('sha256', SHARD);
  t.same(files, [
    { path: 'config.json', bytes: CONFIG.length, sha256: undefined, blob: digest('sha1', `blob ${CONFIG.length}\0`, CONFIG) },
    { path: 'model.safetensors', bytes: SHARD.length, sha256, blob: sha256 },
    { path: 'sub folder/a#b?.txt', bytes: 4, sha256: undefined, blob: digest('sha1', 'blob 4\0deep') },
  ]);
  t.equal(server.requests.length, 4);
});

t.test('branches, tags, commits and datasets', async (t) => {
  const root = t.testdir({ one: { 'a.txt': '1' }, two: { 'b.txt': '2' } });
  const revisions = { main: join(root, 'one'), 'refs/pr/1': join(root, 'two') };
  const server = await startHubServer([
    { kind: 'model', name: 'org/tiny', revisions },
    { kind: 'dataset', name: 'org/tiny', revisions: { main: await writeTinyRepository(join(root, 'three')) } },
  ]);
  t.teardown(() => server.close());
  const paths = async (id: Partial<HubRepositoryId>): Promise<string[]> =>
    (await listRepository(connect(server.endpoint, id), undefined)).files.map(({ path }) => path);
  t.same(await paths({}), ['a.txt']);
  t.same(await paths({ revision: 'refs/pr/1' }), ['b.txt']);
  t.same(await paths({ revision: server.commit('org/tiny', 'refs/pr/1') }), ['b.txt']);
  t.equal((await paths({ kind: 'dataset' })).length, 3);
  await t.rejects(paths({ revision: 'v9' }), { code: 'QL_HUB_REVISION', message: /"v9"/ });
  await t.rejects(paths({ name: 'org/other' }), { code: 'QL_HUB_REPOSITORY', message: /org\/other/ });
});

t.test('private repositories and bad tokens', async (t) => {
  const { server } = await serveTiny(t, { accounts: ['reader', 'stranger'], repository: { tokens: ['reader'] } });
  const list = (token?: string) => listRepository(connect(server.endpoint, {}, token), undefined);
  t.equal((await list('reader')).files.length, 3, 'a token need not begin with hf_');
  await t.rejects(list(), { code: 'QL_HUB_REPOSITORY', message: /set HF_TOKEN/ });
  await t.rejects(list('stranger'), { code: 'QL_HUB_REPOSITORY', message: /the token may not read it/ });
  await t.rejects(list('nobody'), { code: 'QL_HUB_TOKEN', message: /^(?!.*nobody)/ });
});

t.test('lists that nothing can be made of', async (t) => {
  const lies: Readonly<Record<string, unknown>>[] = [
    { path: '../../.ssh/authorized_keys' },
    { path: 1 },
    { size: -1 },
    { size: 1.5 },
    { oid: '../../../x' },
    { oid: null },
    { lfs: { oid: 'abc', size: 3 } },
  ];
  for (const lie of lies) {
    const { server } = await serveTiny(t, { editEntry: (entry) => ({ ...entry, lfs: undefined, ...lie }) });
    await t.rejects(listRepository(connect(server.endpoint), undefined), { code: 'QL_HUB_ANSWER', retryable: false }, JSON.stringify(lie));
  }
});

t.test('an endpoint that is not the Hub', async (t) => {
  for (const answer of ['[]', '{}', 'null', '{"sha": "main"}', '3']) {
    const server = createServer((_request, response) => response.end(answer));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    await t.rejects(listRepository(connect(endpoint), undefined), { code: 'QL_HUB_ANSWER', message: /HF_ENDPOINT/ }, answer);
    server.closeAllConnections();
    server.close();
  }
});

t.test('an aborted signal', async (t) => {
  const { server } = await serveTiny(t);
  const reason = new Error('enough');
  await t.rejects(listRepository(connect(server.endpoint), AbortSignal.abort(reason)), reason);
});
