import { join } from 'node:path';
import t from 'tap';
import { readSafetensorsHeader } from '../../src/checkpoint/index.js';
import { shardBytes, vectorShard } from './tiny-shard.js';

t.test('reads a file and checks it against its length', async (t) => {
  const whole = vectorShard({ a: 10, b: 20 });
  const directory = t.testdir({
    whole: Buffer.from(whole),
    cut: Buffer.from(whole.subarray(0, whole.length - 1)),
    stub: Buffer.from(whole.subarray(0, 20)),
    empty: '',
    page: '<!DOCTYPE html><html><head><title>404</title></head></html>',
    lying: Buffer.from(shardBytes('{}', 0, 90_000_000n)),
  });
  const read = (name: string) => readSafetensorsHeader(join(directory, name), name);
  t.same(
    (await read('whole')).map(({ name, length }) => [name, length]),
    [
      ['a', 10],
      ['b', 20],
    ],
  );
  await t.rejects(read('cut'), { code: 'QL_SHARD_RANGE', message: /"b" claims bytes 10–30, but the file holds 29/ });
  await t.rejects(read('stub'), { code: 'QL_SHARD_HEADER', message: /incomplete/ });
  await t.rejects(read('empty'), { code: 'QL_SHARD_HEADER', message: /only 0 bytes/ });
  await t.rejects(read('page'), { code: 'QL_SHARD_HEADER', message: /no safetensors file/ });
  await t.rejects(read('lying'), { code: 'QL_SHARD_HEADER', message: /90,000,000 bytes, but has 10/ });
  await t.rejects(read('absent'), { name: 'CheckpointReadError', code: 'QL_SHARD_READ', retryable: true });
});
