import t from 'tap';
import { describeGrid, NOT_MADE } from '../../../pipelines/reproduce/describe-grid.js';
import { expandGrid } from '../../../pipelines/reproduce/expand-grid.js';
import { microConfig } from './micro-config.js';

t.test('the grid, what it leaves out and the time are said beforehand', async (t) => {
  const config = microConfig();
  const grid = expandGrid(config, 1, { config: 'micro.json', output: 'out', python: 'python' });
  const text = describeGrid(config, 1, grid, grid.products);
  t.match(text, /seed 0: 19 fine-tunings of 100 steps/);
  for (const { name } of config.rows) t.ok(text.includes(`  ${name} (`), name);
  for (const sentence of [...config.departures, NOT_MADE]) t.ok(text.includes(sentence));
  const { costs, training } = config;
  const tuning = costs.start + training.steps * costs.step + 3 * costs.scoring;
  const seconds = 4 + 3 * costs.initialization + 19 * (tuning + costs.start + costs.scoring) + 1;
  t.ok(text.includes(`0 of ${grid.products.length} files are made. The rest takes about ${Math.ceil(seconds / 60)} minutes`));
  t.match(describeGrid(config, 3, grid, []), /seeds 0 to 2.*\n(.*\n)+All 46 files are made/);
});
