/**
 * Table 2 of the paper (arXiv 2410.14713): perplexity after fine-tuning (2a, the last column of table 4), and the part of the
 * gap between 4 and 8 bits that QuAILoRA closes at 4 bits (2b).
 *
 *   claim      4-bit QuAILoRA closes 75 % of the gap on average, from 37 % (Pythia-410m) to 100 % (LLaMA-7b, BLOOM-3b)
 *   agreement  the signs at micro scale: QuAILoRA below QLoRA at 4 bits, the gap at least 5 standard errors wide
 *   command    make reproduce SCALE=micro SEEDS=1 TABLES=2
 *   hardware   a CPU with two cores, about 25 minutes with -j2; the time of every part is in its product
 */
import { DATASETS, type DatasetName, type GridRow, type ScaleConfig } from './config.js';
import { gapClosed, type GapClosed } from './gap-closed.js';
import { meantMean, type PaperTables } from './read-paper.js';
import type { ScoredCell } from './read-scores.js';
import { meanAndError, meanOf, type MeanAndError } from './sample-moments.js';

/** A row of table 2a, ours and the paper's. */
export interface PerplexityRow {
  readonly model: string;
  readonly row: string;
  readonly label: string;
  readonly bits: number;
  readonly byDataset: Readonly<Partial<Record<DatasetName, MeanAndError>>>;
  /** Of the datasets' mean, seed by seed; absent where the row lacks a dataset. */
  readonly mean?: MeanAndError;
  readonly paper?: number;
}

/** A row of table 2b: one model on one dataset, or on the mean of all. */
export interface GapRow extends GapClosed {
  readonly model: string;
  readonly dataset: DatasetName | 'mean';
  readonly seeds: number;
  readonly paper?: number | string;
}

/** What of a difference is the quantization error's, and what the start's: perplexities on one dataset. */
export interface TwoEffects {
  readonly model: string;
  readonly dataset: DatasetName;
  /** Full precision less full precision that starts from the same factors: no error is there to correct. */
  readonly start: MeanAndError;
  /** 4-bit QLoRA less full precision, both from peft's start. */
  readonly errorBefore: MeanAndError;
  /** 4-bit QuAILoRA less full precision, both from QuAILoRA's factors. */
  readonly errorAfter: MeanAndError;
}

/** Table 2, of one scale. */
export interface Table2 {
  readonly perplexities: readonly PerplexityRow[];
  readonly gaps: readonly GapRow[];
  readonly effects: readonly TwoEffects[];
}

const range = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

/** Perplexities by model, row and dataset, in the order of the seeds. */
class Scores {
  readonly #values = new Map<string, number[]>();

  constructor(cells: readonly ScoredCell[]) {
    for (const { model, row, dataset, seed, perplexity } of cells) {
      const key = Scores.#key(model.name, row.name, dataset);
      const values = this.#values.get(key) ?? [];
      values[seed] = perplexity;
      this.#values.set(key, values);
    }
  }

  static #key(model: string, row: string, dataset: string): string {
    return `${model}/${row}/${dataset}`;
  }

  /** One value a seed; undefined where the row is not fine-tuned on the dataset. */
  of(model: string, row: string, dataset: DatasetName): readonly number[] | undefined {
    return this.#values.get(Scores.#key(model, row, dataset));
  }

  /** Means over datasets, one a seed; undefined where one is missing. */
  meanOver(model: string, row: string, datasets: readonly DatasetName[]): readonly number[] | undefined {
    const all = datasets.map((dataset) => this.of(model, row, dataset));
    if (!all.every((values) => values !== undefined)) return undefined;
    return range(all[0]!.length).map((seed) => meanOf(all.map((values) => values[seed]!)));
  }
}

type RowKind = Pick<GridRow, 'bits' | 'start'>;

const rowOf = ({ rows }: ScaleConfig, { bits, start }: RowKind): string | undefined =>
  rows.find((row) => row.bits === bits && row.start === start)?.name;

const perplexityRows = (config: ScaleConfig, scores: Scores, paper: PaperTables): PerplexityRow[] =>
  config.models.flatMap(({ name, beside }) =>
    config.rows.map((row): PerplexityRow => {
      const byDataset = Object.fromEntries(
        config.datasets.flatMap((dataset) => {
          const values = scores.of(name, row.name, dataset);
          return values ? [[dataset, meanAndError(values)] as const] : [];
        }),
      );
      const mean = scores.meanOver(name, row.name, config.datasets);
      const method = { default: 'QLoRA', als: 'QuAILoRA', exact: undefined, svd: undefined }[row.start];
      const printed = paper.perplexities.find((one) => one.model === beside && one.bits === row.bits && one.method === method);
      const ours = { model: name, row: row.name, label: row.label, bits: row.bits, byDataset };
      return { ...ours, ...(mean && { mean: meanAndError(mean) }), ...(printed && { paper: meantMean(printed) }) };
    }),
  );

