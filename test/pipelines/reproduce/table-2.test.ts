import t from 'tap';
import type { ScaleConfig } from '../../../pipelines/reproduce/config.js';
import { cellsOf } from '../../../pipelines/reproduce/expand-grid.js';
import { readPaper } from '../../../pipelines/reproduce/read-paper.js';
import { showTableTwo, tableTwo, type Table2 } from '../../../pipelines/reproduce/table-2.js';
import { microConfig } from './micro-config.js';

const SEEDS = 3;

/** Perplexities by row; seed and dataset add what is alike in every row, so that differences are exact. */
const PERPLEXITY: Readonly<Record<string, number>> = {
  ...{ 'qlora-4': 14, 'quailora-4': 12.5, 'qlora-8': 12, 'quailora-8': 11.8 },
  ...{ 'exact-4': 12.4, full: 11.9, 'full-absorbing': 11.5 },
};

const make = async (config: ScaleConfig, change = 0): Promise<Table2> => {
  const cells = cellsOf(config, SEEDS, 'out').map((cell) => {
    const shared = cell.seed + config.datasets.indexOf(cell.dataset) * 10;
    return { ...cell, perplexity: PERPLEXITY[cell.row.name]! + shared + (cell.row.name === 'qlora-8' ? change : 0) };
  });
  return tableTwo(config, cells, await readPaper('data/paper'));
};

t.test('means go over datasets first and then over seeds, beside what the paper prints', async (t) => {
  const { perplexities } = await make(microConfig());
  const row = perplexities.find(({ row: name }) => name === 'qlora-4')!;
  t.match(row, { bits: 4, paper: 3.51, mean: { mean: 14 + 15 + 1, count: 3 } });
  t.ok(Math.abs(row.mean!.standardError! - 1 / Math.sqrt(3)) < 1e-12, 'seeds 0, 1, 2 have a standard deviation of 1');
  t.match(row.byDataset.chip2, { mean: 14 + 10 + 1 });
  const exact = perplexities.find(({ row: name }) => name === 'exact-4')!;
  t.equal(exact.mean, undefined, 'a row on Alpaca alone has no mean of four');
  t.equal(exact.paper, undefined, 'and is not in the paper');
});

t.test('the gap closed is of paired seeds, for each dataset and for their mean', async (t) => {
  const { gaps } = await make(microConfig());
  t.same(
    gaps.map(({ dataset }) => dataset),
    ['alpaca', 'chip2', 'self-instruct', 'hh-rlhf', 'mean'],
  );
  for (const { ratio, interval, gap } of gaps) {
    t.ok(Math.abs(ratio! - 0.75) < 1e-9);
    t.ok(Math.abs(gap - 2) < 1e-9);
    t.ok(Math.abs(interval![0] - 0.75) < 1e-6 && Math.abs(interval![1] - 0.75) < 1e-6, 'what seeds share is no noise');
  }
  t.equal(gaps.at(-1)!.paper, 1, 'LLaMA-7b');
});

t.test('a row is kept where 8 bits are no better', async (t) => {
  const table = await make(microConfig(), 3);
  t.equal(table.gaps.length, 5);
  t.equal(table.gaps[0]!.ratio, undefined);
  t.match(showTableTwo(table, microConfig()), /n\/a \(8 bits are no better\)/);
});

t.test('what the start gains is parted from what the error costs', async (t) => {
  const { effects } = await make(microConfig());
  t.equal(effects.length, 1);
  const [{ dataset, start, errorBefore, errorAfter }] = effects as [Table2['effects'][number]];
  t.equal(dataset, 'alpaca');
  t.ok(Math.abs(start.mean - 0.4) < 1e-9);
  t.ok(Math.abs(errorBefore.mean - 2.1) < 1e-9);
  t.ok(Math.abs(errorAfter.mean - 1) < 1e-9);
});

t.test('the text shows every row and every departure', async (t) => {
  const config = microConfig();
  const text = showTableTwo(await make(config), config);
  for (const sentence of config.departures) t.ok(text.includes(sentence));
  t.match(text, /\| llama \| 4 \| QuAILoRA \| 13\.50 ± 0\.58 \| 23\.50 ± 0\.58 \| .* \| 28\.50 ± 0\.58 \| 3\.49 \|/);
  t.match(text, /\| llama \| mean \| 2\.000 \| .* \| 75 % \| 75 % \| 75 % … 75 % \| 100 % \|/);
  t.notMatch(text, /NaN|undefined/);
});
