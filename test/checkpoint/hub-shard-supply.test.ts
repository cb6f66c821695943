import { realpathSync } from 'node:fs';
import { setImmediate as turn } from 'node:timers/promises';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { openHubCheckpoint, type SuppliedCheckpoint } from '../../src/checkpoint/index.js';
import { fakeRepository, type FakeRepository } from './fake-repository.js';
import { vectorShard } from './tiny-shard.js';

const shard = (number: number): string => `model-0000${number}-of-00003.safetensors`;
const numbers = [1, 2, 3];
const files = {
  'config.json': '{}',
  'model.safetensors.index.json': JSON.stringify({ weight_map: Object.fromEntries(numbers.map((n) => [`t${n}`, shard(n)])) }),
  ...Object.fromEntries(numbers.map((n) => [shard(n), Buffer.from(vectorShard({ [`t${n}`]: n }))])),
};

interface Opened {
  readonly repository: FakeRepository;
  readonly checkpoint: SuppliedCheckpoint;
  readonly file: (number: number) => string;
}

const open = async (
  t: Test,
  { discard = false, signal, held = [] }: { discard?: boolean; signal?: AbortSignal; held?: number[] } = {},
): Promise<Opened> => {
  const root = realpathSync(t.testdir({ source: files }));
  const repository = await fakeRepository(join(root, 'source'), join(root, 'cache'));
  for (const number of held) await repository.fetch(shard(number));
  const checkpoint = await openHubCheckpoint(repository, { discard, signal });
  return { repository, checkpoint, file: (number) => checkpoint.tensors.get(`t${number}`)!.file };
};

const asked = ({ repository }: Opened, verb: string): string[] => repository.asked.filter((line) => line.startsWith(`${verb} model-`));

t.test('calls share a transfer, and one shard comes at a time', async (t) => {
  const opened = await open(t);
  const { checkpoint, file, repository } = opened;
  repository.onFetch = () => turn();
  await Promise.all([checkpoint.supply.require([file(1), file(2)]), checkpoint.supply.require([file(2), file(3), file(2)])]);
  await checkpoint.supply.require(numbers.map(file));
  t.same(
    asked(opened, 'fetch').sort(),
    numbers.map((number) => `fetch ${shard(number)}`),
  );
  t.equal(repository.atOnce(), 1);
  await checkpoint.supply.release(numbers.map(file));
  await checkpoint.supply.close();
  t.same(asked(opened, 'discard'), [], 'nothing is removed unless asked for');
});

t.test('a required shard that is there does not wait for the one under way', async (t) => {
  const { checkpoint, file, repository } = await open(t, { held: [1] });
  let finish = (): void => undefined;
  repository.onFetch = () => new Promise((resolve) => (finish = resolve));
  const under = checkpoint.supply.require([file(2)]);
  await checkpoint.supply.require([file(1)]);
  t.notOk(await repository.has(shard(2)), 'still under way');
  while (!repository.asked.includes(`fetch ${shard(2)}`)) await turn();
  finish();
  await under;
});

t.test('discarding removes what this run brought, once, and nothing else', async (t) => {
  const opened = await open(t, { discard: true, held: [1] });
  const { checkpoint, file } = opened;
  await checkpoint.supply.require(numbers.map(file));
  await checkpoint.supply.release([file(1), file(2)]);
  await checkpoint.supply.release([file(2)]);
  t.same(asked(opened, 'discard'), [`discard ${shard(2)}`]);
  await checkpoint.supply.require([file(2)]);
  await checkpoint.supply.close();
  t.same(asked(opened, 'discard').slice(1).sort(), [`discard ${shard(2)}`, `discard ${shard(3)}`], 'fetched again and removed again');
});

t.test('a failure is told to everybody who waits, and the next call tries again', async (t) => {
  const { checkpoint, file, repository } = await open(t);
  repository.onFetch = async () => {
    throw new Error('the line is down');
  };
  const waiting = [checkpoint.supply.require([file(1)]), checkpoint.supply.require([file(1)])];
  for (const call of waiting) await t.rejects(call, { message: 'the line is down' });
  repository.onFetch = async () => undefined;
  await checkpoint.supply.require([file(1)]);
});

t.test('closing and aborting stop what is under way', async (t) => {
  for (const how of ['close', 'abort'] as const) {
    const controller = new AbortController();
    const { checkpoint, file, repository } = await open(t, { signal: controller.signal });
    repository.onFetch = (_, { signal }) =>
      new Promise((_resolve, reject) => signal!.addEventListener('abort', () => reject(new Error('stopped'))));
    const under = t.rejects(checkpoint.supply.require([file(1)]), { message: 'stopped' });
    while (!repository.asked.includes(`fetch ${shard(1)}`)) await turn();
    if (how === 'close') await checkpoint.supply.close();
    else controller.abort();
    await under;
  }
});

t.test('a shard that ends up elsewhere than foretold is an error', async (t) => {
  const { checkpoint, file, repository } = await open(t);
  const { fetch } = repository;
  Object.assign(repository, { fetch: async () => fetch(shard(3)) });
  await t.rejects(checkpoint.supply.require([file(1)]), { code: 'QL_SHARD_PLACE', message: /model-00001.*HF_HUB_CACHE/ });
  await t.rejects(checkpoint.supply.require(['/elsewhere']), { name: 'RangeError' });
});
