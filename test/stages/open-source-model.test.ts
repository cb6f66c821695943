import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { checkWindows, openSourceModel, requireFullPrecision } from '../../src/stages/index.js';
import { makeTinyModel } from '../integration/tiny-model.js';

t.test('a checkpoint with model and tokenizer', async (t) => {
  const source = await openSourceModel(await makeTinyModel(join(t.testdir(), 'model')));
  t.match(source, { model: { blocks: 3, hiddenSize: 32, vocabularySize: 96 }, tokenizer: { vocabularySize: 96, eosTokenId: 0 } });
  t.same(source.tokenizer.encode('ab !'), [65, 66, 95, 1]);
  requireFullPrecision(source.checkpoint);
});

t.test('windows that the model can not take', async (t) => {
  const source = await openSourceModel(await makeTinyModel(join(t.testdir(), 'model')));
  checkWindows(source, [Int32Array.of(0, 95), new Int32Array(64)]);
  t.throws(() => checkWindows(source, [new Int32Array(65)]), { code: 'QL_WINDOW_LENGTH', message: /65 tokens.* 64/ });
  t.throws(() => checkWindows(source, [Int32Array.of(5, 96)]), { code: 'QL_TOKENIZER_MODEL', message: /token 96.* 96 embeddings/ });
  const small = { ...source, tokenizer: { ...source.tokenizer, vocabularySize: 47 } };
  t.throws(() => checkWindows(small, []), { code: 'QL_TOKENIZER_MODEL', message: /47 tokens.* 96 embeddings.*copy tokenizer\.json/ });
  checkWindows({ ...source, tokenizer: { ...source.tokenizer, vocabularySize: 48 } }, []);
  t.throws(() => checkWindows(source, [Int32Array.of(-1)]), { code: 'QL_TOKENIZER_MODEL' });
});

t.test('a checkpoint that is quantized already, or lacks its tokenizer', async (t) => {
  const directory = await makeTinyModel(join(t.testdir(), 'model'));
  const file = join(directory, 'config.json');
  const config = JSON.parse(await readFile(file, 'utf8')) as Record<string, unknown>;
  await writeFile(file, JSON.stringify({ ...config, quantization_config: { quant_method: 'bitsandbytes' } }));
  const { checkpoint } = await openSourceModel(directory);
  t.throws(() => requireFullPrecision(checkpoint), { code: 'QL_MODEL_UNSUPPORTED', message: /quantized already/ });
  requireFullPrecision({ ...checkpoint, config: { ...config, quantization_config: null } });
  await rm(join(directory, 'tokenizer.json'));
  await t.rejects(openSourceModel(directory), { code: 'QL_TOKENIZER_MISSING' });
});
