import { join } from 'node:path';
import { concat, concatMap, defer, finalize, ignoreElements, lastValueFrom, merge, type Observable, of, range, Subject, tap } from 'rxjs';
import { usingResource } from '../src/dataflow/index.js';
import type { VerificationFailure } from '../src/evaluation/index.js';
import { lossRatio, readReport, transferProgress, type ProgressEvent, type VerificationReport } from '../src/reports/index.js';
import {
  calibrateBlock,
  openVerification,
  RunClock,
  verifyBlock,
  verifyPlainTensors,
  type InputStatistics,
  type Verification,
  type VerifiedShard,
  type VerifyJob,
} from '../src/stages/index.js';

type Event = ProgressEvent<VerificationReport>;

/** What a verification has found so far, in the order in which workers finished. */
interface Findings {
  readonly events$: Subject<Event>;
  readonly shards: VerifiedShard[];
  readonly plainFailures: VerificationFailure[];
}

/**
 * Verifies what `initialize` wrote, from its bytes: the base against quantize(W), the adapter against the residual it answers
 * and the losses that report.json claims.
 *
 * With a text the statistics are computed again, block by block, and every loss is compared. Without one the product of the
 * factors is compared with what its initializer makes of the residual, unweighted.
 */
export const verify = (job: VerifyJob): Observable<Event> =>
  usingResource(
    async (tell) => {
      const clock = new RunClock();
      return openVerification(job, await readReport(join(job.directory, 'report.json')), {
        clock,
        onTransfer: transferProgress(clock, tell),
      });
    },
    (verification) => {
      const { source, calibration, base, walk } = verification;
      const findings: Findings = { events$: new Subject(), shards: [], plainFailures: [] };
      const files = (base?.plain ?? []).map((pair) => pair.source.file);
      walk.visit(files, (file) => notePlain(verification, findings, file));
      const work$ = concat(
        announce(verification),
        calibration?.propagation.embed() ?? of(),
        range(0, source.model.blocks).pipe(
          concatMap((block) =>
            // statistics as init summed them → each layer's bytes → what they are, against what is claimed
            statisticsOf(verification, findings, block).pipe(
              concatMap((statistics) => verifyBlock(verification, block, statistics)),
              tap((shard) => note(verification, findings, shard)),
            ),
          ),
          ignoreElements(),
        ),
        defer(() => walk.finish()).pipe(ignoreElements()),
        conclude(job, verification, findings),
      );
      return merge(findings.events$, work$.pipe(finalize(() => findings.events$.complete())));
    },
    (verification) => verification.close(),
  );

const announce = ({ source, claims, calibration }: Verification): Observable<Event> => {
  const { calibration: calibrationTokens, heldOut: heldOutTokens } = calibration?.windows.tokens ?? { calibration: 0, heldOut: 0 };
  return of({ type: 'start', command: 'verify', model: claims.model, blocks: source.model.blocks, calibrationTokens, heldOutTokens });
};

const statisticsOf = (
  { calibration, claims, clock }: Verification,
  { events$ }: Findings,
  block: number,
): Observable<readonly InputStatistics[]> => {
  if (!calibration) return of([]);
  const { calibration: first, heldOut } = calibration.windows.tokens;
  const place = { block, blocks: calibration.model.blocks, totalTokens: first + heldOut };
  return calibrateBlock(calibration, block, {
    acceptsG: [...claims.modules, ...(claims.experts?.corrected?.modules ?? [])].some(({ statistic }) => statistic === 'G'),
    onTokens: (_, tokens) => events$.next({ type: 'stage', stage: 'calibrate', ...place, tokens, seconds: clock.seconds }),
  });
};

const note = ({ source, clock }: Verification, { events$, shards }: Findings, verified: VerifiedShard): void => {
  shards.push(verified);
  const { block, layer } = verified.shard;
  events$.next({ type: 'stage', stage: 'verify', block, blocks: source.model.blocks, module: layer.module, seconds: clock.seconds });
};

const notePlain = async (verification: Verification, { plainFailures }: Findings, file: string): Promise<void> => {
  const failures$ = verifyPlainTensors(verification, file).pipe(tap((failure) => plainFailures.push(failure)));
  await lastValueFrom(failures$, { defaultValue: undefined });
};

/** Files first, then modules in the order of the model. */
const inOrder = (
  verification: Verification,
  { shards, plainFailures }: Findings,
  modelFailures: readonly VerificationFailure[],
): VerificationFailure[] => {
  const { plan, failures } = verification;
  const experts = plan.experts?.shards.flat().map(({ layer }) => layer.module) ?? [];
  const place = new Map([...plan.linears, ...experts].map((module, i) => [module, i]));
  const placeOf = ({ where }: VerificationFailure): number => place.get(where) ?? -1;
  return [...modelFailures, ...failures, ...plainFailures, ...shards.flatMap((shard) => shard.failures)].sort(
    (a, b) => placeOf(a) - placeOf(b),
  );
};

/** Part of the loss that was captured in each measured module. */
const captured = ({ measured }: VerifiedShard): number[] => {
  if (!measured) return [];
  const { none, final } = (measured.weighted ?? measured.unweighted).loss;
  return [1 - lossRatio(final, none)];
};

const conclude = (job: VerifyJob, verification: Verification, findings: Findings): Observable<Event> =>
  defer(async (): Promise<Event> => {
    const failures = inOrder(verification, findings, await verification.modelFailures);
    const ofExperts = findings.shards.filter(({ shard }) => shard.ofExpert);
    const ofAdapter = findings.shards.filter(({ shard }) => !shard.ofExpert);
    const parts = findings.shards.flatMap(captured);
    const result: VerificationReport = {
      directory: job.directory,
      passed: failures.length === 0,
      baseModules: verification.base ? findings.shards.filter(({ compared }) => compared).length : null,
      adapterModules: ofAdapter.flatMap(captured).length,
      ...(verification.experts && { expertMatrices: ofExperts.flatMap(captured).length }),
      weighting: verification.calibration ? 'calibration' : 'unweighted',
      captured: parts.reduce((sum, part) => sum + part, 0) / Math.max(1, parts.length),
      failures,
    };
    return { type: 'result', result };
  });
