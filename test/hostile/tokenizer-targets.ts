import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import fc from 'fast-check';
import { loadTokenizer } from '../../src/corpus/index.js';
import type { HostileTarget } from './hostile-target.js';
import { jsonMutations, mutateJson, type Mutation } from './mutations.js';

type Style = Readonly<Record<string, string>>;

const STYLES = fileURLToPath(new URL('../../../test/fixtures/tokenizer/styles.json.gz', import.meta.url));

const TEXTS = ['Hello, world! 12345  \n\n\t naïve ﬁ 中文 \u{1f600} <s> </s>', `${'a'.repeat(40)}!`, '', '   ', '\u0000\ud800 x'];

const FILES = ['tokenizer.json', 'tokenizer_config.json'] as const;

const fail = (what: string): never => {
  throw new Error(`accepted, but ${what}`);
};

const isId = (id: unknown): boolean => typeof id === 'number' && Number.isInteger(id) && id >= 0 && id < 2 ** 31;

const encodeAll = async (directory: string): Promise<void> => {
  const tokenizer = await loadTokenizer(directory);
  for (const text of TEXTS)
    for (const ids of [tokenizer.encode(text), tokenizer.encodeOrdinary(text)])
      if (!ids.every(isId)) fail(`"${text}" becomes ${ids.join()}`);
  for (const id of [tokenizer.bosTokenId, tokenizer.eosTokenId]) if (id !== undefined && !isId(id)) fail(`a special token is ${id}`);
  if (!isId(tokenizer.vocabularySize)) fail(`it has ${tokenizer.vocabularySize} tokens`);
};

interface TokenizerInput {
  readonly style: string;
  readonly mutation: Mutation;
}

/** Tokenizers in the shapes that checkpoints ship, one target for each of the two files that define them. */
export const tokenizerTargets = async (scratch: string): Promise<HostileTarget[]> => {
  const styles = JSON.parse(gunzipSync(await readFile(STYLES)).toString('utf8')) as Readonly<Record<string, Style>>;
  return FILES.map((hostile): HostileTarget => {
    const directory = join(scratch, hostile);
    const withFile = Object.keys(styles).filter((name) => hostile in styles[name]!);
    return {
      name: hostile,
      cases: 2_000,
      inputs: fc.record({ style: fc.constantFrom(...withFile), mutation: jsonMutations }),
      open: async ({ style, mutation }: TokenizerInput) => {
        await mkdir(directory, { recursive: true });
        const files = styles[style]!;
        for (const name of FILES)
          await writeFile(join(directory, name), name === hostile ? mutateJson(files[name]!, mutation) : (files[name] ?? '{}'));
        await writeFile(join(directory, 'config.json'), files['config.json'] ?? '{}');
        await encodeAll(directory);
      },
    };
  });
};
