import t from 'tap';
import { loadAsTransformers } from '../../../src/corpus/encoding/transformers-class.js';

const definition = {
  normalizer: { type: 'Lowercase' },
  pre_tokenizer: { type: 'Digits' },
  post_processor: { type: 'RobertaProcessing' },
  decoder: null,
  model: { type: 'BPE', vocab: { '<s>': 0 }, merges: [], ignore_merges: true, dropout: 0.1 },
};
const load = (settings: object, config: object = {}, other: object = {}) =>
  loadAsTransformers({ ...definition, ...other }, { ...settings }, { ...config });

t.test('classes that build their tokenizer themselves', async (t) => {
  const llama = load({ tokenizer_class: 'LlamaTokenizerFast' }, { model_type: 'llama' });
  t.match(llama, { rebuilt: true, defaultTokens: { bos_token: '<s>' } });
  t.match(llama.definition, {
    normalizer: null,
    pre_tokenizer: { type: 'Metaspace', prepend_scheme: 'first', split: false },
    post_processor: definition.post_processor,
    model: { vocab: { '<s>': 0 }, merges: [], byte_fallback: true, unk_token: null, ignore_merges: false, dropout: null },
  });
  const scheme = (settings: object) => load({ tokenizer_class: 'LlamaTokenizer', ...settings }).definition.pre_tokenizer;
  t.match(scheme({ legacy: true }), { prepend_scheme: 'always' });
  t.match(scheme({ add_prefix_space: false, legacy: true }), { prepend_scheme: 'never' });
  t.match(load({ tokenizer_class: 'GPTNeoXTokenizer' }).definition, { normalizer: { type: 'NFC' }, post_processor: null });
  t.match(load({ tokenizer_class: 'GPT2Tokenizer', add_prefix_space: true }).definition, {
    normalizer: null,
    pre_tokenizer: { type: 'ByteLevel', add_prefix_space: true },
  });
  t.match(load({ tokenizer_class: 'GemmaTokenizer', unk_token: '<u>' }).definition, {
    model: { unk_token: '<u>' },
    normalizer: { type: 'Replace' },
  });
});

t.test('CodeLlama begins with BOS whatever the file says', async (t) => {
  const { definition: loaded } = load({ tokenizer_class: 'CodeLlamaTokenizer' });
  t.match(loaded.post_processor, { type: 'TemplateProcessing', special_tokens: { '<s>': { ids: [0] } } });
  t.match(load({ tokenizer_class: 'CodeLlamaTokenizer', bos_token: null }).definition.post_processor, { type: 'ByteLevel' });
});

t.test('the others are taken as they are', async (t) => {
  for (const [settings, config, other] of [
    [{ tokenizer_class: 'PreTrainedTokenizerFast' }, { model_type: 'llama' }],
    [{ tokenizer_class: 'LlamaTokenizer' }, { model_type: 'mistral' }],
    [{ tokenizer_class: 'LlamaTokenizer' }, { model_type: 'phi3' }],
    [{ tokenizer_class: 'LlamaTokenizer' }, { model_type: 'llama' }, { decoder: { type: 'ByteLevel' } }],
    [{ tokenizer_class: 'GPT2Tokenizer', auto_map: { AutoTokenizer: [null, 'mine.Mine'] } }],
    [{ tokenizer_class: 'BertTokenizer' }],
    [{}],
  ] as [object, object?, object?][])
    t.match(
      load(settings, config, other),
      { rebuilt: false, definition: { ...definition, ...other }, defaultTokens: {} },
      JSON.stringify(settings),
    );
});

t.test('the model type decides where no class is named, or a wrong one', async (t) => {
  t.equal(load({}, { model_type: 'opt' }).rebuilt, true);
  t.equal(load({}, { tokenizer_class: 'GemmaTokenizer' }).rebuilt, true);
  t.match(load({ tokenizer_class: 'LlamaTokenizerFast' }, { model_type: 'qwen2' }).definition.normalizer, { type: 'NFC' });
  t.match(load({ tokenizer_class: 'PreTrainedTokenizerFast' }, { model_type: 'gpt_neox' }), { rebuilt: false });
  t.match(load({ tokenizer_class: 'GPT2Tokenizer' }, { model_type: 'llama' }), { rebuilt: true }, 'SmolLM2 loses its digits');
});

t.test('names that every JavaScript object has are no classes and no model types', async (t) => {
  for (const name of ['constructor', 'toString', '__proto__']) {
    t.equal(load({ tokenizer_class: name }).rebuilt, false);
    t.equal(load({}, { model_type: name }).rebuilt, false);
  }
  t.equal(load({}, { model_type: { toString: 1 } }).rebuilt, false);
});
