import { createHash } from 'node:crypto';
import t from 'tap';
import { hashShards, type AnnouncedHash, type ShardSupply } from '../../src/checkpoint/index.js';

t.test('hashes every shard, longer than one chunk or empty', async (t) => {
  const long = Buffer.alloc(2_500_000, 'quailora');
  const directory = t.testdir({ long, abc: 'abc', empty: '' });
  t.same(await hashShards({ directory, shards: ['long', 'abc', 'empty'] }), {
    long: createHash('sha256').update(long).digest('hex'),
    abc: 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
    empty: 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
  });
});

t.test('a missing shard is an error, and an aborted signal stops', async (t) => {
  const directory = t.testdir({ abc: 'abc' });
  await t.rejects(hashShards({ directory, shards: ['absent'] }), {
    name: 'CheckpointReadError',
    code: 'QL_SHARD_READ',
    message: /^absent: /,
  });
  await t.rejects(hashShards({ directory, shards: ['abc'] }, AbortSignal.abort(new Error('stopped'))), { message: 'stopped' });
});

t.test('what a transfer verifies is not read, what a cache held is compared', async (t) => {
  const directory = t.testdir({ abc: 'abc' });
  const right = 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad';
  const supplied = (announced: AnnouncedHash): Parameters<typeof hashShards>[0] => {
    const supply: Partial<ShardSupply> = { announced: async () => announced };
    return { directory, shards: ['abc'], supply: supply as ShardSupply };
  };
  const told = 'f'.repeat(64);
  t.same(await hashShards(supplied({ sha256: told, verified: true })), { abc: told });
  t.same(await hashShards(supplied({ sha256: right, verified: false })), { abc: right });
  await t.rejects(hashShards(supplied({ sha256: told, verified: false })), {
    name: 'MalformedCheckpointError',
    code: 'QL_SHARD_HASH',
    message: /abc: the cached file has SHA-256 ba78.*the Hub tells ffff.*Remove/,
  });
});
