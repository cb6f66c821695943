import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { hashShards, openCheckpoint, readSafetensorsHeader, type Checkpoint } from '../checkpoint/index.js';
import type { StageContext } from '../dataflow/index.js';
import {
  checkAdapter,
  checkBase,
  checkExperts,
  readPeftAdapterParts,
  VerificationError,
  type CheckedAdapter,
  type CheckedBase,
  type CheckedExperts,
  type VerificationFailure,
} from '../evaluation/index.js';
import { EXPERT_FACTORS_FILE } from '../exporters/index.js';
import { QuailoraError } from '../foundation/index.js';
import type { Arithmetic } from '../planning/index.js';
import { multipliesIntegersExactly, startWorkerPool, type WorkerPool } from '../runtime/index.js';
import { requireJobDevice } from './compute-device.js';
import { openCalibratedRun, type CalibratedRun } from './calibrated-run.js';
import { planCorrection, type CorrectionPlan } from './correction-plan.js';
import type { VerifyJob } from './jobs.js';
import { walkModel, type ModelWalk } from './model-walk.js';
import { openSourceModel, requireFullPrecision, type SourceModel, type SourceOptions } from './open-source-model.js';
import { claimedChoice, claimedExperts, type OutputClaims } from './output-claims.js';
import { RunClock } from './run-clock.js';
import { layOutWorkers } from './worker-layout.js';

/** An output that is being verified: what was opened, and what was found wrong so far. */
export interface Verification {
  readonly source: SourceModel;
  readonly plan: CorrectionPlan;
  readonly claims: OutputClaims;
  /** Recomputes the statistics; undefined without a text. */
  readonly calibration: CalibratedRun | undefined;
  readonly pool: WorkerPool;
  /** The way through the checkpoint's blocks. */
  readonly walk: ModelWalk;
  readonly context: StageContext;
  readonly clock: RunClock;
  readonly adapter: CheckedAdapter;
  /** Undefined where none was written, or it can't be opened. */
  readonly base: CheckedBase | undefined;
  /** Factors of routed experts; undefined where none are claimed. */
  readonly experts: CheckedExperts | undefined;
  /** Failures of files and configurations; those of modules come as they are worked on. */
  readonly failures: readonly VerificationFailure[];
  /** Settles with what is wrong with the checkpoint's own bytes. */
  readonly modelFailures: Promise<VerificationFailure[]>;
  /** Ends the workers and removes scratch files. */
  close(): Promise<void>;
}

/** What a verification may be given in place of what it makes. */
export interface VerificationOptions extends Pick<SourceOptions, 'onTransfer'> {
  /** Runs since the job began. */
  readonly clock?: RunClock | undefined;
}

const openModelOf = async (job: VerifyJob, claims: OutputClaims, { onTransfer }: VerificationOptions): Promise<SourceModel> => {
  const { model } = job;
  try {
    const source = await openSourceModel(model ?? claims.model, {
      ...job,
      commit: model === undefined ? claims.commit : undefined,
      onTransfer,
    });
    try {
      requireFullPrecision(source.checkpoint);
    } catch (error) {
      await source.checkpoint.supply?.close();
      throw error;
    }
    return source;
  } catch (cause) {
    // A network that fails, or an option that does not fit, is not mended by another directory.
    if (model !== undefined || !(cause instanceof QuailoraError) || cause.retryable || cause.code === 'QL_HUB_OPTION') throw cause;
    throw new VerificationError(
      'QL_VERIFY_MODEL',
      `report.json names the checkpoint ${claims.model}, which can't be used from here: ${cause.message} Name its directory with --model.`,
      cause,
    );
  }
};

const compareHashes = async (
  checkpoint: Checkpoint,
  claims: OutputClaims,
  signal: AbortSignal | undefined,
): Promise<VerificationFailure[]> => {
  const found = await hashShards(checkpoint, signal);
  const claimed = Object.fromEntries(claims.shardHashes.map(({ file, sha256 }) => [file, sha256]));
  return [...new Set([...Object.keys(claimed), ...Object.keys(found)])]
    .filter((file) => claimed[file] !== found[file])
    .map((file) => ({
      code: 'QL_VERIFY_MODEL',
      where: file,
      message: `The checkpoint's shard has SHA-256 ${found[file] ?? '(there is none)'}, report.json claims ${claimed[file] ?? 'none'}: this is not the checkpoint that init read.`,
    }));
};

const checkModules = ({ model }: SourceModel, claims: OutputClaims): void => {
  const layers = Array.from({ length: model.blocks }, (_, block) => [
    ...model.linears(block),
    ...(model.mixture?.(block)?.matrices ?? []).map(({ layer }) => layer),
  ]).flat();
  const modules = [...claims.modules, ...(claimedExperts(claims) ?? [])];
  const shapes = new Map(layers.map(({ module, outFeatures, inFeatures }) => [module, `${outFeatures}, ${inFeatures}`]));
  for (const { name, shape } of modules) {
    if (shapes.get(name) === shape.join(', ')) continue;
    throw new VerificationError(
      'QL_VERIFY_MODEL',
      `report.json claims ${name} [${shape.join(', ')}], but in this checkpoint it is ${shapes.has(name) ? `[${shapes.get(name)!}]` : 'not there'}. Give the checkpoint that init read.`,
    );
  }
};

