import { isDeepStrictEqual } from 'node:util';
import type { Checkpoint, TensorLocation } from '../checkpoint/index.js';
import type { VerificationFailure } from './verification-failure.js';

/** What a quantized base must consist of. */
export interface BaseClaims {
  /** The full-precision checkpoint that it was made from. */
  readonly source: Checkpoint;
  /** Full names of the modules whose weight is quantized. */
  readonly linears: readonly string[];
  /** `Quantizer.quantizationConfig`. */
  readonly quantizationConfig: string | undefined;
}

/** A tensor that is stored as it is: where it comes from, and its copy. */
export interface PlainPair {
  readonly source: TensorLocation;
  readonly copy: TensorLocation;
}

/** What is wrong with a base's structure, and what can be compared byte by byte. */
export interface CheckedBase {
  readonly failures: readonly VerificationFailure[];
  readonly plain: readonly PlainPair[];
  /** Tensors of each quantized module by their suffix to its name, the bias left out. */
  readonly quantized: ReadonlyMap<string, Readonly<Record<string, TensorLocation>>>;
}

const withoutSpaces = (text: string): string => text.replace(/\s+/g, '');

/** Compares as text where a number's spelling matters: transformers takes a threshold of 6.0, and refuses 6. */
const configFailures = (base: Checkpoint, { source, quantizationConfig }: BaseClaims): VerificationFailure[] => {
  const failure = (message: string): VerificationFailure => ({ code: 'QL_VERIFY_CONFIG', where: 'base/config.json', message });
  const failures: VerificationFailure[] = [];
  if (
    quantizationConfig !== undefined &&
    !withoutSpaces(base.configText).includes(`"quantization_config":${withoutSpaces(quantizationConfig)}`)
  )
    failures.push(
      failure(
        `quantization_config is ${JSON.stringify(base.config['quantization_config'])}, where ${withoutSpaces(quantizationConfig)} belongs.`,
      ),
    );
  const keys = new Set([...Object.keys(source.config), ...Object.keys(base.config)]);
  keys.delete('quantization_config');
  const different = [...keys].filter((key) => !isDeepStrictEqual(source.config[key], base.config[key]));
  if (different.length > 0) failures.push(failure(`${different.join(', ')} differ from the source's config.json.`));
  return failures;
};

const describe = ({ dtype, shape }: TensorLocation): string => `${dtype} [${shape.join(', ')}]`;

/** Checks a base's config.json and the names, types and shapes of its tensors; reads no tensor. */
export const checkBase = (base: Checkpoint, claims: BaseClaims): CheckedBase => {
  const { source, linears } = claims;
  const failures = configFailures(base, claims);
  const weights = new Set(linears.map((module) => `${module}.weight`));
  const plain: PlainPair[] = [];
  for (const location of source.tensors.values()) {
    if (weights.has(location.name)) continue;
    const copy = base.tensors.get(location.name);
    const expected = describe(location);
    if (!copy)
      failures.push({
        code: 'QL_VERIFY_TENSOR_MISSING',
        where: location.name,
        message: `base/ does not hold it; the source does, as ${expected}.`,
      });
    else if (describe(copy) !== expected)
      failures.push({
        code: 'QL_VERIFY_TENSOR_SHAPE',
        where: location.name,
        message: `base/ holds it as ${describe(copy)}, the source as ${expected}.`,
      });
    else plain.push({ source: location, copy });
  }
  const quantized = new Map<string, Record<string, TensorLocation>>(linears.map((module) => [module, {}]));
  for (const [name, location] of base.tensors) {
    if (source.tensors.has(name) && !weights.has(name)) continue;
    const owner = linears.find((module) => name.startsWith(`${module}.`));
    if (owner === undefined)
      failures.push({
        code: 'QL_VERIFY_TENSOR_EXTRA',
        where: name,
        message: 'base/ holds it, but neither the source nor the quantizer has such a tensor.',
      });
    else quantized.get(owner)![name.slice(owner.length + 1)] = location;
  }
  return { failures, plain, quantized };
};
