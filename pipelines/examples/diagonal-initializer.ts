/**
 * An initializer of your own: the SVD of E with its input channels weighted by their root mean square.
 *
 *   quailora run pipelines/examples/diagonal-initializer.ts MODEL CALIBRATION OUTPUT [TOKENS] [WINDOW] [RANK]
 *
 * It sees only the diagonal of H, so it lies between the plain SVD and the optimum.
 */
import {
  columnsOf,
  matrix,
  readHubSettings,
  rowMajor,
  rowsOf,
  STOCK_SETTINGS,
  truncatedSvd,
  type Initializer,
  type Matrix,
} from 'quailora';
import { initialize } from 'quailora/pipelines/initialize';
import { lastValueFrom } from 'rxjs';

/** E with each column multiplied by its weight. */
const weightColumns = (E: Matrix, weights: Float32Array): Matrix =>
  matrix(
    rowsOf(E),
    columnsOf(E),
    rowMajor(E).map((value, i) => value * weights[i % weights.length]!),
  );

const diagonal: Initializer = {
  name: 'diagonal',
  projectsResidual: false, // asks for H, whose diagonal it reads
  requantizes: false,
  usesStatistic: true,
  initialize: async ({ module, E, statistic, rank }, { linalg }) => {
    if (statistic?.kind !== 'H') throw new Error(`${module}: the diagonal initializer needs an H.`);
    const { sum, tokens } = statistic;
    const weights = Float32Array.from({ length: columnsOf(E) }, (_, j) => Math.sqrt(sum.get(j, j) / tokens) + 1e-6);
    const { U } = await truncatedSvd(weightColumns(E, weights), Math.min(rank, rowsOf(E), columnsOf(E)), linalg);
    const A = matrix(rowsOf(E), rank);
    for (let i = 0; i < rowsOf(U); i++) for (let k = 0; k < columnsOf(U); k++) A.set(i, k, U.get(i, k));
    return { A, B: await linalg.multiply(E, A, { transposeA: true }) };
  },
};

const [model, calibration, output, tokens = '16384', window = '512', rank = '64'] = process.argv.slice(2);
if (model === undefined || calibration === undefined || output === undefined) throw new Error('Give MODEL, CALIBRATION and OUTPUT.');

const budget = { kind: 'tokens', tokens: Number(tokens) } as const;
const job = {
  ...STOCK_SETTINGS,
  ...{ model, calibration, output, budget, windowTokens: Number(window), rank: Number(rank) },
  hub: () => readHubSettings(process.env),
};
const event = await lastValueFrom(initialize(job, { initializer: diagonal }));
if (event.type === 'result') {
  const { lossRatio, heldOutLossRatio, modules } = event.result.totals;
  console.log(JSON.stringify({ initializer: diagonal.name, modules, lossRatio, heldOutLossRatio }));
}
