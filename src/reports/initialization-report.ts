import type { CalibrationFacts, CertifiedShard, InitializeJob, BlockRouting, SolvingRun } from '../stages/index.js';
import type { Certificate, Initializer } from '../initializers/index.js';
import type { RunFingerprint, WrittenFile } from '../journal/index.js';
import type { ExecutionPlan } from '../planning/index.js';
import { deviceFingerprint, measureGemmRates, versions } from '../stages/index.js';
import { generalizationByKind } from './generalization-by-kind.js';
import { lossRatio } from './loss-ratio.js';
import { peakRssBytes } from './peak-rss.js';
import type {
  ExpertMatrixReport,
  ExpertReport,
  InitializationReport,
  ModuleReport,
  PlanReport,
  RefitOrigin,
  ReportTotals,
  WorkReport,
} from './report.js';

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

/** Records what was done for one matrix of a routed expert. */
export const expertMatrixReport = (shard: CertifiedShard, initializer: string): ExpertMatrixReport => {
  const { calibration, heldOut, shared } = shard.statistics.routed!;
  return { ...moduleReport(shard, initializer), tokens: calibration, heldOutTokens: heldOut, statistics: shared ? 'shared' : 'own' };
};

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
const inModelOrder = <Report extends ModuleReport>(modules: readonly Report[], order: readonly string[]): Report[] => {
  const place = new Map(order.map((name, i) => [name, i]));
  return [...modules].sort((a, b) => place.get(a.name)! - place.get(b.name)!);
};

/** What a report says of its job. */
type ReportedJob = Pick<InitializeJob, 'model' | 'rank' | 'alpha' | 'alsSteps' | 'loftqSteps' | 'device'>;

/** What a report needs besides the run. */
export interface ReportParts {
  readonly job: ReportedJob;
  /** What the statistics were summed over, by this run or by the one that kept them. */
  readonly facts: CalibrationFacts;
  /** Tokens routed to each expert, of the blocks that have experts. */
  readonly routing: readonly BlockRouting[];
  /** Most bytes of activations at one time. */
  readonly activationBytes: number;
  /** For a correction that was fitted again. */
  readonly refit?: RefitOrigin | undefined;
  readonly initializer: Initializer;
  readonly modules: readonly ModuleReport[];
  /** Matrices of routed experts; none unless they were corrected. */
  readonly expertMatrices: readonly ExpertMatrixReport[];
  /** SHA-256 by shard file. */
  readonly hashes: Readonly<Record<string, string>>;
  readonly fingerprint: RunFingerprint;
  /** Kinds of processors that attempts at the run had. */
  readonly processors: readonly string[];
  readonly files: readonly WrittenFile[];
}

/** Alternations that a job asks of its initializer. */
const stepsOf = (name: string, { alsSteps, loftqSteps }: ReportedJob): number | null =>
  name === 'als' ? alsSteps : name === 'loftq' ? loftqSteps : null;

/** Means over the matrices; held out, over those whose experts got a held-out token. */
const expertTotals = (matrices: readonly ExpertMatrixReport[]): ReportTotals => {
  const seconds = matrices.reduce((sum, matrix) => sum + matrix.seconds, 0);
  const checked = matrices.filter(({ heldOut }) => heldOut !== null);
  const { heldOutLossRatio } = reportTotals(checked, seconds);
  return { ...reportTotals(matrices, seconds), heldOutLossRatio: checked.length > 0 ? heldOutLossRatio : null };
};

const expertReport = (
  { plan }: SolvingRun,
  routing: ReportParts['routing'],
  matrices: readonly ExpertMatrixReport[],
): ExpertReport | undefined => {
  const { experts } = plan;
  if (!experts) return undefined;
  const order = experts.shards.flat().map(({ layer }) => layer.module);
  return {
    ...{ matrices: experts.matrices, parameters: experts.parameters, share: experts.share, unadaptable: experts.unadaptable },
    routing,
    corrected: experts.asked ? { modules: inModelOrder(matrices, order), totals: expertTotals(matrices) } : null,
  };
};

const planReport = (plan: ExecutionPlan): PlanReport => ({
  ...{ peakBytes: plan.peakBytes, peakAt: plan.peakAt, budgetBytes: plan.budgetBytes, smallestBudgetBytes: plan.smallestBudgetBytes },
  ...{ ...plan.layout, shardsInFlight: plan.shardsInFlight, floats: plan.floats },
  ...{ scratchBytes: plan.scratchBytes, outputBytes: plan.outputBytes, keptStatisticsBytes: plan.keptStatisticsBytes },
});

/** Runs that are shorter spend their time on starting, and are not worth a measurement of the machine. */
const LEAST_SECONDS = 10;

const workReport = async ({ execution, clock, pool, model }: SolvingRun): Promise<WorkReport | undefined> => {
  const { seconds } = clock;
  if (!execution || seconds < LEAST_SECONDS) return undefined;
  const { forward, sums, solve, certify } = execution.operations;
  const operations = forward + sums + solve + certify;
  const { fed, constant } = await measureGemmRates(pool, model.hiddenSize);
  const gemmOperationsPerSecond = Math.max(fed, constant);
  return { operations, gemmOperationsPerSecond, share: operations / (seconds * gemmOperationsPerSecond) };
};

/** Assembles report.json. */
export const initializationReport = async (run: SolvingRun, parts: ReportParts): Promise<InitializationReport> => {
  const { job, initializer, hashes, facts, fingerprint, refit } = parts;
  const work = await workReport(run);
  const modules = inModelOrder(parts.modules, run.plan.linears);
  const experts = expertReport(run, parts.routing, parts.expertMatrices);
  const generalization = generalizationByKind(modules, experts?.corrected?.modules ?? []);
  return {
    model: job.model,
    ...(run.checkpoint.supply && { commit: run.checkpoint.supply.commit }),
    shardHashes: Object.entries(hashes).map(([file, sha256]) => ({ file, sha256 })),
    ...{ quantizer: run.plan.quantizer.self.name, initializer: initializer.name },
    initializerSteps: stepsOf(initializer.name, job),
    ...{ rank: job.rank, alpha: job.alpha, scaling: run.plan.scaling },
    ...facts,
    fingerprint,
    ...deviceFingerprint(job),
    processors: parts.processors,
    versions: versions(),
    modules,
    totals: reportTotals(modules, run.clock.seconds),
    ...(generalization.length > 0 && { generalization }),
    ...(experts && { experts }),
    ...(refit && { refit }),
    secondsPerStage: run.clock.secondsPerStage,
    peakRssBytes: await peakRssBytes(),
    largestBytes: {
      weights: run.weightBytes.peakBytes,
      statistics: run.statisticBytes.peakBytes,
      activations: parts.activationBytes,
    },
    ...(run.execution && { plan: planReport(run.execution) }),
    ...(work && { work }),
    files: parts.files,
  };
};
