import { mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { openCheckpoint, sampleWeights, writeSafetensors } from '../../src/checkpoint/index.js';

const LENGTH = 100_000;
const model = async (directory: string, change?: number, name = 'w', file = 'model.safetensors'): Promise<string> => {
  await mkdir(directory, { recursive: true });
  const bytes = Uint8Array.from({ length: LENGTH }, (_, i) => i % 251);
  if (change !== undefined) bytes[change]! ^= 1;
  await writeSafetensors(join(directory, 'model.safetensors'), {
    [name]: { dtype: 'U8', shape: [LENGTH], bytes },
    small: { dtype: 'U8', shape: [9], bytes: bytes.slice(0, 9) },
  });
  if (file !== 'model.safetensors') await rename(join(directory, 'model.safetensors'), join(directory, file));
  await writeFile(join(directory, 'config.json'), '{}');
  return sampleWeights(await openCheckpoint(directory));
};

t.test('equal weights are equal wherever they lie; names, first, middle and last bytes count', async (t) => {
  const root = t.testdir();
  const [first, same] = [await model(join(root, 'a')), await model(join(root, 'b', 'c'))];
  t.match(first, /^[0-9a-f]{64}$/);
  t.equal(first, same);
  const others = await Promise.all([3, LENGTH / 2, LENGTH - 1].map((change, i) => model(join(root, `d${i}`), change)));
  t.equal(new Set([first, ...others, await model(join(root, 'e'), undefined, 'v')]).size, 5);
  t.equal(await model(join(root, 'f'), LENGTH / 4), first, 'what lies between the samples does not');
});

t.test('weights that are still to come are known by what their source tells', async (t) => {
  const supplied = (sha256: string, commit: string): Promise<string> =>
    sampleWeights({
      ...{ tensors: new Map(), shards: ['model.safetensors'] },
      supply: {
        ...{ commit, files: [], announced: async () => ({ sha256, verified: true }) },
        ...{ require: async () => undefined, release: async () => undefined, close: async () => undefined },
      },
    });
  t.equal(await supplied('aa', 'c1'), await supplied('aa', 'c2'));
  t.not(await supplied('aa', 'c1'), await supplied('bb', 'c1'));
});