const gapRows = (config: ScaleConfig, scores: Scores, { gaps }: PaperTables): GapRow[] => {
  const [baseline, method, target] = (
    [
      { bits: 4, start: 'default' },
      { bits: 4, start: 'als' },
      { bits: 8, start: 'default' },
    ] as const
  ).map((kind) => rowOf(config, kind));
  if (baseline === undefined || method === undefined || target === undefined) return [];
  return config.models.flatMap(({ name, beside }) =>
    [...config.datasets, 'mean' as const].flatMap((dataset): GapRow[] => {
      const datasets = dataset === 'mean' ? config.datasets : [dataset];
      const [a, b, c] = [baseline, method, target].map((row) => scores.meanOver(name, row, datasets));
      if (!a || !b || !c) return [];
      const closed = gapClosed(a.map((value, i) => ({ baseline: value, method: b[i]!, target: c[i]! })));
      const printed = dataset === 'mean' ? gaps.find(({ model }) => model === beside) : undefined;
      const paper = printed?.closed ?? printed?.excluded;
      return [{ model: name, dataset, seeds: a.length, ...closed, ...(paper !== undefined && { paper }) }];
    }),
  );
};

const effectRows = (config: ScaleConfig, scores: Scores): TwoEffects[] => {
  const kinds: readonly RowKind[] = [
    { bits: 4, start: 'default' },
    { bits: 4, start: 'als' },
    { bits: 16, start: 'default' },
    { bits: 16, start: 'als' },
  ];
  const rows = kinds.map((kind) => rowOf(config, kind));
  return config.models.flatMap(({ name: model }) =>
    config.datasets.flatMap((dataset): TwoEffects[] => {
      const [baseline, method, full, absorbing] = rows.map((row) => (row === undefined ? undefined : scores.of(model, row, dataset)));
      if (!baseline || !method || !full || !absorbing) return [];
      const less = (x: readonly number[], y: readonly number[]): MeanAndError => meanAndError(x.map((value, i) => value - y[i]!));
      return [{ model, dataset, start: less(full, absorbing), errorBefore: less(baseline, full), errorAfter: less(method, absorbing) }];
    }),
  );
};

/**
 * Makes table 2 from the scores of a grid; no row is left out for what it shows.
 *
 * @param cells scored, every seed of a row
 */
export const tableTwo = (config: ScaleConfig, cells: readonly ScoredCell[], paper: PaperTables): Table2 => {
  const scores = new Scores(cells);
  return {
    perplexities: perplexityRows(config, scores, paper),
    gaps: gapRows(config, scores, paper),
    effects: effectRows(config, scores),
  };
};

const showMean = (value: MeanAndError | undefined, digits = 2): string => {
  if (!value) return '–';
  const { mean, standardError } = value;
  return standardError === undefined ? mean.toFixed(digits) : `${mean.toFixed(digits)} ± ${standardError.toFixed(digits)}`;
};

const percent = (value: number): string => `${(100 * value).toFixed(0)} %`;

const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;

const table = (head: readonly string[], rows: readonly (readonly string[])[]): string[] => [
  line(head),
  line(head.map(() => '---')),
  ...rows.map(line),
];

const showGap = ({ model, dataset, seeds, gap, gapInErrors, ratio, capped, interval, paper }: GapRow): string[] => [
  ...[model, dataset, gap.toFixed(3), gapInErrors === undefined ? '–' : gapInErrors.toFixed(1)],
  capped === undefined ? 'n/a (8 bits are no better)' : percent(capped),
  ratio === undefined ? '–' : percent(ratio),
  interval ? `${percent(interval[0])} … ${percent(interval[1])}` : seeds === 1 ? '–' : 'unbounded',
  paper === undefined ? '–' : typeof paper === 'number' ? percent(paper) : `n/a (${paper})`,
];

/** Writes table 2 as Markdown. */
export const showTableTwo = ({ perplexities, gaps, effects }: Table2, { departures }: ScaleConfig): string =>
  [
    '## Table 2a: validation perplexity after fine-tuning, mean ± standard error over seeds',
    '',
    ...table(
      ['model', 'bits', 'method', ...DATASETS, 'mean', 'paper'],
      perplexities.map(({ model, bits, label, byDataset, mean, paper }) => [
        ...[model, String(bits), label, ...DATASETS.map((name) => showMean(byDataset[name])), showMean(mean)],
        paper === undefined ? '–' : paper.toFixed(2),
      ]),
    ),
    '',
    '## Table 2b: part of the gap between 4 and 8 bits that 4-bit QuAILoRA closes',
    '',
    ...table(['model', 'dataset', 'gap', 'in standard errors', 'capped at 100 %', 'uncapped', '95 % interval', 'paper'], gaps.map(showGap)),
    '',
    ...(effects.length === 0
      ? []
      : [
          '## Two effects: perplexity that the quantization error costs, and that the start gains',
          '',
          ...table(
            ['model', 'dataset', 'error, from zero', 'error, from QuAILoRA', 'start alone gains'],
            effects.map(({ model, dataset, errorBefore, errorAfter, start }) => [
              ...[model, dataset, showMean(errorBefore, 3), showMean(errorAfter, 3), showMean(start, 3)],
            ]),
          ),
          '',
        ]),
    'Apart from the paper:',
    '',
    ...departures.map((sentence) => `- ${sentence}`),
    '',
  ].join('\n');
