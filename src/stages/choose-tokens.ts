import { lastValueFrom, toArray } from 'rxjs';
import type { Segment, SummedInput } from '../calibration/index.js';
import { inSequence } from '../dataflow/index.js';
import { QuailoraError } from '../foundation/index.js';
import type { Initializer, LayerLoss } from '../initializers/index.js';
import { countPilotBlocks, cutDoublings, fitTokenCurve } from '../planning/index.js';
import { addStatistics } from './add-statistics.js';
import type { CalibratedRun, ChosenRun } from './calibrated-run.js';
import { acceptsG, keepsWeights, moduleKind } from './correction-plan.js';
import { resolvePlaced, type Placed } from './placed.js';
import { dropStatistics, solveBlock } from './solve-block.js';
import { foldStatistics, type InputStatistics } from './statistics.js';
import type { LossRatios, TokenChoice, TokenChoicePoint } from './token-choice.js';

/** By how much the held-out loss may be above its limit, in the mean and for each kind of module. */
const TOLERANCE = 0.01;

/** With fewer points, one that lies off by chance would decide. */
const LEAST_POINTS = 3;

/** What the pilot goes by. */
export interface ChooseTokensOptions {
  readonly initializer: Placed<Initializer>;
  readonly rank: number;
  /** Called with the tokens that have passed a pilot block. */
  readonly onTokens?: (block: number, blocks: number, tokens: number) => void;
}

/** Loss ratios of one module after one number of tokens. */
interface Trial extends LossRatios {
  readonly kind: string;
}

/** Trials by pilot block and point. */
type Trials = Trial[][][];

const refuse = (message: string): QuailoraError => new QuailoraError('QL_TOKENS_AUTO', `--tokens auto: ${message}`);

const countTokens = (segments: readonly Segment[]): number => segments.reduce((sum, { tokens }) => sum + tokens, 0);

/** The segments that each point adds. */
const doublings = (segments: readonly Segment[]): Segment[][] => {
  let begin = 0;
  return cutDoublings(segments.map(({ tokens }) => tokens)).map((count) => segments.slice(begin, (begin += count)));
};

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

const meanOf = (trials: readonly Trial[]): LossRatios => ({
  calibrationLossRatio: mean(trials.map(({ calibrationLossRatio }) => calibrationLossRatio)),
  heldOutLossRatio: mean(trials.map(({ heldOutLossRatio }) => heldOutLossRatio)),
});

const pointOf = (trials: readonly Trial[], tokens: number): TokenChoicePoint => {
  const kinds = [...new Set(trials.map(({ kind }) => kind))];
  const byKind = kinds.map((kind) => [kind, meanOf(trials.filter((trial) => trial.kind === kind))] as const);
  return { tokens, ...meanOf(trials), byKind: Object.fromEntries(byKind) };
};

/** Means over the pilot blocks, of the points that all of them have. */
const curveOf = (trials: Trials, slices: readonly (readonly Segment[])[]): TokenChoicePoint[] => {
  const points = Math.min(...trials.map(({ length }) => length));
  return Array.from({ length: points }, (_, point) => {
    const ofPoint = trials.flatMap((ofBlock) => ofBlock[point]!);
    return pointOf(ofPoint, countTokens(slices.slice(0, point + 1).flat()));
  });
};

/** What a curve asks for: the mean's limit, and the kind that needs most tokens. */
const judge = (curve: readonly TokenChoicePoint[]): { readonly limit: number; readonly decidedBy: string; readonly tokens: number } => {
  const points = (loss: (point: TokenChoicePoint) => LossRatios) =>
    curve.map((point) => ({ tokens: point.tokens, loss: loss(point).heldOutLossRatio }));
  const all = fitTokenCurve(
    points((point) => point),
    TOLERANCE,
  );
  const needs = Object.keys(curve[0]!.byKind).map((kind) => {
    const fit = fitTokenCurve(
      points(({ byKind }) => byKind[kind]!),
      TOLERANCE,
    );
    return { decidedBy: kind, tokens: fit.leastTokens ?? Infinity };
  });
  const most = needs.reduce((a, b) => (b.tokens > a.tokens ? b : a), { decidedBy: 'all', tokens: all.leastTokens ?? Infinity });
  return { limit: all.limit, ...most };
};

const ratioOf = ({ none, final }: LayerLoss): number => (none > 0 ? final / none : 0);

/** The pilot of one run. */
class Pilot {
  readonly blocks: number;
  readonly #trials: Trials = [];
  readonly #heldOut: readonly Segment[];
  readonly slices: readonly Segment[][];

  constructor(
    readonly run: CalibratedRun,
    readonly options: ChooseTokensOptions,
    readonly acceptsG: boolean,
    readonly keepWeights: boolean,
  ) {
    const { segments } = run.propagation;
    this.blocks = countPilotBlocks(run.model.blocks);
    this.slices = doublings(segments.filter(({ split }) => split === 'calibration'));
    this.#heldOut = segments.filter(({ split }) => split === 'heldOut');
  }

