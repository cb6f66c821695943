import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { tableFromIPC } from 'apache-arrow';
import t from 'tap';
import { readStatistic, writeStatistic } from '../../src/transport/index.js';
import { symmetricPanels } from './symmetric-panels.js';

const H = { block: 3, input: 'mlp', split: 'calibration', kind: 'H', tokens: 640, modules: ['a.gate_proj', 'a.up_proj'] } as const;
const G = { block: 3, input: 'down', split: 'heldOut', kind: 'G', tokens: 64, modules: ['a.down_proj'], quantizer: 'nf4' } as const;

for (const [n, meaning] of [
  [1, H],
  [7, G],
  [300, H],
  [1500, { ...H, input: 'of more than one batch' }],
] as const)
  t.test(`a sum of ${n} × ${n} survives the way through a file, bit for bit`, async (t) => {
    const [path, panels] = [join(t.testdir(), 'sum.arrow'), symmetricPanels(n, n)];
    const written = await writeStatistic(path, { ...meaning, n }, panels);
    const bytes = await readFile(path);
    t.same(written, { bytes: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') });
    t.ok(bytes.length < 2 * n * (n + 1) + 4096 + 512 * Math.ceil((n * n) / 2 / 2 ** 20), 'the lower triangle is not stored');
    const back = await readStatistic(path, written.sha256);
    t.same(back.meaning, { ...meaning, n });
    t.same(back.panels, panels);
    t.same(await readdir(join(path, '..')), ['sum.arrow']);
    t.same(await writeStatistic(path, { ...meaning, n }, panels), written, 'equal sums give equal bytes');
  });

t.test('any Arrow library reads the file', async (t) => {
  const path = join(t.testdir(), 'sum.arrow');
  await writeStatistic(path, { ...G, n: 3 }, [Float32Array.of(1, 2, 3, 777, 4, 5, 777, 777, 6)]);
  const table = tableFromIPC(await readFile(path));
  t.equal(table.schema.toString(), 'Schema<{ 0: upper: Float32 }>');
  t.same([...(table.getChild('upper') as Iterable<number>)], [1, 2, 3, 4, 5, 6]);
  t.match(Object.fromEntries(table.schema.metadata), {
    ...{ quailora: 'statistic', block: '3', input: 'down', split: 'heldOut', kind: 'G', n: '3', tokens: '64', dtype: 'float32' },
    ...{ modules: 'a.down_proj', quantizer: 'nf4', sum: /\(E x\)\(E x\)\^T/, layout: /upper.*numpy\.triu_indices\(n\)/ },
  });
  t.same((await readStatistic(path)).panels, [Float32Array.of(1, 2, 3, 2, 4, 5, 3, 5, 6)], 'what lay below the diagonal is made again');
});

t.test('a path that can not be written has its code', async (t) => {
  const file = join(t.testdir({ file: '' }), 'file');
  await t.rejects(writeStatistic(join(file, 'sum.arrow'), { ...H, n: 40 }, symmetricPanels(40, 1)), { code: 'QL_UNWRITABLE' });
});
