import { columnsOf, isRowMajor, matrix, rowMajor, rowsOf, ShapeMismatchError, transposed, type Matrix } from '../foundation/index.js';
import { GraphBuilder } from '../graph/index.js';
import type { MatrixEngine, MultiplyOptions } from './matrix-engine.js';
import { Session } from './session.js';
import { unvaryingThreads } from './unvarying-threads.js';

const productGraph = (transA: boolean, transB: boolean): Uint8Array => {
  const graph = new GraphBuilder('multiply');
  const a = graph.input('A', 'F32', ['a0', 'a1']);
  const b = graph.input('B', 'F32', ['b0', 'b1']);
  const attributes = { transA: { int: Number(transA) }, transB: { int: Number(transB) } };
  graph.output(graph.node('FusedMatMul', [a, b], attributes, 'com.microsoft'), 'F32', ['c0', 'c1'], 'C');
  return graph.serialize();
};

/** A matrix engine that computes on the calling thread, and must be closed. */
export interface OrtMatrixEngine extends MatrixEngine {
  /** Releases its sessions. */
  close(): Promise<void>;
}

/**
 * Makes a matrix engine on ONNX Runtime's float32 products.
 *
 * A transposed view of a row-major matrix is multiplied as it lies; any other strided view is copied first.
 *
 * @param threads threads inside one product, where they don't change its result
 */
export const ortMatrixEngine = (threads = 1): OrtMatrixEngine => {
  const sessions = new Map<string, Promise<Session>>();
  const sessionFor = (transA: boolean, transB: boolean, used: number): Promise<Session> => {
    const key = `${transA} ${transB} ${used}`;
    let session = sessions.get(key);
    if (!session) sessions.set(key, (session = Session.open('a matrix product', productGraph(transA, transB), { threads: used })));
    return session;
  };
  const operand = (a: Matrix, transpose: boolean): { stored: Matrix; transpose: boolean } =>
    !isRowMajor(a) && isRowMajor(transposed(a)) ? { stored: transposed(a), transpose: !transpose } : { stored: a, transpose };
  const tensor = (a: Matrix): { data: Float32Array; shape: number[] } => ({ data: rowMajor(a), shape: [rowsOf(a), columnsOf(a)] });

  return {
    multiply: async (A: Matrix, B: Matrix, { transposeA = false, transposeB = false }: MultiplyOptions = {}): Promise<Matrix> => {
      const [rows, inner] = transposeA ? [columnsOf(A), rowsOf(A)] : [rowsOf(A), columnsOf(A)];
      const [innerB, columns] = transposeB ? [columnsOf(B), rowsOf(B)] : [rowsOf(B), columnsOf(B)];
      if (inner !== innerB)
        throw new ShapeMismatchError(`Can't multiply [${rows}, ${inner}] by [${innerB}, ${columns}]: the inner sizes differ.`);
      const product = matrix(rows, columns);
      if (rows === 0 || columns === 0 || inner === 0) return product;
      const a = operand(A, transposeA);
      const b = operand(B, transposeB);
      const used = a.transpose ? threads : unvaryingThreads({ rows, inner, columns }, threads);
      const session = await sessionFor(a.transpose, b.transpose, used);
      await session.run({ A: tensor(a.stored), B: tensor(b.stored) }, { C: { data: product.data, shape: [rows, columns] } });
      return product;
    },
    close: async () => {
      const open = [...sessions.values()];
      sessions.clear();
      for (const session of open) await (await session).release();
    },
  };
};