  get curve(): TokenChoicePoint[] {
    return curveOf(this.#trials, this.slices);
  }

  /** Sends one doubling of the tokens after the other through a block, until the curve shows what is wanted. */
  async tryBlock(block: number): Promise<void> {
    const { run } = this;
    await run.walk.arrive(block);
    const sums = await run.sumsOf(block, this.acceptsG);
    let totals = await this.#sum(block, sums, this.#heldOut);
    const before = this.#trials.at(-1)?.length ?? this.slices.length;
    const trials: Trial[][] = [];
    this.#trials.push(trials);
    let passed = countTokens(this.#heldOut);
    for (const slice of this.slices.slice(0, before)) {
      totals = addStatistics(totals, await this.#sum(block, sums, slice), run.statisticBytes);
      this.options.onTokens?.(block, this.blocks, (passed += countTokens(slice)));
      trials.push(await this.#solve(block, totals));
      if (trials.length >= LEAST_POINTS && judge(this.curve).tokens < Infinity) break;
    }
    dropStatistics(run, totals);
  }

  async #sum(block: number, sums: readonly SummedInput[], segments: readonly Segment[]): Promise<InputStatistics[]> {
    const { propagation, statisticBytes } = this.run;
    const passages$ = propagation.through(block, { segments, sums }).pipe(inSequence(({ sequence }) => sequence));
    return lastValueFrom(passages$.pipe(foldStatistics(sums, statisticBytes)));
  }

  async #solve(block: number, statistics: InputStatistics[]): Promise<Trial[]> {
    const trials = new Map<string, Trial>();
    const { initializer, rank } = this.options;
    const solved$ = solveBlock(this.run, block, statistics, {
      ...{ initializer, rank, balance: false, everyLayer: false, keepWeights: this.keepWeights },
      sink: async (shard) => {
        if (!('certificate' in shard)) return;
        const { module } = shard.layer;
        const { loss, heldOut } = shard.certificate;
        trials.set(module, {
          kind: moduleKind(module),
          calibrationLossRatio: ratioOf(loss),
          heldOutLossRatio: ratioOf(heldOut!),
        });
      },
    });
    await lastValueFrom(solved$.pipe(toArray()));
    // In the order of the model, so that means do not depend on which worker was faster.
    return this.run.plan.shards[block]!.flatMap(({ layer }) => trials.get(layer.module) ?? []);
  }
}

/**
 * Refuses a run for which no number of tokens can be chosen.
 *
 * @throws QuailoraError QL_TOKENS_AUTO without held-out text, for experts, or for an initializer that reads no statistics; retrying
 *   does not help
 */
export const requireTokenChoice = (
  { windows, plan }: Pick<ChosenRun, 'windows' | 'plan'>,
  { name, usesStatistic }: Pick<Initializer, 'name' | 'usesStatistic'>,
): void => {
  if (windows.heldOut.length === 0)
    throw refuse(
      `the number of tokens is chosen by the loss on held-out text, and none is held out of ${windows.tokens.calibration} tokens. Give --held-out (0.1, say), more text, or a number of tokens.`,
    );
  if (!usesStatistic) throw refuse(`the initializer ${name} does not read the calibration, so any number of tokens does. Give one.`);
  if (plan.experts?.asked)
    throw refuse(
      'each expert is corrected from the tokens routed to it, and one curve does not fit all. Give a number of tokens, or leave out --experts.',
    );
};

/**
 * Chooses the least number of calibration tokens with which the held-out loss is within 1 % of its limit, in the mean and for
 * each kind of module; where less than 10 % of a loss is left, within 0.1 % of all of it.
 *
 * The first two blocks (three from 40 blocks on; no later one can be reached without passing all of them) are corrected from
 * 4,096 tokens, from 8,192, … whole segments each, until the curve of `fitTokenCurve` comes within the tolerance or the run's tokens
 * are used up. The choice follows from model, text and options alone.
 *
 * @param run started on all tokens that are considered; it is used up afterwards, except for its workers and `close`
 * @returns all tokens where those considered are too few to tell
 * @throws as `requireTokenChoice`
 *
 * Cost: the pilot blocks' part of a run over the tokens that were tried, and as many solves of those blocks as there are points.
 * Memory: that of a block, and once more the calibration sums.
 */
export const chooseTokens = async (run: CalibratedRun, options: ChooseTokensOptions): Promise<TokenChoice> => {
  const initializer = await resolvePlaced(options.initializer);
  requireTokenChoice(run, initializer);
  const pilot = new Pilot(run, options, acceptsG(initializer), keepsWeights(initializer));
  return run.clock.time('pilot', async () => {
    await lastValueFrom(run.propagation.embed(), { defaultValue: undefined });
    for (let block = 0; block < pilot.blocks; block++) await pilot.tryBlock(block);
    await run.propagation.clear();
    const { curve } = pilot;
    const considered = run.windows.tokens.calibration;
    const pilotBlocks = Array.from({ length: pilot.blocks }, (_, block) => block);
    if (curve.length < LEAST_POINTS) return { chosen: considered, considered, curve, limit: null, decidedBy: null, pilotBlocks };
    const { limit, decidedBy, tokens } = judge(curve);
    if (tokens === Infinity) return { chosen: considered, considered, curve, limit, decidedBy: null, pilotBlocks };
    return { chosen: wholeSegments(pilot.slices.flat(), tokens), considered, curve, limit, decidedBy, pilotBlocks };
  });
};

/** Tokens of the fewest segments that hold so many. */
const wholeSegments = (segments: readonly Segment[], tokens: number): number => {
  let held = 0;
  for (const segment of segments) if ((held += segment.tokens) >= tokens) break;
  return held;
};
