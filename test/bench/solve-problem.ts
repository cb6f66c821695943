/**
 * quailora's contender of compare-solvers: reads a problem, solves it, writes its factors.
 *
 * usage: node dist/test/bench/solve-problem.js PROBLEM OUTPUT [--rank 64] [--threads 1] [--solver exact|svd]
 *
 * Prints one JSON object; seconds are those of the solve alone, like its peers'. A corner of the problem is solved before,
 * since a worker opens the engine's sessions and compiles its code once for hundreds of layers.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { matrix, rowMajor, type Matrix } from '../../src/foundation/index.js';
import { exact, svd, type Factors, type InitializerProblem, type Statistic } from '../../src/initializers/index.js';
import { nf4 } from '../../src/quantizers/index.js';
import { ortMatrixEngine } from '../../src/runtime/index.js';

const readMatrix = async (path: string, rows: number, columns: number): Promise<Matrix> => {
  const { buffer } = new Uint8Array(await readFile(path));
  return matrix(rows, columns, new Float32Array(buffer));
};

const problemOf = (E: Matrix, statistic: Statistic | undefined, rank: number): InitializerProblem => ({
  ...{ module: 'bench', E, W: E, statistic, rank, quantizer: nf4, quantizeOptions: { module: 'bench', dtype: 'BF16' } },
  // Neither solver reads W or its quantization.
  quantized: { tensors: {}, dequantized: E },
});

const main = async (): Promise<void> => {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      rank: { type: 'string', default: '64' },
      threads: { type: 'string', default: '1' },
      solver: { type: 'string', default: 'exact' },
    },
  });
  const [directory, output] = positionals;
  const solver = values.solver === 'svd' ? svd : exact;
  if (!directory || !output || !['exact', 'svd'].includes(values.solver))
    throw new Error('usage: solve-problem.js PROBLEM OUTPUT [--solver exact|svd]');
  const { m, n, tokens } = JSON.parse(await readFile(join(directory, 'problem.json'), 'utf8')) as { m: number; n: number; tokens: number };
  const E = await readMatrix(join(directory, 'E.f32'), m, n);
  const usesStatistic = values.solver === 'exact';
  const statistic: Statistic | undefined = usesStatistic
    ? { kind: 'H', sum: await readMatrix(join(directory, 'H.f32'), n, n), tokens }
    : undefined;
  const linalg = ortMatrixEngine(Number(values.threads));
  const solve = (E: Matrix, statistic: Statistic | undefined): Promise<Factors> =>
    solver().initialize(problemOf(E, statistic, Number(values.rank)), { linalg });
  const size = Math.min(m, n, 512);
  const corner = (M: Matrix): Matrix => matrix(size, size, rowMajor(M.hi(size, size)).slice());
  await solve(corner(E), statistic && { ...statistic, sum: corner(statistic.sum) });

  const begin = performance.now();
  const beginCpu = process.cpuUsage();
  const { A, B } = await solve(E, statistic);
  const { user, system } = process.cpuUsage(beginCpu);
  const seconds = (performance.now() - begin) / 1000;
  await linalg.close();
  await writeFile(join(output, 'A.f32'), rowMajor(A));
  await writeFile(join(output, 'B.f32'), rowMajor(B));
  const peakRssBytes = process.resourceUsage().maxRSS * 1024;
  process.stdout.write(`${JSON.stringify({ seconds, cpuSeconds: (user + system) / 1e6, peakRssBytes, versions: {} })}\n`);
};

await main();
