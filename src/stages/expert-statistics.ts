import { addPanels, sharedPanels, type Segment, type SummedInput } from '../calibration/index.js';
import type { ByteLedger } from '../foundation/index.js';
import type { CausalModel, ExpertInput, LinearLayer } from '../models/index.js';
import { chooseStatistic, leastExpertTokens, type StatisticChoice } from '../planning/index.js';
import { freeStatistics, packedBytes, type InputStatistics, type PackedStatistic } from './statistics.js';

/** A sum of a mixture that is wanted: of one expert's rows, or of all rows. */
export type RoutedChoice = StatisticChoice & Pick<SummedInput, 'segments'> & { readonly rows: NonNullable<SummedInput['rows']> };

/** Rows for each feature that the sum of all experts is made from, where it has to be made apart. */
const SHARED_ROWS_PER_FEATURE = 2;

/** Segments from the first on that together give so many rows. */
const segmentsFor = (rows: number, segments: readonly Segment[], expertsPerToken: number): number => {
  let index = 0;
  for (let sum = 0; sum < rows && segments[index]?.split === 'calibration'; index++) sum += segments[index]!.tokens * expertsPerToken;
  return index;
};

/**
 * Chooses what is summed of a block's mixture: for each expert as for any layers, over the tokens routed to it.
 *
 * Sums of all experts are made from those of each. A G does not add up, for it went through the expert's own residual: beside
 * it an H of all rows is kept, of the first segments, enough to be of full rank.
 *
 * @param corrected layers of the experts that get a correction
 * @param segments those of the run, calibration first
 */
export const chooseRoutedStatistics = (
  model: CausalModel,
  block: number,
  corrected: readonly LinearLayer[],
  acceptsG: boolean,
  segments: readonly Segment[],
): RoutedChoice[] => {
  const mixture = model.mixture?.(block);
  if (!mixture) return [];
  return mixture.inputs.flatMap(({ name, width }) => {
    const own = Array.from({ length: mixture.experts }, (_, expert): RoutedChoice | undefined => {
      const input = `${name}.${expert}`;
      const readers = corrected.filter((layer) => layer.input === input);
      const choice = chooseStatistic({ name: input, width }, readers, acceptsG);
      return choice && { ...choice, rows: { activation: name, expert } };
    }).filter((choice) => choice !== undefined);
    if (!own.some(({ kind }) => kind === 'G')) return own;
    const count = segmentsFor(SHARED_ROWS_PER_FEATURE * width, segments, mixture.expertsPerToken);
    return [
      ...own,
      { input: name, width, kind: 'H' as const, layer: undefined, rows: { activation: name, expert: 'all' as const }, segments: count },
    ];
  });
};

/** Adds the sums of all experts, in shared memory. */
const addUp = (statistics: readonly PackedStatistic[]): PackedStatistic => {
  const { n } = statistics[0]!;
  const panels = sharedPanels(n);
  for (const statistic of statistics) addPanels(panels, statistic.panels);
  return { kind: 'H', n, panels, tokens: statistics.reduce((sum, { tokens }) => sum + tokens, 0) };
};

/**
 * Gives every expert that too few calibration tokens were routed to the sum of all experts in place of its own.
 *
 * @param sums what the statistics are of, in their order
 * @param inputs what the block's experts read
 * @param ledger counts the bytes of the sum of all experts, and no more those of the sums it takes the place of
 */
export const shareStatistics = (
  sums: readonly SummedInput[],
  statistics: readonly InputStatistics[],
  inputs: readonly ExpertInput[],
  rank: number,
  ledger: ByteLedger,
): InputStatistics[] => {
  const shared = new Map<string, PackedStatistic>();
  const sharedOf = (activation: string): PackedStatistic => {
    const held = shared.get(activation);
    if (held) return held;
    const of = (wanted: (expert: number | 'all') => boolean): InputStatistics[] =>
      statistics.filter((_, i) => sums[i]!.rows?.activation === activation && wanted(sums[i]!.rows.expert));
    const [apart] = of((expert) => expert === 'all');
    const statistic = apart?.calibration ?? addUp(of((expert) => expert !== 'all').map(({ calibration }) => calibration));
    if (!apart) ledger.hold(packedBytes(statistic));
    shared.set(activation, statistic);
    return statistic;
  };
  const replaced: PackedStatistic[] = [];
  const shares = statistics.map((own, i) => {
    const { rows } = sums[i]!;
    if (!rows || rows.expert === 'all') return own;
    const input = inputs.find(({ name }) => name === rows.activation)!;
    const tokens = { calibration: own.calibration.tokens, heldOut: own.heldOut?.tokens ?? 0 };
    if (tokens.calibration >= leastExpertTokens(input, rank)) return { ...own, routed: { ...tokens, shared: false } };
    const calibration = sharedOf(rows.activation);
    ledger.drop(packedBytes(own.calibration));
    replaced.push(own.calibration);
    return { ...own, calibration, routed: { ...tokens, shared: true } };
  });
  freeStatistics(replaced);
  return shares;
};
