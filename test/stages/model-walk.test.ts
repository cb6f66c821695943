import { setImmediate as turn } from 'node:timers/promises';
import t from 'tap';
import type { ShardSupply } from '../../src/checkpoint/index.js';
import type { ModelPiece } from '../../src/models/index.js';
import { RunClock, walkModel, type ModelWalk } from '../../src/stages/index.js';

/** Tensors of a model of three blocks: block 1 straddles two shards; the embedding is tied. */
const FILES = {
  'model.embed_tokens.weight': 'a',
  'model.layers.0.q.weight': 'b',
  'model.layers.1.q.weight': 'b',
  'model.layers.1.k.weight': 'c',
  'model.layers.2.q.weight': 'd',
  'model.norm.weight': 'd',
  'lm_head.bias': 'e',
};

interface Prepared {
  readonly walk: ModelWalk;
  /** What the supply was asked, in order. */
  readonly asked: string[];
  readonly supply: { require: ShardSupply['require'] };
}

const prepare = (options: { scores?: boolean; prefetch?: boolean; local?: boolean; clock?: RunClock } = {}): Prepared => {
  const asked: string[] = [];
  const ask =
    (verb: string) =>
    async (files: Iterable<string>): Promise<void> => {
      const names = [...new Set(files)].sort().join('');
      if (names !== '') asked.push(`${verb} ${names}`);
    };
  const supply = { files: ['a', 'b', 'c', 'd', 'e', 'v'], require: ask('require'), release: ask('release') };
  const tensors = new Map(
    Object.entries(FILES).map(([name, file]) => [name, { name, file, dtype: 'F32' as const, shape: [1], offset: 0, length: 4 }]),
  );
  const piece = (...externalFiles: string[]): ModelPiece => ({ label: '', graph: new Uint8Array(), externalFolder: '', externalFiles });
  const model = {
    blocks: 3,
    embedding: tensors.get('model.embed_tokens.weight')!,
    linears: () => [],
    entry: () => undefined,
    block: (block: number) => piece(...[['b'], ['b', 'c'], ['d']][block]!),
    head: () => piece('a', 'd'),
  };
  const checkpoint = { tensors, ...(!options.local && { supply }) };
  return { asked, supply, walk: walkModel(checkpoint, model, { scores: false, ...options }) };
};

t.test('a step waits for its shards, the next one is fetched ahead, what is past goes', async (t) => {
  const { walk, asked } = prepare();
  const at = async (step: Parameters<ModelWalk['arrive']>[0]): Promise<string[]> => {
    await walk.arrive(step);
    return asked.splice(0);
  };
  t.same(await at('entry'), ['require a', 'require b']);
  t.same(await at(0), ['release a', 'require b', 'require bc']);
  t.same(await at(0), [], 'reached already');
  t.same(await at(1), ['require bc', 'require d']);
  t.same(await at('entry'), [], 'passed already');
  t.same(await at(2), ['release bc', 'require d']);
  await walk.finish();
  t.same(asked, ['release d']);
});

t.test('for a score the tied embedding is kept, and the head is fetched ahead', async (t) => {
  const { walk, asked } = prepare({ scores: true });
  for (const step of ['entry', 0, 1, 2] as const) await walk.arrive(step);
  t.same(asked.slice(-2), ['require d', 'require ad']);
  t.notOk(asked.some((line) => /release .*a/.test(line)));
  await walk.arrive('head');
  await walk.finish();
  t.same(asked.slice(-2), ['require ad', 'release ad']);
});

t.test('a head that was not announced is required all the same', async (t) => {
  const { walk, asked } = prepare();
  await walk.arrive(2);
  asked.splice(0);
  await walk.arrive('head');
  t.same(asked, ['require ad']);
});

t.test('with prefetch every shard is there first', async (t) => {
  const clock = new RunClock();
  const { walk, asked } = prepare({ prefetch: true, clock });
  await walk.arrive('entry');
  t.same(asked, ['require abcdev', 'require b']);
  t.ok(clock.secondsPerStage['download']! >= 0);
});

t.test('each file is visited once: before it goes, or at the end', async (t) => {
  const { walk, asked } = prepare();
  const visit = async (file: string): Promise<void> => void asked.push(`visit ${file}`);
  walk.visit(['a', 'd', 'e'], visit);
  walk.visit(['a'], visit);
  for (const step of ['entry', 0, 1, 2] as const) await walk.arrive(step);
  t.same(asked.slice(2, 5), ['visit a', 'visit a', 'release a']);
  asked.splice(0);
  await walk.finish();
  t.same(asked, ['visit d', 'release d', 'require e', 'visit e', 'release e']);
});

t.test('a directory has nothing to wait for, and all its files are visited at the end', async (t) => {
  const { walk, asked } = prepare({ local: true });
  walk.visit(['a', 'e'], async (file) => void asked.push(`visit ${file}`));
  for (const step of ['entry', 0, 1, 2, 'head'] as const) await walk.arrive(step);
  t.same(asked, []);
  await walk.finish();
  t.same(asked, ['visit a', 'visit e']);
});

t.test('a failure ahead is tried again when the step is taken, and then told', async (t) => {
  const { walk, supply } = prepare();
  const require = supply.require;
  let failures = 0;
  supply.require = async (files) => {
    if ([...files].includes('c') && ++failures) throw new Error(`failure ${failures}`);
    return require(files);
  };
  await walk.arrive('entry');
  await walk.arrive(0);
  await turn();
  t.equal(failures, 1);
  await t.rejects(walk.arrive(1), { message: 'failure 2' });
  await t.rejects(walk.arrive(2), { message: 'failure 2' }, 'the way ends there');
  await t.rejects(walk.finish(), { message: 'failure 2' });
});
