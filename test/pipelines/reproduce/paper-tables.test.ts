import t from 'tap';
import { fileURLToPath } from 'node:url';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DATASETS } from '../../../pipelines/reproduce/config.js';
import { meantMean, readPaper, type PaperPerplexities } from '../../../pipelines/reproduce/read-paper.js';
import { meanOf } from '../../../pipelines/reproduce/sample-moments.js';

const directory = fileURLToPath(new URL('../../../../data/paper/', import.meta.url));

/** Half a unit of the last printed digit; rounding a mean of rounded values errs by it twice. */
const HALF = 0.005;

const SIX = ['Pythia-12b', 'Pythia-410m', 'Pythia-70m', 'BLOOM-3b', 'BLOOM-560m', 'LLaMA-13b'];

const exactMean = ({ values }: PaperPerplexities): number => meanOf(DATASETS.map((name) => values[name]));

interface TaskRow {
  readonly model: string;
  readonly bits: number;
  readonly method: string;
  readonly values: Readonly<Record<string, readonly [number, number]>>;
  readonly mean: number;
}

const readTable = (name: string): Record<string, unknown> =>
  JSON.parse(readFileSync(join(directory, `${name}.json`), 'utf8')) as Record<string, unknown>;

/** Every ratio (a − b) / (a − c) that roundings of a, b and c allow, capped at 1 as the paper caps it. */
const possibleRatios = (a: number, b: number, c: number, half: number): readonly [number, number] => {
  const ratios = [-half, half].flatMap((da) =>
    [-half, half].flatMap((db) => [-half, half].map((dc) => (a + da - b - db) / Math.max(a + da - c - dc, 1e-9))),
  );
  return [Math.min(1, ...ratios), Math.min(1, Math.max(...ratios))];
};

t.test('each mean of table 4 is that of its row, and the one misprint is not', async (t) => {
  const { perplexities } = await readPaper(directory);
  t.equal(perplexities.length, 36, 'eight models with four rows, two with two');
  for (const row of perplexities) {
    const name = `${row.model}, ${row.bits} bits, ${row.method}`;
    t.ok(Math.abs(exactMean(row) - meantMean(row)) <= 2 * HALF + 1e-9, `${name}: ${exactMean(row)} and ${meantMean(row)}`);
    if (row.misprint) t.ok(Math.abs(exactMean(row) - row.mean) > 2 * HALF, `${name}: what is printed can't be the mean`);
  }
  t.same(
    perplexities.filter(({ misprint }) => misprint).map(({ model, bits, method }) => [model, bits, method]),
    [['LLaMA-30b', 8, 'QuAILoRA']],
  );
});

t.test('table 2b follows from table 4 with the paper’s exclusions', async (t) => {
  const { perplexities, gaps, meanGap } = await readPaper(directory);
  const meanAt = (model: string, bits: number, method: string): number | undefined => {
    const row = perplexities.find((r) => r.model === model && r.bits === bits && r.method === method);
    return row && exactMean(row);
  };
  for (const { model, closed, excluded } of gaps) {
    const [baseline, method, target] = [meanAt(model, 4, 'QLoRA')!, meanAt(model, 4, 'QuAILoRA')!, meanAt(model, 8, 'QLoRA')];
    if (target === undefined) t.equal(excluded, 'no 8-bit run', model);
    else if (target >= baseline) t.equal(excluded, '8 bits are worse than 4 bits', model);
    else {
      const [low, high] = possibleRatios(baseline, method, target, HALF);
      t.ok(low - HALF <= closed! && closed! <= high + HALF, `${model}: ${closed!} within ${low} … ${high}`);
    }
  }
  t.ok(Math.abs(meanOf(gaps.flatMap(({ closed }) => closed ?? [])) - meanGap) <= 2 * HALF, 'their mean');
});

t.test('table 2b agrees within a point where the gap is many roundings wide', async (t) => {
  const { perplexities, gaps } = await readPaper(directory);
  for (const model of ['BLOOM-560m', 'Pythia-70m', 'Pythia-410m', 'Pythia-12b']) {
    const at = (bits: number, method: string): number =>
      exactMean(perplexities.find((r) => r.model === model && r.bits === bits && r.method === method)!);
    const ratio = (at(4, 'QLoRA') - at(4, 'QuAILoRA')) / (at(4, 'QLoRA') - at(8, 'QLoRA'));
    t.ok(Math.abs(ratio - gaps.find((row) => row.model === model)!.closed!) <= 0.01, `${model}: ${ratio}`);
  }
});

t.test('table 1 gives the means of six models of table 4', async (t) => {
  const { perplexities } = await readPaper(directory);
  const rows = readTable('table-1')['rows'] as (PaperPerplexities & { readonly calibratedOn?: string })[];
  const shared = rows.filter(({ calibratedOn }) => calibratedOn === undefined || calibratedOn === 'alpaca');
  t.equal(shared.length, 3);
  for (const { bits, method, values } of shared)
    for (const name of DATASETS) {
      const six = SIX.map((model) => perplexities.find((r) => r.model === model && r.bits === bits && r.method === method)!.values[name]);
      t.ok(Math.abs(meanOf(six) - values[name]) <= 2 * HALF + 1e-9, `${method}, ${bits} bits, ${name}: ${meanOf(six)} and ${values[name]}`);
    }
});

t.test('tables 5a and 5b: means of seven tasks, and gaps closed that follow from them where no remark says otherwise', async (t) => {
  for (const name of ['table-5a', 'table-5b']) {
    const table = readTable(name);
    const rows = table['rows'] as TaskRow[];
    t.equal(rows.length, 8, name);
    const exact = (row: TaskRow): number => meanOf(Object.values(row.values).map(([accuracy]) => accuracy));
    for (const row of rows)
      t.ok(Math.abs(exact(row) - row.mean) <= 0.1 + 1e-9, `${name}, ${row.method} ${row.model} ${row.bits}: ${exact(row)} and ${row.mean}`);
    for (const [model, closed] of Object.entries(table['gapClosed'] as Record<string, number>)) {
      const at = (bits: number, method: string): number =>
        -exact(rows.find((r) => r.model === model && r.bits === bits && r.method === method)!);
      const [low, high] = possibleRatios(at(4, 'QLoRA'), at(4, 'QuAILoRA'), at(8, 'QLoRA'), 0.05);
      const follows = low - HALF <= closed && closed <= high + HALF;
      t.equal(follows, table['gapRemark'] === undefined, `${name}, ${model}: ${closed} and ${low} … ${high}`);
    }
  }
});
