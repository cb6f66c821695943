import type { Initializer } from '../initializers/index.js';
import type { LinearLayer } from '../models/index.js';
import { acceptsG, type CorrectionPlan } from './correction-plan.js';
import type { KeptFile, KeptStatistics } from './kept-statistics.js';
import { RefitError } from './refit-error.js';

const AGAIN = 'Run init again with';

const notSummed = ({ module }: LinearLayer, { options }: KeptStatistics, ofExpert: boolean): RefitError => {
  const { modules } = options;
  const had = modules === 'all-linear' ? '' : `, which had --modules ${modules.join(',')}`;
  const kind = module.slice(module.lastIndexOf('.') + 1);
  const keep = ofExpert && !options.experts ? '--experts --keep-statistics' : '--keep-statistics and without --modules';
  return new RefitError(
    'QL_REFIT_KEPT',
    `${module}: the run that kept the statistics${had} summed nothing that it reads. ${AGAIN} ${keep}, or leave ${kind} out with --modules.`,
  );
};

/** Says what is wrong with correcting a layer from a G, or nothing. */
const unusableG = (
  { module }: LinearLayer,
  file: KeptFile,
  { quantizer }: CorrectionPlan,
  initializer: Initializer,
): string | undefined => {
  if (file.modules[0] !== module) return `went through the residual of ${file.modules[0] ?? 'another module'}`;
  if (file.quantizer !== quantizer.self.name)
    return `went through the residual that ${file.quantizer ?? 'another quantizer'} left, not ${quantizer.self.name}`;
  if (!acceptsG(initializer)) return `went through the residual of the stock quantization, and "${initializer.name}" needs more than that`;
  return undefined;
};

const checkLayer = (
  layer: LinearLayer,
  file: KeptFile | undefined,
  kept: KeptStatistics,
  plan: CorrectionPlan,
  initializer: Initializer,
  ofExpert: boolean,
): void => {
  if (!file) throw notSummed(layer, kept, ofExpert);
  const { kind, n } = file;
  const reason = kind === 'G' ? unusableG(layer, file, plan, initializer) : undefined;
  if (reason !== undefined)
    throw new RefitError(
      'QL_REFIT_KEPT',
      `${layer.module}: what was kept is a G, which ${reason}. ${AGAIN} --keep-statistics=all-h, which serves any quantizer and initializer.`,
    );
  const size = kind === 'H' ? layer.inFeatures : layer.outFeatures;
  if (n !== size)
    throw new RefitError(
      'QL_REFIT_MODEL',
      `${layer.module} is [${layer.outFeatures}, ${layer.inFeatures}], but the ${kind} that was kept for it has ${n} rows. Give the checkpoint that init read with --model.`,
    );
};

/**
 * Checks, before anything is computed, that every layer to correct finds what it needs among the kept sums.
 *
 * @throws RefitError QL_REFIT_KEPT naming the first layer that does not, and what to keep; QL_REFIT_MODEL for another model's
 */
export const checkKept = (kept: KeptStatistics, plan: CorrectionPlan, initializer: Initializer): void => {
  const byPlace = new Map(kept.files.filter(({ split }) => split === 'calibration').map((file) => [`${file.block} ${file.input}`, file]));
  for (const { block, layer, ofExpert = false } of [...plan.shards.flat(), ...(plan.experts?.shards.flat() ?? [])])
    if (plan.corrects(layer)) checkLayer(layer, byPlace.get(`${block} ${layer.input}`), kept, plan, initializer, ofExpert);
};

/**
 * Checks that the weights are those that the statistics belong to.
 *
 * @param hashes SHA-256 by shard file
 * @throws RefitError QL_REFIT_MODEL
 */
export const checkSameWeights = ({ shardHashes, model }: KeptStatistics, hashes: Readonly<Record<string, string>>): void => {
  const recorded = new Map(shardHashes.map(({ file, sha256 }) => [file, sha256]));
  const other = [...new Set([...recorded.keys(), ...Object.keys(hashes)])].find((file) => recorded.get(file) !== hashes[file]);
  if (other !== undefined)
    throw new RefitError(
      'QL_REFIT_MODEL',
      `${other} has SHA-256 ${hashes[other] ?? '(there is none)'}, but ${recorded.get(other) ?? 'no such file'} when the statistics were summed: they are those of another checkpoint than this ${model}. Calibrate this one with init.`,
    );
};
