import { mkdir, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import { openCheckpoint, readSafetensorsHeader, type Checkpoint } from '../../src/checkpoint/index.js';
import { DTYPE_BYTES } from '../../src/foundation/index.js';
import { canonicalCheckpoint, openModel, type CausalModel, type ModelPiece } from '../../src/models/index.js';
import { Session, type SessionTensor } from '../../src/runtime/index.js';
import { fixtureDirectory } from '../models/golden-run.js';
import type { HostileTarget } from './hostile-target.js';
import { jsonMutations, mutateBytes, mutateJson, type Mutation } from './mutations.js';

/** One checkpoint of each family, and some with more quirks. */
const MODELS: readonly string[] = [
  ...['llama-grouped-tied', 'llama-biases', 'llama-rope-llama3', 'llama-rope-dynamic', 'mistral-sliding', 'opt-post-norm', 'opt-pre-norm'],
  ...['bloom-six-heads', 'gpt_neox-parallel', 'qwen2-yarn-tied', 'qwen2-upper-window', 'qwen3-wide-heads', 'phi3-longrope-short'],
  ...['phi3-partial-tied', 'gemma2-capped', 'gemma3-local-global', 'mixtral-routed', 'mixtral-sliding-fused', 'qwen3-moe-sparse-step'],
];

const WINDOW = 4;

const fail = (what: string): never => {
  throw new Error(`accepted, but ${what}`);
};

const product = (shape: readonly number[]): number => shape.reduce((size, extent) => size * extent, 1);

/** Every tensor lies inside its file, and is as long as its shape says. */
const checkTensors = (tensors: Iterable<Awaited<ReturnType<typeof readSafetensorsHeader>>[number]>, fileBytes: number): void => {
  for (const { name, dtype, shape, offset, length } of tensors) {
    if (![offset, length, ...shape].every((size) => Number.isSafeInteger(size) && size >= 0)) fail(`"${name}" has sizes that are none`);
    if (offset + length > fileBytes) fail(`"${name}" leaves the file`);
    if (product(shape) * DTYPE_BYTES[dtype] !== length) fail(`"${name}" is not as long as its shape`);
  }
};

const hostileLengths = [0n, 1n, 2n, 7n, 100_000_000n, 100_000_001n, 2n ** 32n, 2n ** 53n, 2n ** 63n, 2n ** 64n - 1n];

interface ShardInput {
  readonly header: Mutation;
  readonly announced: bigint | undefined;
  readonly file: Mutation;
  readonly padding: number;
}

/** Shards: a mutated header before the data, then mutated bytes now and then. */
export const headerTarget = async (scratch: string): Promise<HostileTarget> => {
  const source = await readFile(join(fixtureDirectory('llama-grouped-tied'), 'model-00003-of-00003.safetensors'));
  const end = 8 + Number(source.readBigUInt64LE(0));
  const [header, data] = [source.toString('utf8', 8, end).trimEnd(), source.subarray(end)];
  const path = join(scratch, 'hostile.safetensors');
  return {
    name: 'safetensors-header',
    cases: 10_000,
    inputs: fc.record({
      header: fc.oneof(jsonMutations, fc.constant({ trees: [], bytes: [] })),
      announced: fc.oneof({ weight: 9, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: fc.constantFrom(...hostileLengths) }),
      file: fc.oneof({ weight: 4, arbitrary: fc.constant({ trees: [], bytes: [] }) }, { weight: 1, arbitrary: jsonMutations }),
      padding: fc.nat(9),
    }),
    open: async ({ header: edits, announced, file, padding }: ShardInput) => {
      const text = Buffer.concat([mutateJson(header, edits), Buffer.alloc(padding, ' ')]);
      const prefix = Buffer.alloc(8);
      prefix.writeBigUInt64LE(announced ?? BigInt(text.length));
      const bytes = mutateBytes(Buffer.concat([prefix, text, data]), file);
      await writeFile(path, bytes);
      checkTensors(await readSafetensorsHeader(path, 'hostile.safetensors'), bytes.length);
    },
  };
};

/** A directory that links to the files of a fixture, as the Hub's cache does, except those that are written anew. */
const linkFixture = async (directory: string, fixture: string, written: readonly string[]): Promise<void> => {
  await rm(directory, { recursive: true, force: true });
  await mkdir(directory, { recursive: true });
  for (const name of await readdir(fixtureDirectory(fixture)))
    if (!written.includes(name) && !name.startsWith('golden') && !name.startsWith('config-'))
      await symlink(join(fixtureDirectory(fixture), name), join(directory, name));
};

const zeros = (shape: readonly number[]): SessionTensor => ({ shape, data: new Float32Array(product(shape)).fill(0.25) });

const positions = (): SessionTensor => ({ shape: [1, WINDOW], data: BigInt64Array.from({ length: WINDOW }, (_, i) => BigInt(i)) });

const runPiece = async (
  { label, graph, externalFolder }: ModelPiece,
  feeds: Readonly<Record<string, SessionTensor>>,
  fetches: Readonly<Record<string, SessionTensor>>,
): Promise<void> => {
  const session = await Session.open(label, graph, { externalFolder });
  try {
    await session.run(feeds, fetches);
  } finally {
    await session.release();
  }
};

/** Runs every piece over one short window: a graph of hostile shapes may not take the process down. */
const runPieces = async (model: CausalModel): Promise<void> => {
  const { hiddenSize, embedding } = model;
  const options = { windowTokens: WINDOW, linear: 'stored', activations: false } as const;
  const next = zeros([1, WINDOW, hiddenSize]);
  const entry = model.entry(options);
  if (entry) await runPiece(entry, { hidden: zeros([1, WINDOW, embedding.shape[1]!]), positions: positions() }, { next });
  for (let block = 0; block < model.blocks; block++)
    await runPiece(model.block(block, options), { hidden: zeros([1, WINDOW, hiddenSize]), positions: positions() }, { next });
  const targets = { shape: [WINDOW, 1], data: new BigInt64Array(WINDOW) };
  await runPiece(model.head(), { hidden: zeros([WINDOW, hiddenSize]), targets }, { logprob: zeros([WINDOW, 1]) });
};

const checkLinears = (checkpoint: Checkpoint, model: CausalModel): void => {
  if (checkpoint.config['quantization_config'] !== undefined) return;
  for (let block = 0; block < model.blocks; block++)
    for (const { module, outFeatures, inFeatures } of model.linears(block)) {
      const shape = checkpoint.tensors.get(`${module}.weight`)?.shape;
      if (shape?.[0] !== outFeatures || shape[1] !== inFeatures)
        fail(`${module} is [${String(shape)}], not [${outFeatures}, ${inFeatures}]`);
    }
};

interface ConfigInput {
  readonly model: string;
  readonly config: Mutation;
}

/** Whole models: a mutated config.json over the real weights, opened, and run where it is accepted. */
export const configTarget = (scratch: string): HostileTarget => {
  const directory = join(scratch, 'config');
  return {
    name: 'config.json',
    cases: 2_000,
    inputs: fc.record({ model: fc.constantFrom(...MODELS), config: jsonMutations }),
    open: async ({ model: name, config }: ConfigInput) => {
      await linkFixture(directory, name, ['config.json']);
      await writeFile(
        join(directory, 'config.json'),
        mutateJson(await readFile(join(fixtureDirectory(name), 'config.json'), 'utf8'), config),
      );
      const { checkpoint } = canonicalCheckpoint(await openCheckpoint(directory));
      const model = openModel(checkpoint);
      checkLinears(checkpoint, model);
      if (checkpoint.config['quantization_config'] === undefined && model.maxPositions >= WINDOW) await runPieces(model);
    },
  };
};

/** The index of a checkpoint in shards. */
export const indexTarget = (scratch: string): HostileTarget => {
  const directory = join(scratch, 'index');
  const name = 'model.safetensors.index.json';
  return {
    name: 'shard index',
    cases: 2_000,
    inputs: jsonMutations,
    open: async (mutation: never) => {
      await linkFixture(directory, 'llama-grouped-tied', [name]);
      await writeFile(
        join(directory, name),
        mutateJson(await readFile(join(fixtureDirectory('llama-grouped-tied'), name), 'utf8'), mutation),
      );
      const { tensors } = await openCheckpoint(directory);
      for (const { file } of tensors.values()) if (dirname(file) !== fixtureDirectory('llama-grouped-tied')) fail(`${file} lies outside`);
    },
  };
};
