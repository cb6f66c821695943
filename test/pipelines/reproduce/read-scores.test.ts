import t from 'tap';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cellsOf } from '../../../pipelines/reproduce/expand-grid.js';
import { readScores } from '../../../pipelines/reproduce/read-scores.js';
import { microConfig } from './micro-config.js';

const write = (directory: string, score: unknown): void => {
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, 'score.json'), JSON.stringify(score));
};

t.test('each cell gets its perplexity; what is missing, wrong or of other text is named', async (t) => {
  const cells = cellsOf(microConfig(), 1, t.testdir()).slice(0, 3);
  await t.rejects(readScores(cells), { code: 'QL_FILE_READ', message: /qlora-4-s0.score\.json/ });
  cells.forEach(({ directory }, i) => write(directory, { perplexity: 10 + i, tokens: 99 }));
  t.same(
    (await readScores(cells)).map(({ perplexity }) => perplexity),
    [10, 11, 12],
  );
  write(cells[1]!.directory, { perplexity: null, tokens: 99 });
  await t.rejects(readScores(cells), { code: 'QL_REPRODUCE_PRODUCT', message: /quailora-4-s0.score\.json: perplexity must be a number/ });
  write(cells[1]!.directory, { perplexity: 11, tokens: 98 });
  await t.rejects(readScores(cells), { code: 'QL_REPRODUCE_PRODUCT', message: /tokens is 98, but 99 where other rows were scored/ });
});
