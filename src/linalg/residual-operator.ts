import { columnsOf, rowsOf, ShapeMismatchError, type Matrix } from '../foundation/index.js';
import type { MatrixEngine } from '../runtime/index.js';
import { denseOperator, type SymmetricOperator } from './symmetric-operator.js';

/**
 * Wraps G = E H Eᵀ, the second moment of the residual's output, without forming it where it would be larger than H.
 *
 * @param E residual W − Q, [m, n]
 * @param H symmetric, [n, n], both triangles filled
 * @returns G [m, m]: formed when m ≤ n (2 · m · n · (m + n) operations once), else applied as E (H (Eᵀ V))
 * @throws ShapeMismatchError when H does not fit E; retrying does not help
 */
export const residualOperator = async (E: Matrix, H: Matrix, engine: MatrixEngine): Promise<SymmetricOperator> => {
  const [m, n] = [rowsOf(E), columnsOf(E)];
  if (rowsOf(H) !== n || columnsOf(H) !== n)
    throw new ShapeMismatchError(`A residual [${m}, ${n}] needs an H [${n}, ${n}], not [${rowsOf(H)}, ${columnsOf(H)}].`);
  if (m <= n) return denseOperator(await engine.multiply(await engine.multiply(E, H), E, { transposeB: true }), engine);
  return {
    dimension: m,
    trace: undefined,
    apply: async (V) => engine.multiply(E, await engine.multiply(H, await engine.multiply(E, V, { transposeA: true }))),
  };
};
