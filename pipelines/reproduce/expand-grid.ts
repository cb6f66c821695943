import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { DatasetName, GridModel, GridRow, ScaleConfig, Start } from './config.js';

/** A file that a command makes from other files, whole or not at all. */
export interface Product {
  readonly target: string;
  readonly needs: readonly string[];
  readonly command: readonly string[];
  /** What is done, for people. */
  readonly says: string;
  /** Estimated, of one core. */
  readonly cpuSeconds: number;
}

/** One fine-tuning and where its score lies. */
export interface Cell {
  readonly model: GridModel;
  readonly dataset: DatasetName;
  readonly row: GridRow;
  readonly seed: number;
  readonly directory: string;
}

/** Programs and places that the commands name. */
export interface GridPlaces {
  readonly config: string;
  readonly output: string;
  readonly python: string;
}

/** All cells of a scale, and every product on the way to its tables. */
export interface Grid {
  readonly cells: readonly Cell[];
  readonly products: readonly Product[];
  readonly table: Product;
}

const MAIN = ['node', 'dist/pipelines/reproduce/main.js'];
const SCRIPTS = 'pipelines/reproduce';

/** The cells of a scale for the seeds 0 … seeds − 1, in the order in which tables show them. */
export const cellsOf = (config: ScaleConfig, seeds: number, output: string): Cell[] =>
  Array.from({ length: seeds }, (_, seed) => seed).flatMap((seed) =>
    config.models.flatMap((model) =>
      config.datasets.flatMap((dataset) =>
        config.rows
          .filter(({ datasets }) => !datasets || datasets.includes(dataset))
          .map((row) => ({ model, dataset, row, seed, directory: join(output, 'tuned', model.name, dataset, `${row.name}-s${seed}`) })),
      ),
    ),
  );

const miniatureDirectory = (output: string, dataset: DatasetName): string => join(output, 'records', dataset);

const miniature = (config: ScaleConfig, { output, config: path }: GridPlaces, dataset: DatasetName): Product => {
  const directory = miniatureDirectory(output, dataset);
  return {
    target: join(directory, 'made.json'),
    needs: [config.texts.train, config.texts.validation],
    command: [...MAIN, 'miniature', '--config', path, '--dataset', dataset, '--output', directory],
    says: `records of ${dataset}`,
    cpuSeconds: 1,
  };
};

/** An initialization: where adapter/ and base/ lie, and the product that says they are whole. */
interface Initialization {
  readonly directory: string;
  readonly product: Product;
}

/** Bits of an initialization: the full-precision control takes the factors that belong to 4 bits. */
const factorBits = ({ bits }: GridRow): 4 | 8 => (bits === 8 ? 8 : 4);

/** The paper's row takes the factors of ALS as they are; peft's own start needs only the base, which any start has. */
const INITIALIZERS: Readonly<Record<Start, readonly string[]>> = {
  default: ['als', '--no-balance'],
  als: ['als', '--no-balance'],
  exact: ['exact'],
  svd: ['svd'],
};

const initialization = (config: ScaleConfig, { output }: GridPlaces, { model, row, seed }: Cell): Initialization => {
  const { calibration, alpha, sourceTokens, targetTokens, costs } = config;
  const records = miniatureDirectory(output, calibration.dataset);
  const bits = factorBits(row);
  const [initializer, ...balance] = INITIALIZERS[row.start];
  const options = [
    ...[model.checkpoint, '--bits', bits, '--initializer', initializer, ...balance, '--rank', model.rank, '--alpha', alpha],
    ...['--calibration', join(records, 'train.jsonl'), '--format', calibration.dataset, '--samples', calibration.samples],
    ...['--source-tokens', sourceTokens, '--target-tokens', targetTokens, '--seed', seed, '--write-base'],
  ].map(String);
  // An output belongs to its options: with others it would be refused, not replaced
  const key = createHash('sha256').update(options.join('\0')).digest('hex').slice(0, 8);
  const place = join(output, 'init', model.name, `${bits}-${initializer}-s${seed}-${key}`);
  // quailora takes an empty directory or its own only, so what make needs lies beside it
  const directory = join(place, 'correction');
  return {
    directory,
    product: {
      target: join(place, 'made.json'),
      needs: [join(records, 'made.json'), join(model.checkpoint, 'config.json')],
      command: [...MAIN, 'initialize', '--seed', String(seed), '--output', directory, '--', ...options],
      says: `initialization of ${model.name}, ${bits} bits, ${initializer}, seed ${seed}`,
      cpuSeconds: costs.initialization,
    },
  };
};

