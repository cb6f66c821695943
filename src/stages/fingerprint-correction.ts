import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { sampleWeights } from '../checkpoint/index.js';
import type { Initializer } from '../initializers/index.js';
import type { FingerprintValue, RunFingerprint } from '../journal/index.js';
import { deviceFingerprint, type DeviceChoice } from './compute-device.js';
import type { CorrectionPlan } from './correction-plan.js';
import type { CorrectionChoice, ExpertChoice, InitializeJob } from './jobs.js';
import type { SourceModel } from './open-source-model.js';
import { versions } from './versions.js';

/** What is said of a correction, by the user or by the run that kept its statistics. */
export interface FingerprintedChoice extends CorrectionChoice, ExpertChoice, DeviceChoice, Pick<InitializeJob, 'seed' | 'writeBase'> {}

/** What decides the bytes of a correction besides its model, its statistics and its job. */
export interface CorrectionFingerprintParts {
  readonly initializer: Initializer;
  /** `base_model_name_or_path` and `revision` of the adapter. */
  readonly base: { readonly baseModelName: string; readonly baseModelRevision?: string | undefined };
}

/** SHA-256 in hexadecimal. */
export const sha256 = (text: string | Uint8Array): string => createHash('sha256').update(text).digest('hex');

/** Settings that only one initializer looks at. */
const stepsOf = ({ name }: Initializer, { alsSteps, loftqSteps }: CorrectionChoice): Record<string, FingerprintValue> => ({
  ...(name === 'als' && { 'ALS steps': alsSteps }),
  ...(name === 'loftq' && { 'LoftQ steps': loftqSteps }),
});

/**
 * Collects what decides a correction's bytes wherever its statistics come from: model, options, versions.
 *
 * Cost: as `sampleWeights`.
 */
export const fingerprintCorrection = async (
  { checkpoint, plan }: SourceModel & { readonly plan: CorrectionPlan },
  choice: FingerprintedChoice,
  { initializer, base }: CorrectionFingerprintParts,
): Promise<RunFingerprint> => {
  const { quailora, 'onnxruntime-node': onnxruntime } = versions();
  return {
    'config.json': sha256(checkpoint.configText),
    'tokenizer.json': sha256(await readFile(join(checkpoint.directory, 'tokenizer.json'))),
    weights: await sampleWeights(checkpoint),
    quantizer: plan.quantizer.self.name,
    initializer: initializer.name,
    ...stepsOf(initializer, choice),
    ...{ rank: choice.rank, alpha: choice.alpha, rslora: choice.rslora, balance: choice.balance, seed: choice.seed },
    modules: choice.modules === 'all-linear' ? choice.modules : [...choice.modules].sort(),
    ...{ experts: choice.experts ?? false, 'write-base': choice.writeBase },
    'base name': base.baseModelName,
    'base revision': base.baseModelRevision ?? null,
    ...deviceFingerprint(choice),
    quailora,
    'onnxruntime-node': onnxruntime ?? null,
  };
};
