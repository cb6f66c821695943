import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { openCheckpoint, writeSafetensors } from '../../src/checkpoint/index.js';
import { checkAdapter, fullPrecision, openPeftAdapter, readPeftAdapterParts, withAdapter } from '../../src/evaluation/index.js';
import type { RawTensor } from '../../src/foundation/index.js';
import { openModel } from '../../src/models/index.js';
import { readReport } from '../../src/reports/index.js';
import {
  chunkTokens,
  chunkValues,
  chunkWidth,
  decodeActivationChunk,
  encodeActivationChunk,
  makeActivationChunk,
  readHiddenStates,
  writeHiddenStates,
} from '../../src/transport/index.js';
import { fixtureDirectory } from '../models/golden-run.js';
import { sampleReport } from '../reports/sample-report.js';
import type { HostileTarget } from './hostile-target.js';
import { byteMutations, jsonMutations, mutateBytes, mutateJson, type Mutation } from './mutations.js';

const RANK = 2;
const TOKENS = 6;
const WIDTH = 4;

const ADAPTER_CONFIG = {
  ...{ peft_type: 'LORA', task_type: 'CAUSAL_LM', base_model_name_or_path: 'models/small', r: RANK, lora_alpha: 16, use_rslora: false },
  ...{ target_modules: ['q_proj'], rank_pattern: { 'layers.0.self_attn.q_proj': RANK }, alpha_pattern: { 'layers.1.*q_proj': 16 } },
  ...{ bias: 'none', use_dora: false, lora_bias: false, fan_in_fan_out: false, modules_to_save: null, exclude_modules: null },
};

const fail = (what: string): never => {
  throw new Error(`accepted, but ${what}`);
};

const unchanged: Mutation = { trees: [], bytes: [] };

interface AdapterInput {
  readonly config: Mutation;
  readonly header: Mutation;
  readonly bytes: Mutation;
}

/** Adapters: a mutated adapter_config.json, or mutated tensors, opened over a real model. */
export const adapterTarget = async (scratch: string): Promise<HostileTarget> => {
  const directory = join(scratch, 'adapter');
  await mkdir(directory, { recursive: true });
  const checkpoint = await openCheckpoint(fixtureDirectory('llama-biases'));
  const model = openModel(checkpoint);
  const layers = Array.from({ length: model.blocks }, (_, block) => model.linears(block)[0]!);
  const factor = (...shape: readonly number[]): RawTensor => ({ dtype: 'F32', shape, bytes: new Uint8Array(4 * shape[0]! * shape[1]!) });
  const tensors = layers.flatMap(({ module, inFeatures, outFeatures }) => [
    [`base_model.model.${module}.lora_A.weight`, factor(RANK, inFeatures)] as const,
    [`base_model.model.${module}.lora_B.weight`, factor(outFeatures, RANK)] as const,
  ]);
  const path = join(directory, 'adapter_model.safetensors');
  await writeSafetensors(path, Object.fromEntries(tensors));
  const source = await readFile(path);
  const end = 8 + Number(source.readBigUInt64LE(0));
  const claims = {
    ...{ rank: RANK, alpha: 16, scaling: 16 / RANK },
    modules: layers.map(({ module, outFeatures, inFeatures }) => ({ name: module, shape: [outFeatures, inFeatures] as const })),
  };
  const linears = layers.map(({ module }) => module);
  const input = (parts: Partial<Record<keyof AdapterInput, fc.Arbitrary<Mutation>>>): fc.Arbitrary<AdapterInput> =>
    fc.record({ config: fc.constant(unchanged), header: fc.constant(unchanged), bytes: fc.constant(unchanged), ...parts });
  return {
    name: 'adapter',
    cases: 2_000,
    inputs: fc.oneof(input({ config: jsonMutations }), input({ header: jsonMutations }), input({ bytes: byteMutations })),
    open: async ({ config, header, bytes }: AdapterInput) => {
      await writeFile(join(directory, 'adapter_config.json'), mutateJson(JSON.stringify(ADAPTER_CONFIG), config));
      const text = mutateJson(source.toString('utf8', 8, end), header);
      const length = Buffer.alloc(8);
      length.writeBigUInt64LE(BigInt(text.length));
      await writeFile(path, mutateBytes(Buffer.concat([length, text, source.subarray(end)]), bytes));
      checkAdapter(await readPeftAdapterParts(directory), claims, linears);
      const adapter = await openPeftAdapter(directory);
      const variant = withAdapter(fullPrecision(), checkpoint, model, adapter);
      for (let block = 0; block < model.blocks; block++) variant.fed(block);
      for (const [module, { scaling }] of adapter.modules) if (!Number.isFinite(scaling)) fail(`${module} is scaled by ${scaling}`);
    },
  };
};

/** report.json of an earlier run. */
export const reportTarget = (scratch: string): HostileTarget => {
  const path = join(scratch, 'report.json');
  return {
    name: 'report.json',
    cases: 2_000,
    inputs: jsonMutations,
    open: async (mutation: never) => {
      await writeFile(path, mutateJson(JSON.stringify(sampleReport()), mutation));
      const { rank, modules } = await readReport(path);
      const sizes = [rank, ...modules.flatMap(({ shape }) => shape)];
      if (sizes.length !== 1 + 2 * modules.length || !sizes.every(Number.isSafeInteger)) fail('the report is none');
    },
  };
};

const VALUES = Float32Array.from({ length: TOKENS * WIDTH }, (_, i) => i);

/** Activation chunks as Arrow streams. */
export const chunkTarget = (): HostileTarget => {
  const header = { sequence: 3, block: 1, input: 'mlp_input', split: 'calibration' };
  const valid = encodeActivationChunk(makeActivationChunk(header, VALUES, WIDTH, new Int32Array(TOKENS)));
  return {
    name: 'activation chunk',
    cases: 2_000,
    inputs: byteMutations,
    open: (mutation: never) => {
      const chunk = decodeActivationChunk(mutateBytes(valid, mutation));
      if (chunkValues(chunk).length !== chunkTokens(chunk) * chunkWidth(chunk)) fail('values are missing');
      if (!(chunkValues(chunk) instanceof Float32Array)) fail('the values are no float32');
      if (!Number.isSafeInteger(chunk.sequence) || !Number.isSafeInteger(chunk.block)) fail('its place is none');
      return Promise.resolve();
    },
  };
};

/** Spilled hidden states as Arrow files. */
export const hiddenStatesTarget = async (scratch: string): Promise<HostileTarget> => {
  const path = join(scratch, 'hidden.arrow');
  await writeHiddenStates(path, VALUES, WIDTH, { block: '4', split: 'calibration', segment: '9' });
  const valid = await readFile(path);
  return {
    name: 'hidden states',
    cases: 2_000,
    inputs: byteMutations,
    open: async (mutation: never) => {
      await writeFile(path, mutateBytes(valid, mutation));
      const values = await readHiddenStates(path);
      if (!(values instanceof Float32Array) || values.length > VALUES.length) fail(`${values.length} values came of ${VALUES.length}`);
    },
  };
};
