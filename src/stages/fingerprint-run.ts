import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { sampleWeights } from '../checkpoint/index.js';
import type { Window } from '../corpus/index.js';
import type { Initializer } from '../initializers/index.js';
import type { FingerprintValue, RunFingerprint } from '../journal/index.js';
import type { FloatChoices } from '../planning/index.js';
import type { ChosenRun } from './calibrated-run.js';
import { deviceFingerprint } from './compute-device.js';
import type { InitializeJob } from './jobs.js';
import { versions } from './versions.js';

/** What decides the bytes of a run besides its model, its text and its job. */
export interface FingerprintParts {
  readonly initializer: Initializer;
  readonly floats: FloatChoices;
  /** `base_model_name_or_path` and `revision` of the adapter. */
  readonly base: { readonly baseModelName: string; readonly baseModelRevision?: string | undefined };
}

const sha256 = (text: string | Uint8Array): string => createHash('sha256').update(text).digest('hex');

const windowsHash = (windows: readonly Window[]): string => {
  const hash = createHash('sha256');
  for (const window of windows) hash.update(`${window.length}:${window.join(',')}\n`);
  return hash.digest('hex');
};

/** Settings that only one initializer looks at. */
const stepsOf = ({ name }: Initializer, { alsSteps, loftqSteps }: InitializeJob): Record<string, FingerprintValue> => ({
  ...(name === 'als' && { 'ALS steps': alsSteps }),
  ...(name === 'loftq' && { 'LoftQ steps': loftqSteps }),
});

/**
 * Collects what decides the bytes that an initialization writes. How many workers there are, how weights come to the disk and
 * where temporary files go is left out. A user's own quantizer or initializer enters by its name.
 *
 * Cost: as `sampleWeights`.
 */
export const fingerprintRun = async (
  { checkpoint, windows, plan }: ChosenRun,
  job: InitializeJob,
  { initializer, base, floats }: FingerprintParts,
): Promise<RunFingerprint> => {
  const { quailora, 'onnxruntime-node': onnxruntime } = versions();
  return {
    command: 'init',
    'config.json': sha256(checkpoint.configText),
    'tokenizer.json': sha256(await readFile(join(checkpoint.directory, 'tokenizer.json'))),
    weights: await sampleWeights(checkpoint),
    'calibration tokens': windowsHash(windows.calibration),
    'held-out tokens': windowsHash(windows.heldOut),
    quantizer: plan.quantizer.self.name,
    initializer: initializer.name,
    ...stepsOf(initializer, job),
    ...{ rank: job.rank, alpha: job.alpha, rslora: job.rslora, balance: job.balance, seed: job.seed },
    modules: job.modules === 'all-linear' ? job.modules : [...job.modules].sort(),
    ...{ experts: job.experts ?? false, 'write-base': job.writeBase },
    'base name': base.baseModelName,
    'base revision': base.baseModelRevision ?? null,
    plan: { ...floats },
    ...deviceFingerprint(job),
    quailora,
    'onnxruntime-node': onnxruntime ?? null,
  };
};