/** What is found of a part of the output, or the one failure that keeps it from being looked at. */
const attempt = async <T>(where: string, code: string, work: () => Promise<T>): Promise<T | VerificationFailure> => {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof QuailoraError) || error.retryable) throw error;
    return { code, where, message: `${error.code}: ${error.message}` };
  }
};

const isFailure = (value: CheckedAdapter | CheckedBase | CheckedExperts | VerificationFailure): value is VerificationFailure =>
  'where' in value;

const openAdapter = async ({ directory }: VerifyJob, plan: CorrectionPlan, claims: OutputClaims): Promise<CheckedAdapter> => {
  const checked = await attempt('adapter', 'QL_VERIFY_ADAPTER', async () =>
    checkAdapter(await readPeftAdapterParts(join(directory, 'adapter')), claims, plan.linears),
  );
  return isFailure(checked) ? { failures: [checked], modules: new Map() } : checked;
};

const openExperts = async ({ directory }: VerifyJob, claims: OutputClaims): Promise<CheckedExperts | undefined> => {
  const modules = claimedExperts(claims);
  if (modules === undefined) return undefined;
  const shown = `experts/${EXPERT_FACTORS_FILE}`;
  const file = join(directory, 'experts', EXPERT_FACTORS_FILE);
  const checked = await attempt('experts', 'QL_VERIFY_EXPERTS', async () => {
    const tensors = await readSafetensorsHeader(file, shown);
    const located = tensors.map((tensor) => ({ ...tensor, file }));
    return checkExperts(shown, located, { rank: claims.rank, modules });
  });
  return isFailure(checked) ? { failures: [checked], modules: new Map() } : checked;
};

const openBase = async (
  { directory }: VerifyJob,
  source: SourceModel,
  plan: CorrectionPlan,
  claims: OutputClaims,
): Promise<CheckedBase | VerificationFailure | undefined> => {
  const path = join(directory, 'base');
  const there = await stat(path).catch(() => undefined);
  if (!there) {
    if (claims.initializer !== 'loftq') return undefined;
    return {
      code: 'QL_VERIFY_BASE',
      where: 'base',
      message: 'LoftQ chose the quantized weights that its adapter fits, and they are not there.',
    };
  }
  return attempt('base', 'QL_VERIFY_BASE', async () =>
    checkBase(await openCheckpoint(path), {
      source: source.checkpoint,
      linears: plan.linears,
      quantizationConfig: plan.quantizer.self.quantizationConfig(plan.dtype, source.model.unquantizedModules),
    }),
  );
};

/** The arithmetic of the run; float32 where this processor can't, whose losses differ by a part of what is tolerated. */
const repeatedArithmetic = async ({ arithmetic }: OutputClaims): Promise<Arithmetic> =>
  arithmetic?.used === 'int8-split' && (await multipliesIntegersExactly()) ? 'int8-split' : 'f32';

/** Opens everything beside the model. */
const openParts = async (
  job: VerifyJob,
  claims: OutputClaims,
  source: SourceModel,
  { clock = new RunClock(), onTransfer }: VerificationOptions,
): Promise<Verification> => {
  const { calibration: text, signal, prefetch } = job;
  const choice = claimedChoice(claims);
  checkModules(source, claims);
  const plan = await planCorrection(source, choice);
  const adapter = await openAdapter(job, plan, claims);
  const base = await openBase(job, source, plan, claims);
  const { model } = claims;
  const experts = await openExperts(job, claims);
  const calibration =
    text === undefined
      ? undefined
      : await openCalibratedRun(
          { ...job, ...choice, arithmetic: await repeatedArithmetic(claims), calibration: text, model },
          { source, clock, onTransfer },
        );
  const pool = calibration?.pool ?? startWorkerPool({ ...layOutWorkers(job), device: job.device, signal });
  const modelFailures = compareHashes(source.checkpoint, claims, signal);
  modelFailures.catch(() => undefined);
  return {
    ...{ source, plan, claims, calibration, pool, adapter, experts, modelFailures, clock },
    walk: calibration?.walk ?? walkModel(source.checkpoint, source.model, { scores: false, prefetch, clock }),
    context: calibration?.context ?? { linalg: pool.linalg, signal: signal ?? new AbortController().signal },
    base: base && !isFailure(base) ? base : undefined,
    failures: [...adapter.failures, ...(base && isFailure(base) ? [base] : (base?.failures ?? [])), ...(experts?.failures ?? [])],
    close: async () => {
      await (calibration ?? pool).close();
      await source.checkpoint.supply?.close();
    },
  };
};

/**
 * Opens an output with the checkpoint it was made from, and checks all that needs no weight.
 *
 * @throws VerificationError where nothing can be compared; the errors of the checkpoint, the Hub and the text
 */
export const openVerification = async (job: VerifyJob, claims: OutputClaims, options: VerificationOptions = {}): Promise<Verification> => {
  await requireJobDevice(job);
  const source = await openModelOf(job, claims, options);
  try {
    return await openParts(job, claims, source, options);
  } catch (error) {
    await source.checkpoint.supply?.close();
    throw error;
  }
};
