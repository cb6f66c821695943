import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import t from 'tap';
import { loadTokenizer } from '../../src/corpus/index.js';

const fixtures = fileURLToPath(new URL('../../../test/fixtures/tokenizer/', import.meta.url));
const goldens = JSON.parse(readFileSync(`${fixtures}goldens.json`, 'utf8')) as { texts: string[]; ids: Record<string, number[][]> };
const definition = JSON.parse(readFileSync(`${fixtures}gpt-2/tokenizer.json`, 'utf8')) as Record<string, object>;

for (const [style, ids] of Object.entries(goldens.ids))
  t.test(`${style}: ids equal those of Python's tokenizers`, async (t) => {
    const tokenizer = await loadTokenizer(fixtures + style);
    t.ok(goldens.texts.length > 100);
    const encoded = goldens.texts.map((text) => ({ text, ids: tokenizer.encode(text) }));
    t.same(
      encoded,
      goldens.texts.map((text, i) => ({ text, ids: ids[i] })),
    );
    t.same(tokenizer.encode(goldens.texts.at(-1)!), ids.at(-1), 'again, from the cache');
  });

const unpack = (name: string): unknown => JSON.parse(gunzipSync(readFileSync(fixtures + name)).toString());
const strings = unpack('strings.json.gz') as string[];
const styles = unpack('styles.json.gz') as Record<string, Record<string, string>>;
const transformers = unpack('ids.json.gz') as Record<string, { class: string; bos: string | null; eos: string | null; ids: string }>;

/** As make-goldens.py: the first 4 bytes of SHA-256 over the ids with special tokens, −1, and the ids without. */
const digest = (ids: readonly number[], ordinary: readonly number[]): string =>
  createHash('sha256')
    .update(new Uint8Array(Int32Array.of(...ids, -1, ...ordinary).buffer))
    .digest('hex')
    .slice(0, 8);

for (const [style, golden] of Object.entries(transformers))
  t.test(`${style}: ids equal those of transformers (${golden.class}) on ${strings.length} strings`, async (t) => {
    const tokenizer = await loadTokenizer(t.testdir(styles[style]));
    const digests = Buffer.from(golden.ids, 'base64').toString('hex').match(/.{8}/gu)!;
    t.ok(strings.length > 2000);
    t.equal(digests.length, strings.length);
    const different = strings.flatMap((text, number) => {
      const ids = tokenizer.encode(text);
      return digest(ids, tokenizer.encodeOrdinary(text)) === digests[number] ? [] : [{ number, text, ids }];
    });
    t.same(different, []);
    t.same([tokenizer.bosToken ?? null, tokenizer.eosToken ?? null], [golden.bos, golden.eos]);
    for (const id of [tokenizer.bosTokenId, tokenizer.eosTokenId])
      if (id !== undefined) t.same(tokenizer.encodeOrdinary(tokenizer.tokenText(id)!), [id], 'its text encodes to it');
  });

t.test('special tokens come from the tokenizer, then from config.json', async (t) => {
  const json = JSON.stringify(definition);
  const load = (files: Record<string, string>) => loadTokenizer(t.testdir({ 'tokenizer.json': json, ...files }));
  t.match(await loadTokenizer(`${fixtures}llama-2`), { bosTokenId: 1, eosTokenId: 2, vocabularySize: 480 });
  t.match(await loadTokenizer(`${fixtures}llama-3`), { bosTokenId: 515, eosTokenId: 516 }, 'an AddedToken object too');
  t.match(await load({ 'special_tokens_map.json': '{"eos_token":"<|end|>"}', 'config.json': '{"eos_token_id":7}' }), { eosTokenId: 0 });
  t.match(await load({ 'config.json': '{"eos_token_id":[7,8],"bos_token_id":null}' }), { eosTokenId: 7, bosTokenId: undefined });
  t.match(await load({ 'tokenizer_config.json': '{"eos_token":null}', 'config.json': '{"eos_token_id":7}' }), {
    eosTokenId: undefined,
    eosToken: undefined,
  });
  await t.rejects(load({ 'tokenizer_config.json': '{"eos_token":"<gone>"}' }), {
    code: 'QL_TOKENIZER_JSON',
    message: /"<gone>".*not in its vocabulary/,
  });
});

t.test('without the special tokens of the post-processor, with those written in the text', async (t) => {
  const tokenizer = await loadTokenizer(`${fixtures}llama-2`);
  const [bos, eos] = [tokenizer.bosTokenId!, tokenizer.eosTokenId!];
  t.same(tokenizer.encode('the'), [bos, ...tokenizer.encodeOrdinary('the')]);
  t.same(tokenizer.encodeOrdinary(`${tokenizer.bosToken!}the${tokenizer.eosToken!}`), [bos, ...tokenizer.encodeOrdinary('the'), eos]);
  t.match(tokenizer, { bosToken: '<s>', eosToken: '</s>', chatTemplate: undefined });
  t.equal(tokenizer.tokenText(eos), '</s>');
  t.equal(tokenizer.tokenText(99_999), undefined);
});

t.test('a missing or broken tokenizer is an error that says what to do', async (t) => {
  const reject = (files: Record<string, string>, code: string, message: RegExp) =>
    t.rejects(loadTokenizer(t.testdir(files)), { name: 'TokenizerError', code, message, retryable: false });
  await reject({ 'tokenizer.model': 'x' }, 'QL_TOKENIZER_MISSING', /tokenizer\.model.*save_pretrained/);
  await reject({}, 'QL_TOKENIZER_MISSING', /no tokenizer\.json/);
  await reject({ 'tokenizer.json': '{' }, 'QL_TOKENIZER_JSON', /tokenizer\.json is not valid JSON/);
  await reject({ 'tokenizer.json': '[]' }, 'QL_TOKENIZER_JSON', /object/);
  await reject(
    { 'tokenizer.json': JSON.stringify(definition), 'tokenizer_config.json': '{' },
    'QL_TOKENIZER_JSON',
    /tokenizer_config\.json/,
  );
  await reject({ 'tokenizer.json': '{"version":"1.0"}' }, 'QL_TOKENIZER_JSON', /no vocabulary/);
  await t.rejects(loadTokenizer(`${t.testdir({})}/absent`), { code: 'QL_TOKENIZER_MISSING' });
});

t.test('an unknown token that the vocabulary does not hold is an error when it is needed', async (t) => {
  const model = { type: 'BPE', unk_token: '<unk>', vocab: { a: 0, b: 1 }, merges: [] };
  const tokenizer = await loadTokenizer(
    t.testdir({ 'tokenizer.json': JSON.stringify({ ...definition, added_tokens: [], pre_tokenizer: null, post_processor: null, model }) }),
  );
  t.same(tokenizer.encode('abba'), [0, 1, 1, 0]);
  t.throws(() => tokenizer.encode('abc'), { code: 'QL_TOKENIZER_UNKNOWN', message: /"<unk>"/ });
});
