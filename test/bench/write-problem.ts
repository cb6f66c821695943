import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { matrix, random, roundTo, type Matrix } from '../../src/foundation/index.js';
import { nf4, quantizeResidual } from '../../src/quantizers/index.js';
import { symmetricProduct } from '../../src/linalg/index.js';
import { ortMatrixEngine } from '../../src/runtime/index.js';

/** What a problem is made from. */
export interface ProblemShape {
  /** Output features. */
  readonly m: number;
  /** Input features. */
  readonly n: number;
  /** The k-th eigenvalue of the inputs' second moment falls as k^−decay. */
  readonly decay: number;
  readonly seed: number;
  /** False where only the residual is wanted. */
  readonly statistic: boolean;
}

const TOKENS = 8192;
const OUTLIERS_EVERY = 512;
const OUTLIER_SIZE = 20;

const normals = (rows: number, columns: number, seed: number): Matrix => {
  const stream = random(seed);
  const M = matrix(rows, columns);
  for (let i = 0; i < M.data.length; i++) M.data[i] = stream.normal();
  return M;
};

const residual = async ({ m, n, seed }: ProblemShape): Promise<Matrix> => {
  const W = normals(m, n, seed);
  for (let i = 0; i < W.data.length; i++) W.data[i] = 0.02 * W.data[i]!;
  roundTo(W.data, 'BF16');
  return (await quantizeResidual(W, nf4, { module: 'bench', dtype: 'BF16' })).E;
};

/**
 * H = tokens · D (Mᵀ K M / n + 10⁻³ I) D: K falls as k^−decay, M is normal, D holds log-normal scales of the channels (σ ½) and
 * outliers twenty times as large, one in 512, as the inputs of a trained decoder have them.
 */
const statistic = async ({ n, decay, seed }: ProblemShape): Promise<Matrix> => {
  const stream = random(seed + 1);
  const scales = Float64Array.from({ length: n }, (_, j) => (j % OUTLIERS_EVERY === 17 ? OUTLIER_SIZE : 1) * Math.exp(stream.normal() / 2));
  const MD = normals(n, n, seed + 2);
  // Rows are channels here, columns the directions that decay.
  for (let j = 0, at = 0; j < n; j++)
    for (let k = 1; k <= n; k++, at++) MD.data[at] = MD.data[at]! * scales[j]! * k ** (-decay / 2) * Math.sqrt(TOKENS / n);
  const engine = ortMatrixEngine();
  const H = await symmetricProduct(MD, MD, engine);
  await engine.close();
  for (let j = 0; j < n; j++) H.data[j * n + j] = H.data[j * n + j]! + TOKENS * 1e-3 * scales[j]! ** 2;
  return H;
};

/** Writes the residual of a random weight under NF4, and an H of realistic decay, as files that every contender reads. */
export const writeProblem = async (directory: string, shape: ProblemShape): Promise<void> => {
  await mkdir(directory, { recursive: true });
  const save = ({ data }: Matrix, name: string): Promise<void> => writeFile(join(directory, name), data);
  await save(await residual(shape), 'E.f32');
  if (shape.statistic) await save(await statistic(shape), 'H.f32');
  await writeFile(join(directory, 'problem.json'), JSON.stringify({ ...shape, tokens: TOKENS }));
};
