import { createHash } from 'node:crypto';
import t from 'tap';
import { hashShards } from '../../src/checkpoint/index.js';

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
