import t, { type Test } from 'tap';
import { createHubClient } from '../../src/hub/hub-client.js';
import { DEFAULT_PATIENCE } from '../../src/hub/insist.js';
import type { ListedFile } from '../../src/hub/list-repository.js';
import { receiveBytes } from '../../src/hub/receive-bytes.js';
import { labelRepository } from '../../src/hub/repository-label.js';
import { faultsInOrder, type Fault } from './fault-plan.js';
import type { HubServerOptions } from './hub-server.js';
import { digest } from './stored-repository.js';
import { hastyPatience, serveTiny, SHARD } from './tiny-repository.js';

const SHARD_FILE: ListedFile = {
  path: 'model.safetensors',
  bytes: SHARD.length,
  sha256: digest('sha256', SHARD),
  blob: digest('sha256', SHARD),
};

const receiver = async (t: Test, options: HubServerOptions = {}, patience: Parameters<typeof hastyPatience>[0] = {}) => {
  const { server, settings } = await serveTiny(t, options);
  const hasty = hastyPatience(patience);
  const client = createHubClient(labelRepository({ kind: 'model', name: 'org/tiny' }), settings, {
    ...DEFAULT_PATIENCE,
    ...hasty.patience,
  });
  const receive = async (begin = 0, end = SHARD.length, file = SHARD_FILE): Promise<Buffer> => {
    const chunks: Uint8Array[] = [];
    let position = begin;
    const take = async (bytes: Uint8Array): Promise<void> => {
      chunks.push(bytes.slice());
      position += bytes.length;
    };
    await receiveBytes(client, { file, commit: server.commit('org/tiny'), position: () => position, end, take });
    return Buffer.concat(chunks);
  };
  return { server, receive, waits: hasty.waits };
};

const storageRanges = ({ server }: Awaited<ReturnType<typeof receiver>>): (string | undefined)[] =>
  server.requests.filter(({ at }) => at === 'storage').map(({ range }) => range);

t.test('the whole, a part, nothing', async (t) => {
  const it = await receiver(t);
  t.same(await it.receive(), SHARD);
  t.same(await it.receive(100, 200), SHARD.subarray(100, 200));
  t.same(await it.receive(199_990), SHARD.subarray(199_990));
  t.same(await it.receive(5, 5), Buffer.alloc(0));
  t.same(storageRanges(it), [undefined, 'bytes=100-199', 'bytes=199990-199999']);
});

t.test('a broken transfer goes on where it ended', async (t) => {
  for (const fault of [
    { kind: 'drop', afterBytes: 150_000 },
    { kind: 'stall', afterBytes: 150_000 },
    { kind: 'short', missingBytes: 50_000, isChunked: true },
  ] satisfies Fault[]) {
    const it = await receiver(t, { faults: faultsInOrder('storage', [fault]) }, { silenceMs: 300 });
    t.same(await it.receive(), SHARD);
    const [first, second] = storageRanges(it);
    t.equal(first, undefined);
    t.match(second, /^bytes=[1-9]\d+-199999$/, fault.kind);
    t.equal(it.waits.length, 1);
  }
});

t.test('as many breaks as it takes, if each brings something', async (t) => {
  const drops = Array.from({ length: 12 }, (): Fault => ({ kind: 'drop', afterBytes: 10_000 }));
  const it = await receiver(t, { faults: faultsInOrder('storage', drops) }, { tries: 2 });
  t.same(await it.receive(), SHARD);
  t.equal(storageRanges(it).length, 13);
});

t.test('breaks that bring nothing end it', async (t) => {
  const it = await receiver(
    t,
    { faults: (request) => (request.at === 'storage' ? { kind: 'drop', afterBytes: 0 } : undefined) },
    { tries: 3 },
  );
  await t.rejects(it.receive(), { code: 'QL_HUB_NETWORK', retryable: true, message: /3 tries in a row/ });
  t.equal(storageRanges(it).length, 3);
});

t.test('a server that takes no ranges', async (t) => {
  const it = await receiver(t, { ignoresRange: true, faults: faultsInOrder('storage', [{ kind: 'drop', afterBytes: 150_000 }]) });
  t.same(await it.receive(), SHARD, 'what is there already is skipped');
  t.match(storageRanges(it)[1], /^bytes=[1-9]/);
  t.same(await it.receive(100_000, 100_010), SHARD.subarray(100_000, 100_010));
});

t.test('busy servers are waited for', async (t) => {
  const faults: Fault[] = [
    { kind: 'status', status: 429, headers: { 'retry-after': '11' } },
    { kind: 'status', status: 503, headers: { 'retry-after': '7' } },
    { kind: 'status', status: 500 },
  ];
  const it = await receiver(t, { faults: faultsInOrder('resolve', faults) }, { uniform: () => 0, firstWaitMs: 100 });
  t.same(await it.receive(), SHARD);
  t.same(it.waits, [11_000, 7000, 200]);
  const busy = await receiver(t, { faults: () => ({ kind: 'status', status: 429, headers: { 'retry-after': '3600' } }) });
  await t.rejects(busy.receive(), { code: 'QL_HUB_RATE_LIMIT', retryable: true, message: /3600 s/ });
  t.same(busy.waits, []);
});

t.test('another length than the Hub lists', async (t) => {
  const healed = await receiver(t, { faults: faultsInOrder('storage', [{ kind: 'short', missingBytes: 9 }]) });
  t.same(await healed.receive(), SHARD);
  const lasting = await receiver(
    t,
    { faults: (request) => (request.at === 'storage' ? { kind: 'short', missingBytes: 9 } : undefined) },
    { tries: 2 },
  );
  const error = { code: 'QL_HUB_LENGTH', retryable: true, message: /model\.safetensors should have 200000 bytes, but http:\S+ has 199991/ };
  await t.rejects(lasting.receive(), error);
  const other = await receiver(t, {}, { tries: 2 });
  await t.rejects(other.receive(0, 300_000, { ...SHARD_FILE, bytes: 300_000 }), {
    code: 'QL_HUB_LENGTH',
    message: /300000 bytes, but \S+ has 200000/,
  });
  await t.rejects(other.receive(5, 300_000, { ...SHARD_FILE, bytes: 300_000 }), { code: 'QL_HUB_LENGTH', message: /has 200000/ });
  await t.rejects(other.receive(250_000, 300_000, { ...SHARD_FILE, bytes: 300_000 }), {
    code: 'QL_HUB_LENGTH',
    message: /416 bytes \*\/200000/,
  });
});

t.test('another checksum than the Hub lists is noticed before a byte is taken', async (t) => {
  const it = await receiver(t, {}, { tries: 2 });
  await t.rejects(it.receive(0, 200_000, { ...SHARD_FILE, blob: 'f'.repeat(64) }), {
    code: 'QL_HUB_CHECKSUM',
    message: /lists it as ffff/,
  });
});

t.test('a login page is not the file', async (t) => {
  const it = await receiver(t, { faults: faultsInOrder('resolve', [{ kind: 'web-page' }]) });
  await t.rejects(it.receive(), { code: 'QL_HUB_ANSWER', retryable: false, message: /web page instead of model\.safetensors/ });
});

t.test('a file that is not there, and one that is gated', async (t) => {
  const it = await receiver(t);
  await t.rejects(it.receive(0, 10, { ...SHARD_FILE, path: 'other.safetensors' }), { code: 'QL_HUB_FILE', retryable: false });
  t.equal(it.waits.length, 0);
});
