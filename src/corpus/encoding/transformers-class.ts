import { isJson, type Json } from '../read-json-object.js';
import { tokenContent } from './complete-added-tokens.js';

/** A tokenizer class of transformers that builds its tokenizer itself and takes only part of tokenizer.json. */
interface TokenizerClass {
  /** Special tokens where tokenizer_config.json names none. */
  readonly tokens: Readonly<Record<string, string>>;
  /** What the class puts in place of tokenizer.json's parts. */
  readonly rebuild: (settings: Json, tokens: Readonly<Record<string, string | undefined>>) => Json;
}

/** A tokenizer.json as transformers uses it, and the class's own special tokens. */
export interface LoadedDefinition {
  readonly definition: Json;
  readonly defaultTokens: Readonly<Record<string, string>>;
  /** The class starts without tokenizer.json's added tokens, and numbers them as it adds them. */
  readonly rebuilt: boolean;
}

const OWN_MODEL = {
  dropout: null,
  unk_token: null,
  continuing_subword_prefix: null,
  end_of_word_suffix: null,
  fuse_unk: false,
  byte_fallback: false,
  ignore_merges: false,
};

/** Stands for a template that the vocabulary is needed for. */
const BEGINS_WITH_BOS: Json = {};

const byteLevel = (settings: Json, useRegex: boolean): Json => ({
  type: 'ByteLevel',
  add_prefix_space: settings.add_prefix_space === true,
  use_regex: useRegex,
});

const metaspace = (scheme: string): Json => ({ type: 'Metaspace', replacement: '▁', prepend_scheme: scheme, split: false });

/** Source: models/qwen2/tokenization_qwen2.py. */
const QWEN_2 =
  "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";

/** Source: models/…/tokenization_….py of transformers 5.23. */
const CLASSES: Readonly<Record<string, TokenizerClass>> = {
  LlamaTokenizer: {
    tokens: { unk_token: '<unk>', bos_token: '<s>', eos_token: '</s>' },
    rebuild: (settings) => ({
      model: { ...OWN_MODEL, fuse_unk: true, byte_fallback: true },
      normalizer: null,
      pre_tokenizer: metaspace(settings.add_prefix_space === false ? 'never' : settings.legacy ? 'always' : 'first'),
    }),
  },
  CodeLlamaTokenizer: {
    tokens: {
      unk_token: '<unk>',
      bos_token: '<s>',
      eos_token: '</s>',
      prefix_token: '▁<PRE>',
      middle_token: '▁<MID>',
      suffix_token: '▁<SUF>',
      eot_token: '▁<EOT>',
      fill_token: '<FILL_ME>',
    },
    rebuild: (settings, tokens) => ({
      model: { ...OWN_MODEL, fuse_unk: true, byte_fallback: true, unk_token: tokens.unk_token },
      normalizer: null,
      pre_tokenizer: metaspace(settings.add_prefix_space === false ? 'never' : 'first'),
      post_processor: BEGINS_WITH_BOS,
    }),
  },
  GemmaTokenizer: {
    tokens: { unk_token: '<unk>', bos_token: '<bos>', eos_token: '<eos>', pad_token: '<pad>', mask_token: '<mask>' },
    rebuild: (_, tokens) => ({
      model: { ...OWN_MODEL, fuse_unk: true, byte_fallback: true, unk_token: tokens.unk_token },
      normalizer: { type: 'Replace', pattern: { String: ' ' }, content: '▁' },
      pre_tokenizer: { type: 'Split', pattern: { String: ' ' }, behavior: 'MergedWithPrevious', invert: false },
    }),
  },
  GPT2Tokenizer: {
    tokens: { unk_token: '<|endoftext|>', bos_token: '<|endoftext|>', eos_token: '<|endoftext|>' },
    rebuild: (settings) => ({ model: OWN_MODEL, normalizer: null, pre_tokenizer: byteLevel(settings, true) }),
  },
  GPTNeoXTokenizer: {
    tokens: { unk_token: '<|endoftext|>', bos_token: '<|endoftext|>', eos_token: '<|endoftext|>', pad_token: '<|padding|>' },
    rebuild: (settings) => ({
      model: OWN_MODEL,
      normalizer: { type: 'NFC' },
      pre_tokenizer: byteLevel(settings, true),
      post_processor: null,
    }),
  },
  Qwen2Tokenizer: {
    tokens: { unk_token: '<|endoftext|>', eos_token: '<|endoftext|>', pad_token: '<|endoftext|>' },
    rebuild: (settings) => ({
      model: OWN_MODEL,
      normalizer: { type: 'NFC' },
      pre_tokenizer: {
        type: 'Sequence',
        pretokenizers: [{ type: 'Split', pattern: { Regex: QWEN_2 }, behavior: 'Isolated', invert: false }, byteLevel(settings, false)],
      },
    }),
  },
};

