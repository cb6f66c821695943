import type { TensorLocation } from '../checkpoint/index.js';
import { matchesPattern } from './matches-pattern.js';
import { adapterScale, type AdapterModule, type PeftAdapterParts } from './peft-adapter.js';
import type { VerificationFailure } from './verification-failure.js';

/** What the adapter is claimed to be. */
export interface AdapterClaims {
  readonly rank: number;
  readonly alpha: number;
  /** What peft multiplies B·A by. */
  readonly scaling: number;
  readonly modules: readonly { readonly name: string; /** [out, in] */ readonly shape: readonly [number, number] }[];
}

/** What is wrong with an adapter's structure, and the modules whose factors can be multiplied. */
export interface CheckedAdapter {
  readonly failures: readonly VerificationFailure[];
  readonly modules: ReadonlyMap<string, AdapterModule>;
}

const CONFIG = 'adapter/adapter_config.json';

const TENSORS = 'adapter/adapter_model.safetensors';

type Config = PeftAdapterParts['config'];

/** True where peft adapts a module: an entry is its name or the end of it, a single text is a pattern for the whole name. */
const isTarget = (targets: unknown, module: string): boolean => {
  if (typeof targets === 'string')
    return targets === 'all-linear' || matchesPattern({ key: 'target_modules', pattern: targets, of: 'whole' }, module);
  return (
    Array.isArray(targets) && targets.some((target) => module === target || (typeof target === 'string' && module.endsWith(`.${target}`)))
  );
};

const targetFailures = (config: Config, claimed: ReadonlySet<string>, linears: readonly string[]): VerificationFailure[] => {
  const targets = config['target_modules'];
  const wrong = linears.filter((module) => isTarget(targets, module) !== claimed.has(module));
  const narrowing = ['exclude_modules', 'layers_to_transform', 'modules_to_save'].filter((key) => (config[key] ?? null) !== null);
  const failures = wrong.map((module) => ({
    code: 'QL_VERIFY_TARGETS',
    where: module,
    message: `target_modules ${JSON.stringify(targets)} ${claimed.has(module) ? 'leaves it out, so peft drops its factors' : 'takes it in, but it has no factors'}.`,
  }));
  return narrowing.length === 0
    ? failures
    : [...failures, { code: 'QL_VERIFY_TARGETS', where: CONFIG, message: `It sets ${narrowing.join(', ')}, which init never does.` }];
};

const scaleFailures = (config: Config, { rank, alpha, scaling }: AdapterClaims): VerificationFailure[] => {
  const found = adapterScale({ ...config, rank_pattern: {}, alpha_pattern: {} }, '');
  if (found.rank === rank && (config['lora_alpha'] ?? 8) === alpha && Math.abs(found.scaling - scaling) <= 1e-12 * scaling) return [];
  return [
    {
      code: 'QL_VERIFY_SCALE',
      where: CONFIG,
      message:
        `r ${found.rank}, lora_alpha ${String(config['lora_alpha'])}, use_rslora ${String(config['use_rslora'])} make peft multiply B·A by ${found.scaling}; ` +
        `report.json claims rank ${rank}, alpha ${alpha}, scaling ${scaling}, ${scaling / found.scaling} times that.`,
    },
  ];
};

const factorFailures = (
  module: string,
  factor: 'lora_A' | 'lora_B',
  found: TensorLocation | undefined,
  shape: readonly number[],
): VerificationFailure[] => {
  const failure = (code: string, message: string): VerificationFailure[] => [{ code, where: module, message }];
  const expected = `F32 [${shape.join(', ')}]`;
  if (!found) return failure('QL_VERIFY_TENSOR_MISSING', `${TENSORS} holds no ${factor} for it; ${expected} is claimed.`);
  const text = `${found.dtype} [${found.shape.join(', ')}]`;
  if (found.shape.join() !== shape.join()) return failure('QL_VERIFY_TENSOR_SHAPE', `${factor} is ${text}, but ${expected} is claimed.`);
  return found.dtype === 'F32' ? [] : failure('QL_VERIFY_TENSOR_DTYPE', `${factor} is ${text}, but ${expected} is claimed.`);
};

/**
 * Checks an adapter's configuration and the names, types and shapes of its tensors against what is claimed; reads no tensor.
 *
 * @param linears full names of every linear layer of the model's blocks
 */
export const checkAdapter = (
  { config, halves, others }: PeftAdapterParts,
  claims: AdapterClaims,
  linears: readonly string[],
): CheckedAdapter => {
  const claimed = new Set(claims.modules.map(({ name }) => name));
  const failures = [...scaleFailures(config, claims), ...targetFailures(config, claimed, linears)];
  const extra = [...others, ...[...halves.keys()].filter((module) => !claimed.has(module))];
  for (const name of extra)
    failures.push({ code: 'QL_VERIFY_TENSOR_EXTRA', where: name, message: `${TENSORS} holds it, but report.json does not claim it.` });
  const modules = new Map<string, AdapterModule>();
  for (const { name, shape } of claims.modules) {
    const { A, B } = halves.get(name) ?? {};
    const wrong = [
      ...factorFailures(name, 'lora_A', A, [claims.rank, shape[1]]),
      ...factorFailures(name, 'lora_B', B, [shape[0], claims.rank]),
    ];
    failures.push(...wrong);
    if (A && B && wrong.length === 0) modules.set(name, { A, B, scaling: adapterScale(config, name).scaling });
  }
  return { failures, modules };
};
