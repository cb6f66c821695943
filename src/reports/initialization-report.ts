import type { CalibratedRun, CertifiedShard, InitializeJob } from '../stages/index.js';
import type { Certificate, Initializer } from '../initializers/index.js';
import { versions } from '../stages/index.js';
import { peakRssBytes } from './peak-rss.js';
import type { InitializationReport, ModuleReport, ReportTotals } from './report.js';

/** Part of a loss that is left; nothing is left where there was nothing to lose. */
export const lossRatio = (final: number, none: number): number => (none > 0 ? final / none : 0);

const withSvd = ({ none, final }: Certificate['loss'], svd: number | undefined): ModuleReport['loss'] =>
  svd === undefined ? { none, final } : { none, svd, final };

/** Records what was done for one layer. */
export const moduleReport = ({ layer, certificate, svdLoss, statistics, seconds }: CertifiedShard, initializer: string): ModuleReport => ({
  name: layer.module,
  shape: [layer.outFeatures, layer.inFeatures],
  loss: withSvd(certificate.loss, initializer === 'svd' ? certificate.loss.final : svdLoss),
  heldOut: certificate.heldOut,
  captured: certificate.captured,
  statistic: statistics.calibration.kind,
  seconds,
});

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);

/** The mean, or null where a value is missing. */
const meanOfAll = (values: readonly (number | undefined)[]): number | null =>
  values.every((value) => value !== undefined) ? mean(values) : null;

/** Means over the modules. */
export const reportTotals = (modules: readonly ModuleReport[], seconds: number): ReportTotals => ({
  modules: modules.length,
  lossRatio: mean(modules.map(({ loss }) => lossRatio(loss.final, loss.none))),
  svdLossRatio: meanOfAll(modules.map(({ loss }) => (loss.svd === undefined ? undefined : lossRatio(loss.svd, loss.none)))),
  heldOutLossRatio: meanOfAll(modules.map(({ heldOut }) => (heldOut ? lossRatio(heldOut.final, heldOut.none) : undefined))),
  captured: mean(modules.map(({ captured }) => captured)),
  seconds,
});

/** Modules in the order of the model, whatever order they were solved in. */
const inModelOrder = (modules: readonly ModuleReport[], order: readonly string[]): ModuleReport[] => {
  const place = new Map(order.map((name, i) => [name, i]));
  return [...modules].sort((a, b) => place.get(a.name)! - place.get(b.name)!);
};

/** What a report needs besides the run. */
export interface ReportParts {
  readonly job: InitializeJob;
  readonly initializer: Initializer;
  readonly modules: readonly ModuleReport[];
  /** SHA-256 by shard file. */
  readonly hashes: Readonly<Record<string, string>>;
}

/** Alternations that a job asks of its initializer. */
const stepsOf = (name: string, { alsSteps, loftqSteps }: InitializeJob): number | null =>
  name === 'als' ? alsSteps : name === 'loftq' ? loftqSteps : null;

/** Assembles report.json. */
export const initializationReport = async (run: CalibratedRun, parts: ReportParts): Promise<InitializationReport> => {
  const { job, initializer, hashes } = parts;
  const modules = inModelOrder(parts.modules, run.plan.linears);
  return {
    model: job.model,
    ...(run.checkpoint.supply && { commit: run.checkpoint.supply.commit }),
    shardHashes: Object.entries(hashes).map(([file, sha256]) => ({ file, sha256 })),
    ...{ quantizer: run.plan.quantizer.self.name, initializer: initializer.name },
    initializerSteps: stepsOf(initializer.name, job),
    ...{ rank: job.rank, alpha: job.alpha, scaling: run.plan.scaling, seed: job.seed },
    calibration: { source: job.calibration, shape: job.calibrationShape ?? {}, records: run.windows.records },
    ...{ calibrationTokens: run.windows.tokens.calibration, heldOutTokens: run.windows.tokens.heldOut, windowTokens: job.windowTokens },
    heldOutFraction: job.heldOutFraction,
    samples: job.budget.kind === 'samples' ? run.windows.calibration.length : null,
    versions: versions(),
    modules,
    totals: reportTotals(modules, run.clock.seconds),
    secondsPerStage: run.clock.secondsPerStage,
    peakRssBytes: await peakRssBytes(),
    largestBytes: {
      weights: run.weightBytes.peakBytes,
      statistics: run.statisticBytes.peakBytes,
      activations: run.propagation.activationBytes.peakBytes,
    },
  };
};
