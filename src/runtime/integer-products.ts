import { GraphBuilder } from '../graph/index.js';
import { Session } from './session.js';

const ROWS = [1, 37] as const;
const INNER = 520;
const COLUMNS = 40;

/** Extreme digits: whole rows and columns of them, and rows where they alternate. */
const extreme = (row: number, i: number, low: number, high: number): number =>
  row % 3 === 0 || (row % 3 === 2 && i % 2 === 0) ? high : low;

/** [inner, columns] */
const weights = (): Int8Array =>
  Int8Array.from({ length: INNER * COLUMNS }, (_, at) => extreme(at % COLUMNS, Math.floor(at / COLUMNS), -128, 127));

const productGraph = (): Uint8Array => {
  const graph = new GraphBuilder('integer products');
  const x = graph.input('x', 'U8', ['rows', INNER]);
  const W = graph.embedded('I8', [INNER, COLUMNS], new Uint8Array(weights().buffer));
  const scales = [graph.floats([1], []), graph.floats(new Float32Array(COLUMNS).fill(1), [COLUMNS])];
  const zero = graph.embedded('U8', [], Uint8Array.of(128));
  graph.output(graph.node('MatMulIntegerToFloat', [x, W, ...scales, zero], {}, 'com.microsoft'), 'F32', ['rows', COLUMNS], 'y');
  return graph.serialize();
};

/**
 * Tells whether ONNX Runtime multiplies uint8 by int8 exactly on this processor, extreme values included.
 *
 * Without VNNI its x86 kernels add pairs of products in saturating 16-bit integers, and 255 · 127 twice does not fit.
 *
 * @throws RuntimeError QL_RUNTIME when ONNX Runtime lacks the operator
 */
export const multipliesIntegersExactly = async (): Promise<boolean> => {
  const W = weights();
  const session = await Session.open('a test of integer products', productGraph());
  try {
    for (const rows of ROWS) {
      const x = Uint8Array.from({ length: rows * INNER }, (_, at) => extreme(Math.floor(at / INNER), at % INNER, 0, 255));
      const y = new Float32Array(rows * COLUMNS);
      await session.run({ x: { data: x, shape: [rows, INNER] } }, { y: { data: y, shape: [rows, COLUMNS] } });
      const exact = y.every((value, at) => {
        const row = Math.floor(at / COLUMNS);
        let sum = 0;
        for (let i = 0; i < INNER; i++) sum += (x[row * INNER + i]! - 128) * W[i * COLUMNS + (at % COLUMNS)]!;
        return value === sum;
      });
      if (!exact) return false;
    }
    return true;
  } finally {
    await session.release();
  }
};
