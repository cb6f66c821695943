/**
 * A quantizer of your own: symmetric int4 with one scale a row, written as plain dequantized weights.
 *
 *   quailora run pipelines/examples/int4-rows.ts MODEL CALIBRATION OUTPUT [TOKENS] [WINDOW] [RANK]
 *
 * OUTPUT/base is an ordinary full-precision checkpoint (it loads without bitsandbytes) whose weights take only 15
 * values a row; OUTPUT/adapter is the correction that belongs to it.
 */
import {
  columnsOf,
  fromFloat32,
  matrix,
  readHubSettings,
  roundTo,
  rowMajor,
  rowsOf,
  STOCK_SETTINGS,
  toFloat32,
  type Matrix,
  type Quantizer,
} from 'quailora';
import { initialize } from 'quailora/pipelines/initialize';
import { lastValueFrom } from 'rxjs';

const quantizeRows = (W: Matrix): Matrix => {
  const [rows, columns] = [rowsOf(W), columnsOf(W)];
  const Q = matrix(rows, columns, rowMajor(W).slice());
  for (let i = 0; i < rows; i++) {
    const row = Q.data.subarray(i * columns, (i + 1) * columns);
    const scale = row.reduce((peak, value) => Math.max(peak, Math.abs(value)), 0) / 7;
    if (scale > 0) row.forEach((value, j) => (row[j] = Math.round(value / scale) * scale));
  }
  return Q;
};

const int4Rows: Quantizer = {
  name: 'int4 rows',
  bits: 4,
  quantize: (W, { dtype }) => {
    // What is stored is what will be loaded, so the rounding to the checkpoint's type belongs to Q.
    const Q = quantizeRows(W);
    roundTo(Q.data, dtype);
    return { tensors: { weight: { dtype, shape: [rowsOf(Q), columnsOf(Q)], bytes: fromFloat32(Q.data, dtype) } }, dequantized: Q };
  },
  dequantize: ({ weight }, [rows, columns], { dtype }) => {
    if (!weight) throw new Error('int4 rows stores one tensor, "weight".');
    return matrix(rows, columns, toFloat32(weight.bytes, dtype));
  },
  quantizationConfig: () => undefined,
};

const [model, calibration, output, tokens = '16384', window = '512', rank = '64'] = process.argv.slice(2);
if (model === undefined || calibration === undefined || output === undefined) throw new Error('Give MODEL, CALIBRATION and OUTPUT.');

const budget = { kind: 'tokens', tokens: Number(tokens) } as const;
const job = {
  ...STOCK_SETTINGS,
  ...{ model, calibration, output, budget, windowTokens: Number(window), rank: Number(rank), writeBase: true },
  hub: () => readHubSettings(process.env),
};
const event = await lastValueFrom(initialize(job, { quantizer: int4Rows }));
if (event.type === 'result') {
  const { lossRatio, heldOutLossRatio, modules } = event.result.totals;
  console.log(JSON.stringify({ quantizer: int4Rows.name, modules, lossRatio, heldOutLossRatio }));
}
