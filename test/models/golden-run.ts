import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { embed } from '../../src/calibration/embed.task.js';
import { propagate, type PropagateArgument } from '../../src/calibration/propagate.task.js';
import {
  planSegments,
  unpackSymmetric,
  zeroPanels,
  type Segment,
  type SummedInput,
  type SymmetricPanels,
} from '../../src/calibration/index.js';
import { openCheckpoint, readSafetensorsHeader, readTensor, type Checkpoint, type TensorLocation } from '../../src/checkpoint/index.js';
import { score } from '../../src/evaluation/score.task.js';
import { toFloat32, type Matrix } from '../../src/foundation/index.js';
import { openModel, type CausalModel, type ExpertMixture } from '../../src/models/index.js';
import { ortMatrixEngine, type WorkerContext } from '../../src/runtime/index.js';

const FIXTURES = fileURLToPath(new URL('../../../test/fixtures/models/', import.meta.url));

/** Values that transformers computed, by name (see make-models.py). */
export interface Golden {
  readonly windows: readonly Int32Array[];
  readonly names: readonly string[];
  values(name: string): Promise<Float32Array>;
}

export const fixtureDirectory = (name: string): string => join(FIXTURES, name);

export const readGolden = async (name: string): Promise<Golden> => {
  const file = join(FIXTURES, name, 'golden.safetensors');
  const tensors = await readSafetensorsHeader(file, name);
  const location = (tensor: string): TensorLocation => {
    const found = tensors.find((candidate) => candidate.name === tensor);
    if (!found) throw new Error(`${file} has no ${tensor}`);
    return { ...found, file };
  };
  const tokens = location('tokens');
  const ids = new BigInt64Array((await readTensor(tokens)).buffer);
  const [count, length] = tokens.shape as [number, number];
  const windows = Array.from({ length: count }, (_, w) => Int32Array.from(ids.subarray(w * length, (w + 1) * length), Number));
  return {
    windows,
    names: tensors.map((tensor) => tensor.name),
    values: async (tensor) => toFloat32(await readTensor(location(tensor)), 'F32'),
  };
};

/** What our own pieces compute for the same tokens. */
export interface OwnRun {
  readonly model: CausalModel;
  readonly blocks: readonly Float32Array[];
  /** H by block and input name; of an expert's rows by the name that its layers read. */
  readonly sums: readonly ReadonlyMap<string, Matrix>[];
  /** Tokens of each expert by block; undefined for a dense one. */
  readonly expertTokens: readonly (readonly number[] | undefined)[];
  readonly logprobs: Float32Array;
}

const context: WorkerContext = {
  linalg: ortMatrixEngine(),
  threads: 1,
  throwIfStopped: () => undefined,
  stay: () => undefined,
  makeRoom: async () => undefined,
};

/** Opens a fixture, with some values of its config.json replaced. */
export const openFixture = async (name: string, replace: Readonly<Record<string, unknown>> = {}): Promise<Checkpoint> => {
  const checkpoint = await openCheckpoint(fixtureDirectory(name));
  return { ...checkpoint, config: { ...checkpoint.config, ...replace } };
};

const concatenated = (windows: readonly Int32Array[]): Int32Array => Int32Array.from(windows.flatMap((window) => [...window]));

/** One sum for each expert of everything that experts read. */
const expertSums = ({ experts, inputs }: ExpertMixture): SummedInput[] =>
  inputs.flatMap(({ name, width }) =>
    Array.from({ length: experts }, (_, expert) => ({
      ...{ input: `${name}.${expert}`, width, residual: undefined },
      rows: { activation: name, expert },
    })),
  );

/** Runs a whole model over windows through the tasks that workers run. */
export const runModel = async (
  checkpoint: Checkpoint,
  windows: readonly Int32Array[],
  key: string,
  model: CausalModel = openModel(checkpoint),
): Promise<OwnRun> => {
  const lengths = windows.map(({ length }) => length);
  const segment: Segment = planSegments(lengths, 'calibration', { runTokens: 2 * lengths[0]!, segmentTokens: 1e9 })[0]!;
  const ids = concatenated(windows);
  const { embedding, hiddenSize, vocabularySize } = model;
  const windowTokens = Math.max(...lengths);
  const entry = model.entry({ windowTokens });
  let { value: hidden } = await embed({ embedding, entry, hiddenSize, segment, ids: ids.slice(), spillTo: undefined }, context);
  const blocks: Float32Array[] = [];
  const sums: Map<string, Matrix>[] = [];
  const expertTokens: OwnRun['expertTokens'][number][] = [];
  for (let block = 0; block < model.blocks; block++) {
    const inputs = model.inputs(block);
    const mixture = model.mixture?.(block);
    const summed = [
      ...inputs.map(({ name, width }): SummedInput => ({ input: name, width, residual: undefined })),
      ...(mixture ? expertSums(mixture) : []),
    ];
    const piece = model.block(block, { windowTokens, linear: 'stored', activations: true });
    const argument: PropagateArgument = {
      ...{ key: `${key} ${block}`, piece, block, hiddenSize, segment, hidden, spillTo: undefined, inputs },
      ...{ sums: summed, mixture, listenTo: [], consumers: [] },
      ...{ form: 'stored', fed: [] },
    };
    const { value } = await propagate(argument, context);
    hidden = value.hidden;
    if ('values' in hidden) blocks.push(hidden.values.slice());
    const panelsOf = ({ width }: SummedInput, i: number): SymmetricPanels =>
      value.sums[i]!.length > 0 ? value.sums[i]! : zeroPanels(width);
    sums.push(new Map(summed.map((sum, i) => [sum.input, unpackSymmetric(sum.width, panelsOf(sum, i))])));
    expertTokens.push(value.expertTokens);
  }
  const head = { ...model.head(), label: key };
  const scored = await score({ piece: head, hiddenSize, vocabularySize, segment, hidden, ids }, context);
  return { model, blocks, sums, expertTokens, logprobs: scored.value };
};

/** Largest absolute difference. */
export const farthest = (a: ArrayLike<number>, b: ArrayLike<number>): number => {
  if (a.length !== b.length) return Infinity;
  let largest = 0;
  for (let i = 0; i < a.length; i++) largest = Math.max(largest, Math.abs(a[i]! - b[i]!));
  return largest;
};
