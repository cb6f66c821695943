import type { HubFetchOptions } from '../hub/index.js';
import type { Initializer } from '../initializers/index.js';
import type { ModuleReference } from '../runtime/index.js';
import { checkKept } from './check-kept.js';
import { requireJobDevice } from './compute-device.js';
import { planCorrection, stockInitializer, stockQuantizer, type CorrectionPlan } from './correction-plan.js';
import { INITIALIZER_NAMES, type CorrectionChoice, type ExpertChoice, type InitializerName, type RefitJob } from './jobs.js';
import type { KeptStatistics } from './kept-statistics.js';
import { openSourceModel, requireFullPrecision, type SourceModel } from './open-source-model.js';
import { resolvePlaced } from './placed.js';
import { RefitError } from './refit-error.js';

/** How a refit corrects: as the run that kept the statistics, but for what its job says. */
export interface RefitChoice extends CorrectionChoice, ExpertChoice {
  readonly initializer: InitializerName;
  /** Seed of the baseline's random factor. */
  readonly seed: number;
}

/** What is known of a refit before it takes any place on the disk. */
export interface ChosenRefit extends SourceModel {
  readonly plan: CorrectionPlan;
  readonly choice: RefitChoice;
  readonly initializer: { readonly placed: ModuleReference; readonly self: Initializer };
}

/**
 * Takes over what the job leaves open.
 *
 * @throws RefitError QL_REFIT_OPTION where the run had a user's own quantizer or initializer and the job names none
 */
export const chooseRefit = async (job: RefitJob, { options, quantizer, initializer, facts }: KeptStatistics): Promise<RefitChoice> => {
  const own = (what: string, name: string, flag: string): RefitError =>
    new RefitError(
      'QL_REFIT_OPTION',
      `The statistics were kept by a pipeline with its own ${what} "${name}". Choose one of quailora's with ${flag}.`,
    );
  const stock = await resolvePlaced<{ readonly name: string }>(stockQuantizer(options.bits));
  if (job.bits === undefined && stock.name !== quantizer) throw own('quantizer', quantizer, '--bits');
  const known = INITIALIZER_NAMES.find((name) => name === initializer);
  if (job.initializer === undefined && known === undefined) throw own('initializer', initializer, '--initializer');
  const given = Object.fromEntries(Object.keys(options).flatMap((name) => (name in job ? [[name, job[name as keyof RefitJob]]] : [])));
  return { ...options, initializer: known ?? 'exact', seed: facts.seed, ...given, ...(job.seed !== undefined && { seed: job.seed }) };
};

const openModelOf = async (job: RefitJob, kept: KeptStatistics, onTransfer: HubFetchOptions['onTransfer']): Promise<SourceModel> => {
  const { model = kept.model } = job;
  const source = await openSourceModel(model, { ...job, onTransfer, commit: job.model === undefined ? kept.commit : undefined });
  try {
    requireFullPrecision(source.checkpoint);
    return source;
  } catch (error) {
    await source.checkpoint.supply?.close();
    throw error;
  }
};

/**
 * Opens the model that the statistics belong to, and checks that they are enough; no text is opened. Close `checkpoint.supply`
 * when the run is not started.
 *
 * @throws RefitError where they are not enough; DeviceError; the errors of the checkpoint, the Hub, the model and the plan; nothing is left
 * open then
 */
export const chooseRefitRun = async (
  job: RefitJob,
  kept: KeptStatistics,
  onTransfer?: HubFetchOptions['onTransfer'],
): Promise<ChosenRefit> => {
  const choice = await chooseRefit(job, kept);
  await requireJobDevice(job);
  const source = await openModelOf(job, kept, onTransfer);
  try {
    const plan = await planCorrection(source, choice);
    const placed = stockInitializer(choice.initializer, choice);
    const initializer = { placed, self: await resolvePlaced<Initializer>(placed) };
    checkKept(kept, plan, initializer.self);
    return { ...source, plan, choice, initializer };
  } catch (error) {
    await source.checkpoint.supply?.close();
    throw error;
  }
};
