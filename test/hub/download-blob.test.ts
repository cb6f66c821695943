import { readdir, readFile, writeFile, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { downloadBlob } from '../../src/hub/download-blob.js';
import { createHubClient } from '../../src/hub/hub-client.js';
import type { HubFetchOptions, HubTransfer } from '../../src/hub/index.js';
import { DEFAULT_PATIENCE } from '../../src/hub/insist.js';
import { labelRepository } from '../../src/hub/repository-label.js';
import { faultsInOrder, type Fault } from './fault-plan.js';
import type { HubServerOptions } from './hub-server.js';
import { digest } from './stored-repository.js';
import { bytesOf, hastyPatience, serveTiny, SHARD } from './tiny-repository.js';

const SHA256 = digest('sha256', SHARD);
const FILE = { path: 'model.safetensors', bytes: SHARD.length, sha256: SHA256, blob: SHA256 };

const downloader = async (t: Test, options: HubServerOptions = {}) => {
  const { server, settings } = await serveTiny(t, options);
  const { patience } = hastyPatience({ tries: 3 });
  const client = createHubClient(labelRepository({ kind: 'model', name: 'org/tiny' }), settings, { ...DEFAULT_PATIENCE, ...patience });
  const blobs = join(settings.cacheDirectory, 'blobs');
  await mkdir(blobs, { recursive: true });
  const blob = join(blobs, SHA256);
  const download = (more: HubFetchOptions = {}): Promise<void> => downloadBlob(client, server.commit('org/tiny'), FILE, blob, more);
  const storageRequests = () => server.requests.filter(({ at }) => at === 'storage');
  return { server, blob, blobs, download, storageRequests };
};

t.test('a file is downloaded, with progress from nothing to all', async (t) => {
  const { download, blob, blobs } = await downloader(t);
  const transfers: HubTransfer[] = [];
  await download({ onTransfer: (transfer) => transfers.push(transfer) });
  t.same(await readFile(blob), SHARD);
  t.same(await readdir(blobs), [SHA256]);
  t.same(transfers[0], { file: 'model.safetensors', bytes: 0, totalBytes: 200_000 });
  t.same(transfers.at(-1), { file: 'model.safetensors', bytes: 200_000, totalBytes: 200_000 });
  t.ok(transfers.every(({ bytes }, i) => i === 0 || bytes > transfers[i - 1]!.bytes));
});

t.test('what an earlier run left is used', async (t) => {
  const { download, blob, storageRequests } = await downloader(t);
  await writeFile(`${blob}.incomplete`, SHARD.subarray(0, 199_000));
  const transfers: HubTransfer[] = [];
  await download({ onTransfer: (transfer) => transfers.push(transfer) });
  t.same(await readFile(blob), SHARD);
  t.same(
    storageRequests().map(({ range }) => range),
    ['bytes=199000-199999'],
  );
  t.equal(transfers[0]?.bytes, 199_000);
});

t.test('what is whole already is only verified', async (t) => {
  const { download, blob, server } = await downloader(t);
  await writeFile(`${blob}.incomplete`, SHARD);
  await download();
  t.same(await readFile(blob), SHARD);
  t.equal(server.requests.length, 0);
});

t.test('a wrong first part is found out at the end, and everything fetched again', async (t) => {
  const { download, blob, storageRequests } = await downloader(t);
  await writeFile(`${blob}.incomplete`, bytesOf(1000, 9));
  await download();
  t.same(await readFile(blob), SHARD);
  t.same(
    storageRequests().map(({ range }) => range),
    ['bytes=1000-199999', undefined],
  );
});

t.test('a wrong checksum: fetched again twice, then told, and nothing is kept', async (t) => {
  const corrupt: Fault = { kind: 'corrupt' };
  const healed = await downloader(t, { faults: faultsInOrder('storage', [corrupt, corrupt]) });
  await healed.download();
  t.same(await readFile(healed.blob), SHARD);
  const lasting = await downloader(t, { faults: faultsInOrder('storage', [corrupt, corrupt, corrupt]) });
  await t.rejects(lasting.download(), { code: 'QL_HUB_CHECKSUM', retryable: true, message: new RegExp(`3 times.*${SHA256}`) });
  t.equal(lasting.storageRequests().length, 3);
  t.same(await readdir(lasting.blobs), []);
  await lasting.download();
  t.same(await readFile(lasting.blob), SHARD, 'a later call may heal it');
});

t.test('an aborted download keeps what came, and the next goes on from there', async (t) => {
  const { download, blob, blobs, server, storageRequests } = await downloader(t, {
    faults: faultsInOrder('storage', [{ kind: 'stall', afterBytes: 150_000 }]),
  });
  const controller = new AbortController();
  const reason = new Error('enough');
  let received = 0;
  const onTransfer = ({ bytes }: HubTransfer): void => {
    received = bytes;
    if (bytes === 150_000) controller.abort(reason);
  };
  await t.rejects(download({ signal: controller.signal, onTransfer }), reason);
  t.equal(received, 150_000);
  t.same(await readdir(blobs), [`${SHA256}.incomplete`]);
  server.setFaults(undefined);
  await download();
  t.same(await readFile(blob), SHARD);
  t.equal(storageRequests().at(-1)?.range, 'bytes=150000-199999');
});

t.test('two downloads of one file at the same time do not disturb each other', async (t) => {
  const { download, blob, blobs } = await downloader(t, { faults: faultsInOrder('storage', [{ kind: 'drop', afterBytes: 90_000 }]) });
  await Promise.all([download(), download()]);
  t.same(await readFile(blob), SHARD);
  t.same(await readdir(blobs), [SHA256]);
});
