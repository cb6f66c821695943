import t from 'tap';
import { matrix, rowMajor, transposed, type Matrix } from '../../src/foundation/index.js';
import { gramGraph, gramPanels } from '../../src/graph/index.js';
import { Session, type SessionTensor } from '../../src/runtime/index.js';
import { naiveProduct, normalMatrix } from '../linalg/naive-engine.js';

/** Adds chunks to panels that start at `start` everywhere, in place; returns the upper triangle, the rest NaN. */
const gram = async (chunks: readonly Matrix[], E: Matrix | undefined, start: number): Promise<Matrix> => {
  const width = chunks[0]!.shape[1]!;
  const n = E ? E.shape[0]! : width;
  const session = await Session.open('a Gram sum', gramGraph(width, E?.shape[0]));
  const panels = gramPanels(n).map(({ begin, end }) => ({
    data: new Float32Array((end - begin) * (n - begin)).fill(start),
    shape: [end - begin, n - begin],
  }));
  for (const x of chunks) {
    const feeds: Record<string, SessionTensor> = { x: { data: rowMajor(x), shape: x.shape } };
    if (E) feeds['E'] = { data: rowMajor(E), shape: E.shape };
    panels.forEach((panel, p) => (feeds[`panel_${p}`] = panel));
    await session.run(feeds, Object.fromEntries(panels.map((panel, p) => [`sum_${p}`, panel])));
  }
  await session.release();
  const sum = matrix(n, n);
  sum.data.fill(NaN);
  gramPanels(n).forEach(({ begin, end }, p) => {
    for (let i = begin; i < end; i++)
      for (let j = begin; j < n; j++) sum.set(i, j, panels[p]!.data[(i - begin) * (n - begin) + j - begin]!);
  });
  return sum;
};

/** Largest error over i ≤ j relative to √(Hᵢᵢ Hⱼⱼ), which bounds |Hᵢⱼ|. */
const upperError = (sum: Matrix, expected: Matrix): number => {
  let worst = 0;
  for (let i = 0; i < expected.shape[0]!; i++)
    for (let j = i; j < expected.shape[0]!; j++) {
      const scale = Math.sqrt(expected.get(i, i) * expected.get(j, j));
      const error = Math.abs(sum.get(i, j) - expected.get(i, j)) / scale;
      worst = error <= worst ? worst : error;
    }
  return worst;
};

const stacked = (chunks: readonly Matrix[]): Matrix => {
  const width = chunks[0]!.shape[1]!;
  const rows = chunks.map((chunk) => [...rowMajor(chunk)]).flat();
  return matrix(rows.length / width, width, Float32Array.from(rows));
};

t.test('the sum of x xᵀ over several chunks', async (t) => {
  for (const [width, ...rows] of [
    [1, 5, 1],
    [7, 1, 3],
    [64, 33, 64],
    [300, 20, 7],
    [1100, 9],
  ] as [number, ...number[]][]) {
    const chunks = rows.map((count, i) => normalMatrix(count, width, 10 * width + i));
    const all = stacked(chunks);
    const error = upperError(await gram(chunks, undefined, 0), naiveProduct(transposed(all), all));
    t.ok(error < 1e-6, `width ${width}, ${rows.join(' + ')} rows: ${error}`);
  }
});

t.test('the sum of (E x)(E x)ᵀ over several chunks', async (t) => {
  for (const [out, width, ...rows] of [
    [1, 7, 4],
    [7, 1, 4],
    [64, 300, 33, 2],
    [300, 64, 20, 7],
    [1100, 5, 9],
  ] as [number, number, ...number[]][]) {
    const E = normalMatrix(out, width, out);
    const chunks = rows.map((count, i) => normalMatrix(count, width, 10 * width + i));
    const projected = naiveProduct(stacked(chunks), transposed(E));
    const error = upperError(await gram(chunks, E, 0), naiveProduct(transposed(projected), projected));
    t.ok(error < 2e-6, `E [${out}, ${width}], ${rows.join(' + ')} rows: ${error}`);
  }
});

t.test('sums are added to what the panels hold', async (t) => {
  const x = normalMatrix(4, 300, 3);
  const from0 = await gram([x], undefined, 0);
  const from8 = await gram([x], undefined, 8);
  let worst = 0;
  for (let i = 0; i < 300; i++) for (let j = i; j < 300; j++) worst = Math.max(worst, Math.abs(from8.get(i, j) - from0.get(i, j) - 8));
  t.ok(worst < 1e-5, `${worst}`);
});

t.test('activations with massive outliers keep their small neighbours', async (t) => {
  const x = normalMatrix(64, 40, 9);
  for (let i = 0; i < 64; i++) x.set(i, 3, 3000 * x.get(i, 3));
  t.ok(upperError(await gram([x], undefined, 0), naiveProduct(transposed(x), x)) < 1e-6);
});
