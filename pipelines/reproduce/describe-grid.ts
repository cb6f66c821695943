import type { ScaleConfig } from './config.js';
import type { Grid, Product } from './expand-grid.js';

/** What of the paper this version does not make yet. */
export const NOT_MADE = 'Not made: tables 1, 3a–d, 4 and 5, figures 1 and 2, the seven tasks, the report.';

const minutes = (seconds: number): string => (seconds < 60 ? 'under a minute' : `${Math.ceil(seconds / 60)} minutes`);

/**
 * Describes what will be made: the grid, what it leaves out, and the time of what is missing.
 *
 * @param missing products that are not there yet
 */
export const describeGrid = (config: ScaleConfig, seeds: number, { cells, products }: Grid, missing: readonly Product[]): string => {
  const left = missing.reduce((sum, { cpuSeconds }) => sum + cpuSeconds, 0);
  const counts = config.rows.map((row) => `  ${row.name} (${(row.datasets ?? config.datasets).join(', ')})`);
  return [
    `Table 2 at scale ${config.scale}, ${seeds === 1 ? 'seed 0' : `seeds 0 to ${seeds - 1}`}: ${cells.length} fine-tunings of ${config.training.steps} steps.`,
    `Models: ${config.models.map(({ name, rank, beside }) => `${name} (rank ${rank}, beside the paper's ${beside})`).join(', ')}. Rows:`,
    ...counts,
    'Apart from the paper:',
    ...config.departures.map((sentence) => `  ${sentence}`),
    `  ${NOT_MADE}`,
    missing.length === 0
      ? `All ${products.length} files are made.`
      : `${products.length - missing.length} of ${products.length} files are made. The rest takes about ${minutes(left)} of one core of ${config.costs.measuredOn}; -j shares it out.`,
    '',
  ].join('\n');
};
