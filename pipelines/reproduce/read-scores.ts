import { join } from 'node:path';
import { parseJson, readTextFile } from '../../src/foundation/index.js';
import { extent, fields, must, WHOLE } from '../../src/reports/index.js';
import type { Cell } from './expand-grid.js';
import { ReproductionError } from './reproduction-error.js';

/** A cell and the perplexity of its fine-tuned model. */
export interface ScoredCell extends Cell {
  readonly perplexity: number;
}

const score = fields({
  perplexity: must('a number of at least 1', (value) => typeof value === 'number' && value >= 1),
  tokens: extent,
});

/**
 * Reads every cell's score.json.
 *
 * @throws ReproductionError QL_REPRODUCE_PRODUCT naming file and field, also where two rows were scored on different text
 */
export const readScores = async (cells: readonly Cell[]): Promise<ScoredCell[]> => {
  const tokensOf = new Map<string, number>();
  const scored: ScoredCell[] = [];
  for (const cell of cells) {
    const path = join(cell.directory, 'score.json');
    const value = parseJson(await readTextFile(path));
    const wrong = score(value, WHOLE);
    const { perplexity, tokens } = value as { readonly perplexity: number; readonly tokens: number };
    const text = `${cell.model.name} ${cell.dataset}`;
    const others = tokensOf.get(text) ?? tokens;
    const problem = wrong ?? (others === tokens ? undefined : `tokens is ${tokens}, but ${others} where other rows were scored`);
    if (problem !== undefined)
      throw new ReproductionError('QL_REPRODUCE_PRODUCT', `${path}: ${problem}. Remove the file and run make again.`);
    tokensOf.set(text, tokens);
    scored.push({ ...cell, perplexity });
  }
  return scored;
};
