import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { tableFromIPC, tableToIPC } from 'apache-arrow';
import fc from 'fast-check';
import { ByteLedger } from '../../src/foundation/index.js';
import { gramPanels } from '../../src/graph/index.js';
import { readKeptStatistics } from '../../src/reports/index.js';
import {
  chooseRefitRun,
  loadStatistics,
  openSourceModel,
  planCorrection,
  planRefit,
  STOCK_SETTINGS,
  type ChosenRefit,
  type InputStatistics,
  type KeptFile,
  type KeptStatistics,
  type RefitJob,
} from '../../src/stages/index.js';
import { readStatistic, writeStatistic, type StatisticMeaning } from '../../src/transport/index.js';
import { makeTinyModel } from '../integration/tiny-model.js';
import { sampleKept } from '../stages/sample-kept.js';
import { symmetricPanels } from '../transport/symmetric-panels.js';
import type { HostileTarget } from './hostile-target.js';
import { byteMutations, jsonMutations, mutateBytes, mutateJson, type Mutation } from './mutations.js';

const fail = (what: string): never => {
  throw new Error(`accepted, but ${what}`);
};

/** Writes an H of every input of the model for both splits, in the first block one G in place of its last H. */
const writeSums = async (directory: string, { model, plan }: Pick<ChosenRefit, 'model' | 'plan'>): Promise<KeptFile[]> => {
  const files: KeptFile[] = [];
  const readers = plan.shards.flatMap((shards, block) => shards.map(({ layer }) => ({ block, layer })));
  for (const split of ['calibration', 'heldOut'] as const)
    for (const { block, layer } of readers) {
      const { input, inFeatures, outFeatures, module } = layer;
      if (files.some((file) => file.split === split && file.block === block && file.input === input)) continue;
      const isG = block === 0 && layer === model.linears(0).at(-1);
      const place = { block, input, split, n: isG ? outFeatures : inFeatures, tokens: 640 };
      const modules = readers.filter((other) => other.block === block && other.layer.input === input).map(({ layer }) => layer.module);
      const meaning: StatisticMeaning = isG
        ? { ...place, kind: 'G', modules: [module], quantizer: 'nf4' }
        : { ...place, kind: 'H', modules };
      const file = `block-${block}.${input}.${split}.arrow`;
      files.push({ file, ...meaning, ...(await writeStatistic(join(directory, file), meaning, symmetricPanels(meaning.n, block))) });
    }
  return files;
};

const checkSum = ({ kind, n, panels }: InputStatistics['calibration']): void => {
  if (gramPanels(n).some(({ begin, end }, p) => panels[p]?.length !== (end - begin) * (n - begin))) fail(`a ${kind} of ${n} is not whole`);
};

/** A refit would multiply these with each other. */
const checkLoaded = ({ plan }: ChosenRefit, block: number, loaded: readonly InputStatistics[]): void => {
  for (const { layer } of plan.shards[block]!.filter(({ layer }) => plan.corrects(layer))) {
    const { calibration, heldOut } = loaded.find(({ input }) => input === layer.input) ?? fail(`${layer.module} has no sum`);
    for (const sum of heldOut ? [calibration, heldOut] : [calibration]) {
      checkSum(sum);
      if (sum.kind !== calibration.kind || sum.n !== (sum.kind === 'H' ? layer.inFeatures : layer.outFeatures))
        fail(`${layer.module} gets a ${sum.kind} of ${sum.n} rows`);
    }
  }
};

/** The index of kept statistics, as far as a refit goes before it computes: the model chosen, the solve planned, the sums loaded. */
export const keptStatisticsTarget = async (scratch: string): Promise<HostileTarget> => {
  const directory = join(scratch, 'kept');
  await mkdir(join(directory, 'statistics'), { recursive: true });
  const model = await makeTinyModel(join(scratch, 'kept-model'));
  const source = await openSourceModel(model);
  const plan = await planCorrection(source, STOCK_SETTINGS);
  const files = await writeSums(join(directory, 'statistics'), { ...source, plan });
  const { options, ...rest } = sampleKept();
  const valid: KeptStatistics = { ...rest, options: { ...options, rank: 4 }, files };
  const job: RefitJob = { directory, output: join(scratch, 'refit'), model, writeBase: false, fresh: false, workers: 1 };
  return {
    name: 'statistics.json',
    cases: 2_000,
    inputs: jsonMutations,
    open: async (mutation: never) => {
      await writeFile(join(directory, 'statistics', 'statistics.json'), mutateJson(JSON.stringify(valid), mutation));
      const kept = await readKeptStatistics(directory);
      const chosen = await chooseRefitRun(job, kept);
      if (!(chosen.plan.scaling > 0 && chosen.plan.scaling < Infinity)) fail(`factors are scaled by ${chosen.plan.scaling}`);
      planRefit(job, chosen, kept);
      for (const block of chosen.plan.shards.keys())
        checkLoaded(chosen, block, await loadStatistics({ ...chosen, statisticBytes: new ByteLedger() }, { directory, kept }, block));
    },
  };
};

interface StatisticInput {
  /** Schema metadata to put in place of what was written. */
  readonly metadata: Readonly<Record<string, string>>;
  readonly bytes: Mutation;
}

const KEYS = ['quailora', 'block', 'input', 'split', 'kind', 'n', 'tokens', 'modules', 'quantizer', 'dtype'] as const;

const claims = fc.dictionary(
  fc.constantFrom(...KEYS),
  fc.oneof(
    fc.constantFrom('0', '1', '11', '12', '13', '-1', '1e9', '1048576', '2147483648', '999999999999999', '9'.repeat(400), 'NaN', ''),
    fc.constantFrom('statistic', 'H', 'G', 'calibration', 'heldOut', ','.repeat(100_000)),
    fc.string(),
  ),
  { minKeys: 1 },
);

/** Kept sums as Arrow files: other claims in their metadata, and mutated bytes. */
export const statisticTarget = async (scratch: string): Promise<HostileTarget> => {
  const path = join(scratch, 'sum.arrow');
  const meaning: StatisticMeaning = {
    block: 1,
    input: 'mlp_input',
    split: 'calibration',
    kind: 'H',
    n: 12,
    tokens: 640,
    modules: ['a', 'b'],
  };
  await writeStatistic(path, meaning, symmetricPanels(meaning.n, 1));
  const valid = await readFile(path);
  const claiming = (metadata: StatisticInput['metadata']): Uint8Array => {
    const table = tableFromIPC(valid);
    for (const [key, value] of Object.entries(metadata)) table.schema.metadata.set(key, value);
    return tableToIPC(table, 'file');
  };
  return {
    name: 'kept statistic',
    cases: 2_000,
    inputs: fc.oneof(
      { weight: 3, arbitrary: fc.record({ metadata: fc.constant({}), bytes: byteMutations }) },
      { weight: 1, arbitrary: fc.record({ metadata: claims, bytes: fc.constant({ trees: [], bytes: [] }) }) },
    ),
    open: async ({ metadata, bytes }: StatisticInput) => {
      await writeFile(path, mutateBytes(Object.keys(metadata).length > 0 ? claiming(metadata) : valid, bytes));
      const { meaning: found, panels } = await readStatistic(path);
      if (found.n !== meaning.n) fail(`${found.n} rows came of ${meaning.n}`);
      checkSum({ kind: found.kind, n: found.n, tokens: found.tokens, panels });
    },
  };
};
