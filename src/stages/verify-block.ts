import { concatMap, defer, filter, from, type Observable } from 'rxjs';
import { inFlight, limited, type Stage } from '../dataflow/index.js';
import { judgeCorrection, type CorrectionClaim, type MeasuredCorrection, type VerificationFailure } from '../evaluation/index.js';
import { stockInitializer, stockQuantizer } from './correction-plan.js';
import {
  claimedChoice,
  claimedExperts,
  stockInitializerName,
  type ExpertMatrixClaim,
  type ModuleClaim,
  type OutputClaims,
} from './output-claims.js';
import type { WeightShard } from './shard.js';
import type { InputStatistics, RoutedTokens } from './statistics.js';
import type { Verification } from './verification.js';
import type { VerifyShardArgument, VerifyShardResult } from './verify-shard.task.js';

const TASKS = new URL('./verify-shard.task.js', import.meta.url);

/** What was found of one layer. */
export interface VerifiedShard {
  readonly shard: WeightShard;
  readonly failures: readonly VerificationFailure[];
  /** True where the base's tensors were compared. */
  readonly compared: boolean;
  /** Undefined for a layer without factors, or with factors that don't fit. */
  readonly measured: MeasuredCorrection | undefined;
}

const productOf = (claims: OutputClaims, { statistic }: ModuleClaim): CorrectionClaim['product'] => {
  const name = stockInitializerName(claims);
  if (name === 'zero') return 'nothing';
  return name !== undefined || statistic === 'G' ? 'projection' : 'unknown';
};

const claimOf = (claims: OutputClaims, module: string): ModuleClaim | undefined =>
  [...claims.modules, ...(claimedExperts(claims) ?? [])].find(({ name }) => name === module);

/** Counts may differ a little: between processors a token may be routed another way where two experts are as good as equal. */
const isNearCount = (found: number, claimed: number): boolean => Math.abs(found - claimed) <= 2 + claimed / 1000;

/** Compares the tokens that are routed to an expert with those that are claimed. */
const routingFailure = (claim: ExpertMatrixClaim, { calibration, heldOut, shared }: RoutedTokens): VerificationFailure | undefined => {
  if (isNearCount(calibration, claim.tokens) && isNearCount(heldOut, claim.heldOutTokens) && shared === (claim.statistics === 'shared'))
    return undefined;
  const text = (tokens: number, heldOutTokens: number, whose: string): string =>
    `${tokens} calibration tokens and ${heldOutTokens} held-out ones (${whose} statistics)`;
  return {
    code: 'QL_VERIFY_STATISTICS',
    where: claim.name,
    message: `${text(calibration, heldOut, shared ? 'shared' : 'own')} are routed to its expert, where report.json claims ${text(claim.tokens, claim.heldOutTokens, claim.statistics)}: this is another text or model.`,
  };
};

const CODES = { missing: 'QL_VERIFY_TENSOR_MISSING', extra: 'QL_VERIFY_TENSOR_EXTRA', different: 'QL_VERIFY_BASE' } as const;

const failuresOf = (
  claims: OutputClaims,
  { layer }: WeightShard,
  { differences, measured, notFinite }: VerifyShardResult,
): VerificationFailure[] => {
  const where = layer.module;
  const made = claims.initializer === 'loftq' ? 'LoftQ, run again,' : 'quantize(W)';
  const failures: VerificationFailure[] = differences.map(({ suffix, problem, text }) => ({
    code: CODES[problem],
    where,
    message: problem === 'different' ? `${where}.${suffix} of base/ ${text} by ${made}.` : `${where}.${suffix}: ${text}.`,
  }));
  if (notFinite) failures.push({ code: 'QL_VERIFY_NOT_FINITE', where, message: `${notFinite} holds NaN or infinity.` });
  const claim = claimOf(claims, where);
  const { loss, heldOut } = claim ?? {};
  const judged =
    claim &&
    measured &&
    judgeCorrection({ module: where, loss: loss!, heldOut: heldOut ?? null, product: productOf(claims, claim) }, measured);
  return judged ? [...failures, judged] : failures;
};

/** The stage that verifies one layer in a worker. */
const verifyStage = (
  { pool, plan, claims, adapter, base, experts }: Verification,
  statistics: readonly InputStatistics[],
): Stage<WeightShard, VerifiedShard> => {
  const choice = claimedChoice(claims);
  const quantizer = stockQuantizer(choice.bits);
  const name = stockInitializerName(claims);
  const loftq = name === 'loftq' ? { initializer: stockInitializer(name, choice), rank: claims.rank } : undefined;
  return {
    name: 'verify',
    concurrency: pool.workers,
    run: async (shard) => {
      const { layer, location, dtype } = shard;
      const { module } = layer;
      const corrected = plan.corrects(layer);
      const sums = corrected ? statistics.find(({ input }) => input === layer.input) : undefined;
      const stored = base?.quantized.get(module);
      const argument: VerifyShardArgument = {
        ...{ module, location, dtype, quantizer, stored },
        requantizer: corrected ? loftq : undefined,
        factors: adapter.modules.get(module),
        expertFactors: experts?.modules.get(module),
        statistic: sums?.calibration,
        heldOut: sums?.heldOut,
      };
      const result = await pool.call<VerifyShardResult>(TASKS, 'verifyShard', argument);
      const claim = claimedExperts(claims)?.find(({ name }) => name === module);
      const routing = claim && sums?.routed && routingFailure(claim, sums.routed);
      const failures = routing ? [routing] : failuresOf(claims, shard, result);
      return { shard, failures, compared: stored !== undefined, measured: result.measured };
    },
  };
};

/** Streams the weight shards of a block through the workers, which read each layer's bytes and measure its correction. */
export const verifyBlock = (
  verification: Verification,
  block: number,
  statistics: readonly InputStatistics[],
): Observable<VerifiedShard> => {
  const { plan, base, pool, context, clock, walk } = verification;
  const verify = limited(verifyStage(verification, statistics), context, ({ layer }) => layer.module, clock.add);
  return defer(() => walk.arrive(block)).pipe(
    concatMap(() => [...plan.shards[block]!, ...(plan.experts?.shards[block] ?? [])]),
    filter(({ layer }) => base !== undefined || plan.corrects(layer)),
    inFlight(pool.workers + 1, verify),
  );
};

/** Compares the tensors that a base stores as they are with their sources in one shard, and emits what is wrong. */
export const verifyPlainTensors = ({ base, pool }: Verification, file: string): Observable<VerificationFailure> =>
  from(base?.plain ?? []).pipe(
    filter(({ source }) => source.file === file),
    inFlight(pool.workers, async (pair): Promise<VerificationFailure | undefined> => {
      const difference = await pool.call<string | undefined>(TASKS, 'verifyPlain', pair);
      return difference === undefined
        ? undefined
        : { code: 'QL_VERIFY_BASE', where: pair.source.name, message: `${pair.source.name} of base/ ${difference}.` };
    }),
    filter((failure) => failure !== undefined),
  );