/** The class that transformers registers for a model_type; the others load tokenizer.json as it is. */
const REGISTERED: Readonly<Record<string, string>> = {
  ...Object.fromEntries(
    ['gemma', 'gemma2', 'gemma3', 'gemma3_text', 'gemma3n', 'gemma3n_text', 'recurrent_gemma'].map((type) => [type, 'GemmaTokenizer']),
  ),
  ...Object.fromEntries(['gpt2', 'gpt_neo', 'gptj', 'opt', 'phi', 'codegen', 'starcoder2'].map((type) => [type, 'GPT2Tokenizer'])),
  ...Object.fromEntries(['gpt_neox', 'mpt', 'olmo', 'olmoe', 'mamba', 'mamba2', 'falcon_mamba'].map((type) => [type, 'GPTNeoXTokenizer'])),
  ...Object.fromEntries(['qwen2', 'qwen2_moe', 'qwen3', 'qwen3_moe', 'qwen3_next'].map((type) => [type, 'Qwen2Tokenizer'])),
  ...Object.fromEntries(
    [
      'mistral',
      'mixtral',
      'ministral',
      'ministral3',
      'phi3',
      'phimoe',
      'nemotron',
      'olmo2',
      'olmo3',
      'granite',
      'granitemoe',
      'stablelm',
      'glm',
      'glm4',
    ].map((type) => [type, 'TokenizersBackend']),
  ),
  code_llama: 'CodeLlamaTokenizer',
};

/** Model types whose checkpoints name a wrong class, so that the registered one counts. */
const NAMED_WRONGLY = ['qwen2'];

const withoutFast = (name: string): string => name.replace(/Fast$/u, '');

/** The class that AutoTokenizer takes, undefined where it takes tokenizer.json as it is. */
const resolveClass = (definition: Json, settings: Json, config: Json): string | undefined => {
  // Code that comes with the checkpoint is not run here; its tokenizer.json is all there is to go by.
  if (isJson(settings.auto_map) ? settings.auto_map.AutoTokenizer : settings.auto_map) return undefined;
  const modelType = typeof config.model_type === 'string' ? config.model_type : '';
  const registered = Object.hasOwn(REGISTERED, modelType) ? REGISTERED[modelType] : undefined;
  const named = settings.tokenizer_class ?? config.tokenizer_class;
  if (typeof named !== 'string') return registered;
  const declared = withoutFast(named);
  if (
    declared === 'LlamaTokenizer' &&
    !NAMED_WRONGLY.includes(modelType) &&
    JSON.stringify([definition.pre_tokenizer, definition.decoder]).includes('"ByteLevel"')
  )
    return undefined;
  if (registered === undefined || registered === declared) return declared;
  if (registered === 'TokenizersBackend') return undefined;
  return NAMED_WRONGLY.includes(modelType) ? registered : declared;
};

/** A template that puts one token before the text. */
const beginWith = (token: string | undefined, definition: Json): Json => {
  const model = isJson(definition.model) && isJson(definition.model.vocab) ? definition.model.vocab : {};
  if (token === undefined || typeof model[token] !== 'number') return { type: 'ByteLevel' };
  return {
    type: 'TemplateProcessing',
    single: [{ SpecialToken: { id: token, type_id: 0 } }, { Sequence: { id: 'A', type_id: 0 } }],
    special_tokens: { [token]: { id: token, ids: [model[token]], tokens: [token] } },
  };
};

/**
 * Changes a tokenizer.json into what transformers' AutoTokenizer makes of it: since version 5 some classes build their
 * normalizer, pre-tokenizer and model options themselves, whatever the file says, and ignore add_bos_token and
 * add_eos_token of tokenizer_config.json where there is a tokenizer.json.
 *
 * @param settings tokenizer_config.json
 * @param config config.json
 *
 * Source: models/auto/tokenization_auto.py and tokenization_utils_tokenizers.py of transformers 5.23.
 */
export const loadAsTransformers = (definition: Json, settings: Json, config: Json): LoadedDefinition => {
  const name = resolveClass(definition, settings, config);
  const loader = name !== undefined && Object.hasOwn(CLASSES, name) ? CLASSES[name] : undefined;
  if (!loader) return { definition, defaultTokens: {}, rebuilt: false };
  const tokens = Object.fromEntries(
    Object.entries(loader.tokens).map(([role, token]) => [role, role in settings ? tokenContent(settings[role]) : token]),
  );
  const { model, post_processor: postProcessor, ...parts } = loader.rebuild(settings, tokens);
  const begins = postProcessor === BEGINS_WITH_BOS ? beginWith(tokens.bos_token, definition) : postProcessor;
  return {
    definition: {
      ...definition,
      ...parts,
      model: { ...(definition.model as Json), ...(model as Json) },
      ...(begins === undefined ? {} : { post_processor: begins }),
    },
    defaultTokens: loader.tokens,
    rebuilt: true,
  };
};
