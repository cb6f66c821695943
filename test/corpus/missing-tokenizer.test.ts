import t from 'tap';
import { missingTokenizer } from '../../src/corpus/missing-tokenizer.js';

t.test('says how to convert what is there', async (t) => {
  const message = (...names: string[]) => missingTokenizer('/models/m', names).message;
  const convert = (options = '') => `AutoTokenizer.from_pretrained("/models/m"${options}).save_pretrained("/models/m")`;
  t.equal(missingTokenizer('d', []).code, 'QL_TOKENIZER_MISSING');
  for (const name of ['tokenizer.model', 'spiece.model', 'sentencepiece.bpe.model']) {
    t.match(message(name, 'config.json'), `/models/m holds ${name}, but no tokenizer.json`);
    t.match(
      message(name),
      `pip install transformers sentencepiece protobuf, then python -c 'from transformers import AutoTokenizer; ${convert()}'`,
    );
  }
  t.match(message('vocab.json', 'merges.txt'), /holds vocab\.json and merges\.txt.*pip install transformers, /);
  t.match(message('tekken.json', 'tokenizer.model'), convert(', mistral_format=False'));
  t.match(message('vocab.txt'), convert());
});

t.test('says so where there is nothing to convert', async (t) => {
  t.match(missingTokenizer('m', ['vocab.json']).message, /m holds no tokenizer\.json\. Copy it/);
});
