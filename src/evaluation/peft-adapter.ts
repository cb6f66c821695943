import { realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { readSafetensorsHeader, type TensorLocation } from '../checkpoint/index.js';
import { parseJson, readTextFile } from '../foundation/index.js';
import { AdapterError } from './adapter-error.js';
import { matchesPattern } from './matches-pattern.js';

/** The factors of one module as peft applies them: W + scaling · B · A. */
export interface AdapterModule {
  /** lora_A, [rank, in] */
  readonly A: TensorLocation;
  /** lora_B, [out, rank] */
  readonly B: TensorLocation;
  /** alpha / rank, or alpha / √rank with rsLoRA, patterns applied. */
  readonly scaling: number;
}

/** An opened peft LoRA adapter. */
export interface PeftAdapter {
  readonly config: Readonly<Record<string, unknown>>;
  /** By full module name of the base model. */
  readonly modules: ReadonlyMap<string, AdapterModule>;
}

const TENSOR_NAME = /^base_model\.model\.(.+)\.lora_(A|B)\.weight$/;

const numberOf = (config: Readonly<Record<string, unknown>>, key: string, fallback: number): number => {
  const value = config[key] ?? fallback;
  if (typeof value !== 'number' || !Number.isFinite(value))
    throw new AdapterError('QL_ADAPTER_CONFIG', `adapter_config.json: "${key}" is ${JSON.stringify(value)}, not a number.`);
  return value;
};

/** The number of the first pattern that matches the end of a module's name, as peft matches it. */
const patternValue = (config: Readonly<Record<string, unknown>>, key: string, module: string): number | undefined => {
  const patterns = config[key] ?? {};
  if (typeof patterns !== 'object' || Array.isArray(patterns))
    throw new AdapterError('QL_ADAPTER_CONFIG', `adapter_config.json: "${key}" is ${JSON.stringify(patterns)}, not an object.`);
  for (const [pattern, value] of Object.entries(patterns))
    if (typeof value === 'number' && matchesPattern({ key, pattern, of: 'end' }, module)) return value;
  return undefined;
};

const readAdapterConfig = async (directory: string): Promise<Record<string, unknown>> => {
  let config: unknown;
  try {
    config = parseJson(await readTextFile(join(directory, 'adapter_config.json')));
  } catch (cause) {
    throw new AdapterError(
      'QL_ADAPTER_MISSING',
      `${directory} holds no readable adapter_config.json (${String(cause)}). Give the directory that peft's save_pretrained or quailora wrote.`,
      cause,
    );
  }
  if (typeof config !== 'object' || config === null || Array.isArray(config))
    throw new AdapterError('QL_ADAPTER_CONFIG', `${directory}/adapter_config.json is no JSON object.`);
  return config as Record<string, unknown>;
};

const refuseVariants = (config: Readonly<Record<string, unknown>>): void => {
  if (config['peft_type'] !== 'LORA')
    throw new AdapterError(
      'QL_ADAPTER_CONFIG',
      `adapter_config.json says peft_type ${JSON.stringify(config['peft_type'])}; LORA is supported.`,
    );
  for (const key of ['use_dora', 'lora_bias', 'fan_in_fan_out'])
    if (config[key] === true) throw new AdapterError('QL_ADAPTER_CONFIG', `adapter_config.json sets "${key}", which is not computed here.`);
};

/**
 * Rank that a module's factors must have, and what peft multiplies their product by; patterns applied.
 *
 * @throws AdapterError QL_ADAPTER_CONFIG for a rank that is none, or a pattern that can't be matched
 */
export const adapterScale = (
  config: Readonly<Record<string, unknown>>,
  module: string,
): { readonly rank: number; readonly scaling: number } => {
  const rank = patternValue(config, 'rank_pattern', module) ?? numberOf(config, 'r', 8);
  const alpha = patternValue(config, 'alpha_pattern', module) ?? numberOf(config, 'lora_alpha', 8);
  if (!Number.isInteger(rank) || rank < 1)
    throw new AdapterError('QL_ADAPTER_CONFIG', `adapter_config.json gives ${module || 'every module'} rank ${rank}, which is no rank.`);
  return { rank, scaling: config['use_rslora'] === true ? alpha / Math.sqrt(rank) : alpha / rank };
};

/** What lies in an adapter's directory, whether it fits together or not. */
export interface PeftAdapterParts {
  readonly config: Readonly<Record<string, unknown>>;
  /** By full module name of the base model. */
  readonly halves: ReadonlyMap<string, Partial<Record<'A' | 'B', TensorLocation>>>;
  /** Tensors that are no LoRA factor of a linear layer. */
  readonly others: readonly string[];
}

/**
 * Reads a peft LoRA adapter's configuration and the header of its tensors, and judges neither.
 *
 * @throws AdapterError when a file is missing or the variant is not plain LoRA
 * @throws MalformedCheckpointError when adapter_model.safetensors is damaged
 */
export const readPeftAdapterParts = async (directory: string): Promise<PeftAdapterParts> => {
  const config = await readAdapterConfig(directory);
  refuseVariants(config);
  const file = await realpath(join(directory, 'adapter_model.safetensors')).catch((cause: unknown) => {
    throw new AdapterError('QL_ADAPTER_MISSING', `${directory} holds no adapter_model.safetensors (${String(cause)}).`, cause);
  });
  const halves = new Map<string, Partial<Record<'A' | 'B', TensorLocation>>>();
  const others: string[] = [];
  for (const tensor of await readSafetensorsHeader(file, 'adapter_model.safetensors')) {
    const [, module, factor] = TENSOR_NAME.exec(tensor.name) ?? [];
    if (module === undefined) others.push(tensor.name);
    else halves.set(module, { ...halves.get(module), [factor as 'A' | 'B']: { ...tensor, file } });
  }
  return { config, halves, others };
};

/**
 * Opens a peft LoRA adapter; reads its configuration and the header of its tensors.
 *
 * @throws AdapterError when a file is missing, the variant is not plain LoRA, or a factor lacks its partner
 * @throws MalformedCheckpointError when adapter_model.safetensors is damaged
 */
export const openPeftAdapter = async (directory: string): Promise<PeftAdapter> => {
  const { config, halves, others } = await readPeftAdapterParts(directory);
  if (others[0] !== undefined)
    throw new AdapterError(
      'QL_ADAPTER_TENSOR',
      `adapter_model.safetensors holds "${others[0]}", which is no LoRA factor of a linear layer.`,
    );
  const modules = new Map<string, AdapterModule>();
  for (const [module, { A, B }] of halves) {
    if (!A || !B) throw new AdapterError('QL_ADAPTER_TENSOR', `${module} has lora_${A ? 'A' : 'B'} but no lora_${A ? 'B' : 'A'}.`);
    if (A.shape.length !== 2 || B.shape.length !== 2 || A.shape[0] !== B.shape[1])
      throw new AdapterError(
        'QL_ADAPTER_TENSOR',
        `${module}: lora_A [${A.shape.join(', ')}] and lora_B [${B.shape.join(', ')}] do not fit.`,
      );
    const { rank, scaling } = adapterScale(config, module);
    if (A.shape[0] !== rank)
      throw new AdapterError('QL_ADAPTER_TENSOR', `${module}: lora_A has ${A.shape[0]} rows, but adapter_config.json says rank ${rank}.`);
    modules.set(module, { A, B, scaling });
  }
  return { config, modules };
};
