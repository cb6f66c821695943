import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Test } from 'tap';
import type { Checkpoint } from '../../src/checkpoint/index.js';
import { rowMajor } from '../../src/foundation/index.js';
import { openModel, type CausalModel } from '../../src/models/index.js';
import { farthest, fixtureDirectory, openFixture, readGolden, runModel, type Golden, type OwnRun } from '../models/golden-run.js';
import { changePiece } from '../models/mutate-graph.js';

/** A change that makes another architecture of a fixture, which its golden has to notice. */
export interface Mutation {
  readonly label: string;
  /** Values of config.json to replace. */
  readonly config?: Readonly<Record<string, unknown>>;
  /** What to put in place of the opened model, for traits that no configuration names. */
  readonly model?: (model: CausalModel) => CausalModel;
}

/** A tiny checkpoint that transformers computed (see test/fixtures/models/make-models.py). */
export interface FamilyFixture {
  readonly name: string;
  /** True where config-4x.json spells the same model as transformers 4 did. */
  readonly spelledAs4x: boolean;
  readonly mutations: readonly Mutation[];
}

const unchanged = (model: CausalModel): CausalModel => model;

const TOLERANCE = 1e-4;

/** How far a mutation has to move a log-probability: ten times what the family itself may be off. */
const NOTICED = 10 * TOLERANCE;

const near = (own: ArrayLike<number>, expected: Float32Array): boolean =>
  farthest(own, expected) <= TOLERANCE * expected.reduce((most, value) => Math.max(most, Math.abs(value)), 0);

const checkBlocks = async (t: Test, { blocks }: OwnRun, golden: Golden): Promise<void> => {
  for (const [block, values] of blocks.entries()) t.ok(near(values, await golden.values(`block.${block}`)), `block ${block}`);
};

/** Holds the sum of every input against that of a layer that reads it. */
const checkSums = async (t: Test, { model, sums }: OwnRun, golden: Golden): Promise<void> => {
  let compared = 0;
  for (let block = 0; block < model.blocks; block++) {
    const experts = model.mixture?.(block)?.matrices ?? [];
    const layers = [...model.linears(block), ...experts.map(({ layer }) => layer)];
    for (const name of new Set([...model.inputs(block).map((input) => input.name), ...experts.map(({ layer }) => layer.input)])) {
      const readers = layers.filter(({ input }) => input === name);
      const found = readers.filter(({ module }) => golden.names.includes(`H.${module}`));
      t.equal(found.length, 1, `block ${block}: the golden holds one sum for ${name}`);
      if (found[0]) t.ok(near(rowMajor(sums[block]!.get(name)!), await golden.values(`H.${found[0].module}`)), `H of ${found[0].module}`);
      compared += found.length;
    }
  }
  t.equal(compared, golden.names.filter((name) => name.startsWith('H.')).length, 'every sum of the golden was compared');
};

/** Names of the tensors of a checkpoint that the pieces of its model read. */
const tensorsRead = (model: CausalModel, { tensors }: Checkpoint): ReadonlySet<string> => {
  const options = { windowTokens: 8, linear: 'stored', activations: false } as const;
  const blocks = Array.from({ length: model.blocks }, (_, block) => model.block(block, options));
  const names = new Set([model.embedding.name]);
  for (const piece of [model.entry(options), ...blocks, model.head()])
    if (piece) changePiece(piece, ({ initializer }) => initializer.forEach(({ name }) => tensors.has(name) && names.add(name)));
  return names;
};

/**
 * Runs what every model family must meet: block outputs, per-layer input sums and log-probabilities as transformers
 * computes them on tiny random checkpoints, and proof that the checkpoints would show each quirk missing.
 */
export const modelFamilySuite = (t: Test, modelType: string, fixtures: readonly FamilyFixture[]): void => {
  for (const { name, spelledAs4x, mutations } of fixtures) {
    void t.test(`${name} equals transformers`, async (t) => {
      const golden = await readGolden(name);
      const own = await runModel(await openFixture(name), golden.windows, name);
      t.equal(own.model.modelType, modelType);
      await checkBlocks(t, own, golden);
      await checkSums(t, own, golden);
      const difference = farthest(own.logprobs, await golden.values('logprobs'));
      t.ok(difference <= TOLERANCE, `log-probabilities differ by at most ${difference}`);
    });

    void t.test(`${name} is not opened without a tensor that its graphs read`, async (t) => {
      const checkpoint = await openFixture(name);
      for (const tensor of tensorsRead(openModel(checkpoint), checkpoint)) {
        const tensors = new Map(checkpoint.tensors);
        tensors.delete(tensor);
        t.throws(() => openModel({ ...checkpoint, tensors }), { code: 'QL_CONFIG', message: `"${tensor}"` });
      }
    });

    if (spelledAs4x)
      void t.test(`${name} reads the spelling of transformers 4`, async (t) => {
        const golden = await readGolden(name);
        const checkpoint = await openFixture(name);
        const config = JSON.parse(await readFile(join(fixtureDirectory(name), 'config-4x.json'), 'utf8')) as Record<string, unknown>;
        const own = await runModel({ ...checkpoint, config }, golden.windows, `${name} 4.x`);
        t.ok(farthest(own.logprobs, await golden.values('logprobs')) <= TOLERANCE);
      });

    for (const { label, config = {}, model = unchanged } of mutations)
      void t.test(`${name} would notice ${label}`, async (t) => {
        const golden = await readGolden(name);
        const checkpoint = await openFixture(name, config);
        const own = await runModel(checkpoint, golden.windows, `${name} ${label}`, model(openModel(checkpoint)));
        const difference = farthest(own.logprobs, await golden.values('logprobs'));
        t.ok(difference > NOTICED, `log-probabilities differ by ${difference}`);
      });
  }
};
