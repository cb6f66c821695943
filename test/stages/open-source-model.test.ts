import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { checkWindows, openSourceModel, requireFullPrecision } from '../../src/stages/index.js';
import { makeHubPlace } from '../integration/hub-place.js';
import { makeTinyModel, renameTensors } from '../integration/tiny-model.js';

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

t.test('what is no directory is the id of a Hub repository, where it can be one', async (t) => {
  const place = await makeHubPlace(t);
  const hub = place.hub('cache');
  const { checkpoint, model } = await openSourceModel(place.id, { hub });
  t.equal(checkpoint.supply?.commit, place.server.commit(place.id));
  t.equal(model.blocks, 3);
  t.equal((await openSourceModel(place.id, { hub, revision: 'other' })).model.modelType, 'mistral');
  t.equal((await openSourceModel(place.model, { hub })).checkpoint.supply, undefined, 'a directory wins');
  await t.rejects(openSourceModel('org/none', { hub }), {
    name: 'HubError',
    code: 'QL_HUB_REPOSITORY',
    message: /There is no directory org\/none here, so it was taken as the id/,
  });
  await t.rejects(openSourceModel(place.id, { hub, revision: 'v9' }), { code: 'QL_HUB_REVISION' });
  for (const path of ['./none', '/none', '../none', 'a/b/c', 'none/'])
    await t.rejects(
      openSourceModel(path, { hub }),
      { code: 'QL_CHECKPOINT_MISSING', message: /no such directory.*organization\/name/ },
      path,
    );
  await t.rejects(openSourceModel(place.id), { code: 'QL_CHECKPOINT_MISSING', message: /readHubSettings/ });
});

t.test('options of the Hub do nothing for a directory, and are refused', async (t) => {
  const directory = await makeTinyModel(join(t.testdir(), 'model'));
  for (const [option, flag] of [
    [{ revision: 'main' }, '--revision'],
    [{ prefetch: true }, '--prefetch'],
    [{ discardShards: true }, '--discard-shards'],
  ] as const)
    await t.rejects(openSourceModel(directory, option), { code: 'QL_HUB_OPTION', message: new RegExp(`^${flag}: .* on the disk`) });
});

t.test('a quantized mixture is called quantized, not incomplete', async (t) => {
  const directory = await makeTinyModel(join(t.testdir(), 'model'), 'mixtral-routed');
  await renameTensors(directory, (name) => name.replace(/(experts\.\d+\.w\d)\.weight$/, '$1.qweight'));
  const file = join(directory, 'config.json');
  const config = JSON.parse(await readFile(file, 'utf8')) as Record<string, unknown>;
  await t.rejects(openSourceModel(directory), { code: 'QL_CONFIG', message: /experts\.0\.w/ }, 'without a word of quantization');
  await writeFile(file, JSON.stringify({ ...config, quantization_config: { quant_method: 'gptq' } }));
  await t.rejects(openSourceModel(directory), { code: 'QL_MODEL_UNSUPPORTED', message: /quantized already, by gptq/ });
});
