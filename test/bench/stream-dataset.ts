/**
 * Reads one dataset as `quailora init` does and prints what it took: the process that dataset-throughput measures.
 *
 * usage: node dist/test/bench/stream-dataset.js FILE draw|tokenize [FORMAT]
 *
 * `draw` takes 2,000 samples and 200 held-out ones in one pass; `tokenize` turns everything into windows.
 */
import { join } from 'node:path';
import { loadTokenizer, openCorpus, selectWindows, streamWindows } from '../../src/corpus/index.js';
import { REPOSITORY } from './describe-machine.js';

const [file, mode, format] = process.argv.slice(2);
const shape = format === undefined ? {} : { format };
const tokenizer = await loadTokenizer(join(REPOSITORY, 'data/embedded/model'));
const windowTokens = 512;
const start = performance.now();
const cpuStart = process.cpuUsage();
let tokens = 0;
let records = 0;
if (mode === 'draw') {
  const options = { shape, windowTokens, samples: 2000, heldOut: 0.1, seed: 0 };
  const selected = await selectWindows(file!, tokenizer, options);
  tokens = selected.tokens.calibration + selected.tokens.heldOut;
  records = selected.records.read;
} else {
  const corpus = await openCorpus(file!, tokenizer, 'calibration', { shape });
  const count = (): boolean => {
    records++;
    return true;
  };
  for await (const window of streamWindows(corpus, { windowTokens, accept: count })) tokens += window.length;
}
const { user, system } = process.cpuUsage(cpuStart);
console.log(JSON.stringify({ tokens, records, seconds: (performance.now() - start) / 1000, cpuSeconds: (user + system) / 1e6 }));
