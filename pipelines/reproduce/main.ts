/**
 * What `make reproduce` calls: `plan` writes the rules of make and says what they will do; the other commands make one product each.
 *
 *   plan       --config FILE --seeds N --tables 2 --output DIR --python PROGRAM
 *   miniature  --config FILE --dataset NAME --output DIR
 *   initialize --seed N --output DIR -- OPTIONS OF quailora init      writes to DIR, and made.json beside it
 *   table-2    --config FILE --seeds N --output DIR
 */
import { spawnSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import { mkdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { QuailoraError, writeFileAtomically } from '../../src/foundation/index.js';
import { readReport } from '../../src/reports/index.js';
import { DATASETS } from './config.js';
import { describeGrid } from './describe-grid.js';
import { describeProduct } from './describe-product.js';
import { cellsOf, expandGrid } from './expand-grid.js';
import { readConfig } from './read-config.js';
import { readPaper } from './read-paper.js';
import { readScores } from './read-scores.js';
import { ReproductionError } from './reproduction-error.js';
import { showTableTwo, tableTwo } from './table-2.js';
import { writeMiniature } from './write-miniatures.js';
import { isMade, writeRules } from './write-rules.js';

const PAPER = 'data/paper';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    ...{ config: { type: 'string' }, output: { type: 'string' }, python: { type: 'string' } },
    ...{ seeds: { type: 'string' }, seed: { type: 'string' }, tables: { type: 'string' }, dataset: { type: 'string' } },
  },
});

const usage = (message: string): ReproductionError => new ReproductionError('QL_USAGE', message);

const required = (name: keyof typeof values): string => {
  const value = values[name];
  if (value === undefined) throw usage(`--${name} is missing; see the head of pipelines/reproduce/main.ts.`);
  return value;
};

const wholeNumber = (name: 'seeds' | 'seed', least: number): number => {
  const value = Number(required(name));
  if (Number.isSafeInteger(value) && value >= least) return value;
  throw usage(`${name.toUpperCase()} is ${required(name)}: give a whole number of at least ${least}.`);
};

const writeJson = (path: string, value: unknown): Promise<void> => writeFileAtomically(path, `${JSON.stringify(value, undefined, 1)}\n`);

const plan = async (): Promise<void> => {
  if (required('tables') !== '2') throw usage(`TABLES is ${required('tables')}: this version makes table 2 only, so give TABLES=2.`);
  const [path, output, python] = [required('config'), required('output'), required('python')];
  const [config, seeds] = [await readConfig(path), wholeNumber('seeds', 1)];
  const grid = expandGrid(config, seeds, { config: path, output, python });
  const made = await Promise.all(grid.products.map(isMade));
  await writeRules(grid, join(output, 'rules.mk'));
  const missing = grid.products.filter((_, i) => !made[i]);
  process.stdout.write(describeGrid(config, seeds, grid, missing));
};

const miniature = async (): Promise<void> => {
  const [config, directory] = [await readConfig(required('config')), required('output')];
  const dataset = DATASETS.find((name) => name === required('dataset'));
  if (!dataset) throw usage(`--dataset is ${required('dataset')}: give one of ${DATASETS.join(', ')}.`);
  await mkdir(directory, { recursive: true });
  await writeMiniature(dataset, config.texts, directory, 0);
  await writeJson(join(directory, 'made.json'), { dataset, seed: 0, texts: config.texts, ...describeProduct() });
};

const initialize = async (): Promise<void> => {
  const [directory, seed] = [required('output'), wholeNumber('seed', 0)];
  await mkdir(directory, { recursive: true });
  const program = fileURLToPath(new URL('../../src/cli/main.js', import.meta.url));
  const options = ['init', ...positionals.slice(1), '--output', directory];
  const { status, signal, error } = spawnSync(process.execPath, [program, ...options], { stdio: 'inherit' });
  if (status !== 0)
    throw new ReproductionError(
      'QL_REPRODUCE_PRODUCT',
      `quailora init ended with ${String(error ?? signal ?? status)} in ${directory}. Its message is above; make goes on from what it solved.`,
      { cause: error },
    );
  const { model, quantizer, initializer, rank, totals, secondsPerStage, peakRssBytes } = await readReport(join(directory, 'report.json'));
  const facts = { model, quantizer, initializer, rank, seed, totals, secondsPerStage, peakRssBytes };
  await writeJson(join(dirname(directory), 'made.json'), { ...facts, ...describeProduct() });
};

const tableTwoFiles = async (): Promise<void> => {
  const [config, seeds, output] = [await readConfig(required('config')), wholeNumber('seeds', 1), required('output')];
  const scored = await readScores(cellsOf(config, seeds, output));
  const table = tableTwo(config, scored, await readPaper(PAPER));
  const text = showTableTwo(table, config);
  await writeFileAtomically(join(output, 'table-2.md'), text);
  await writeJson(join(output, 'table-2.json'), { ...table, seeds, departures: config.departures, ...describeProduct() });
  process.stdout.write(text);
};

const COMMANDS: Readonly<Record<string, () => Promise<void>>> = { plan, miniature, initialize, 'table-2': tableTwoFiles };

try {
  const command = COMMANDS[positionals[0] ?? ''];
  if (!command) throw usage(`The command is ${positionals[0] ?? 'missing'}: give one of ${Object.keys(COMMANDS).join(', ')}.`);
  await command();
} catch (error) {
  if (!(error instanceof QuailoraError)) throw error;
  process.stderr.write(`${error.code}  ${error.message}\n`);
  process.exitCode = error.code === 'QL_USAGE' ? 2 : 1;
}