const fineTuning = (config: ScaleConfig, places: GridPlaces, cell: Cell, init: Initialization): Product => {
  const { model, dataset, row, seed, directory } = cell;
  const { training, costs } = config;
  const records = miniatureDirectory(places.output, dataset);
  const start = row.start === 'default' ? ['--rank', model.rank] : ['--adapter', join(init.directory, 'adapter')];
  const options = [
    ...['--base', row.bits === 16 ? model.checkpoint : join(init.directory, 'base'), ...start, '--alpha', config.alpha],
    ...['--weights', row.weights, '--dataset', dataset, '--seed', seed, '--steps', training.steps, '--every', training.every],
    ...['--train', join(records, 'train.jsonl'), '--validation', join(records, 'validation.jsonl')],
    ...['--validation-records', training.validationRecords],
    ...['--source-tokens', config.sourceTokens, '--target-tokens', config.targetTokens],
    ...['--batch', training.batch, '--micro-batch', training.microBatch, '--learning-rate', training.learningRate],
  ].map(String);
  const scorings = Math.ceil(training.steps / training.every) + 1;
  return {
    target: join(directory, 'curve.json'),
    needs: [join(records, 'made.json'), init.product.target, ...['fine_tune', 'models', 'records'].map((name) => `${SCRIPTS}/${name}.py`)],
    command: [places.python, `${SCRIPTS}/fine_tune.py`, ...options, '--output', directory],
    says: `fine-tuning of ${model.name} on ${dataset}, ${row.name}, seed ${seed}`,
    cpuSeconds: costs.start + training.steps * costs.step + scorings * costs.scoring,
  };
};

const scoring = ({ costs }: ScaleConfig, { python }: GridPlaces, { model, dataset, row, seed, directory }: Cell): Product => ({
  target: join(directory, 'score.json'),
  needs: [join(directory, 'curve.json'), `${SCRIPTS}/score.py`],
  command: [python, `${SCRIPTS}/score.py`, '--tuned', directory],
  says: `score of ${model.name} on ${dataset}, ${row.name}, seed ${seed}`,
  cpuSeconds: costs.start + costs.scoring,
});

/** Expands a scale's settings to every file that its table 2 needs, each with the command that makes it. */
export const expandGrid = (config: ScaleConfig, seeds: number, places: GridPlaces): Grid => {
  const cells = cellsOf(config, seeds, places.output);
  const products = new Map<string, Product>();
  const add = (product: Product): unknown => products.set(product.target, product);
  for (const dataset of config.datasets) add(miniature(config, places, dataset));
  for (const cell of cells) {
    const init = initialization(config, places, cell);
    add(init.product);
    add(fineTuning(config, places, cell, init));
    add(scoring(config, places, cell));
  }
  const table: Product = {
    target: join(places.output, 'table-2.json'),
    needs: [...cells.map(({ directory }) => join(directory, 'score.json')), 'data/paper/table-2b.json', 'data/paper/table-4.json'],
    command: [...MAIN, 'table-2', '--config', places.config, '--seeds', String(seeds), '--output', places.output],
    says: 'table 2',
    cpuSeconds: 1,
  };
  return { cells, products: [...products.values(), table], table };
};
