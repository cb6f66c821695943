import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { readTextFile, TextFileError, writeFileAtomically } from '../../src/foundation/index.js';
import type { Grid, Product } from './expand-grid.js';

/** Quotes one word for a shell, in a recipe of make. */
const quote = (word: string): string => (/^[\w./=:+-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`).replaceAll('$', '$$$$');

/** The file that changes when, and only when, a product's command does. */
const commandFile = ({ target }: Product): string => `${target}.command`;

const commandText = ({ command }: Product): string => `${command.map(quote).join(' ')}\n`;

const rule = (product: Product): string =>
  [
    `${product.target}: ${[...product.needs, commandFile(product)].join(' ')}`,
    `\t@echo '${product.says}'`,
    `\t${commandText(product).trimEnd()}`,
    '',
  ].join('\n');

/** Writes the rules of make for a grid: one for each product, and `all` for the table. */
export const rulesText = ({ products, table }: Grid): string =>
  [
    '# Written by `make reproduce` from the settings of a scale; changes here are lost.',
    '.PHONY: all',
    `all: ${table.target}`,
    '',
    ...products.map(rule),
  ].join('\n');

const currentText = async (path: string): Promise<string | undefined> => {
  try {
    return await readTextFile(path);
  } catch (error) {
    if (error instanceof TextFileError && (error.cause as NodeJS.ErrnoException | undefined)?.code === 'ENOENT') return undefined;
    throw error;
  }
};

/** True where the product is there and was asked for as it is now; whether its sources are newer is make's to say. */
export const isMade = async (product: Product): Promise<boolean> =>
  (await currentText(product.target)) !== undefined && (await currentText(commandFile(product))) === commandText(product);

/**
 * Writes the rules to `path`, and beside each product the command that makes it.
 *
 * A command is a source of its product, and its file is touched only where it changed: so a setting redoes what depends on it.
 */
export const writeRules = async (grid: Grid, path: string): Promise<void> => {
  for (const product of grid.products) {
    const file = commandFile(product);
    if ((await currentText(file)) === commandText(product)) continue;
    await mkdir(dirname(file), { recursive: true });
    await writeFileAtomically(file, commandText(product));
  }
  await mkdir(dirname(path), { recursive: true });
  await writeFileAtomically(path, rulesText(grid));
};
