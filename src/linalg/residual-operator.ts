import { columnsOf, rowsOf, ShapeMismatchError, type Matrix } from '../foundation/index.js';
import type { MatrixEngine } from '../runtime/index.js';
import { uniformMatrix } from './complete-basis.js';
import { orthonormalize } from './orthonormalize.js';
import { symmetricProduct } from './symmetric-product.js';
import { denseOperator, type SymmetricOperator } from './symmetric-operator.js';

/** Applications that an iteration makes of its operator; measured 8 to 12 on residuals of NF4 under decaying H's. */
const USUAL_APPLICATIONS = 10;

/** Operations to multiply G once by `columns` vectors without having it. */
const thinOperations = (m: number, n: number, columns: number): number => 2 * columns * n * (2 * m + n);

/**
 * Says whether G = E H Eᵀ should be formed: where it is no larger than H, and forming it costs less than the products it saves.
 *
 * @param columns of the blocks that G will be applied to
 * @param applications expected; 10 unless told
 */
export const formsResidualGram = (m: number, n: number, columns: number, applications = USUAL_APPLICATIONS): boolean =>
  m <= n && m * n * (2 * n + m) + 2 * applications * columns * m * m <= applications * thinOperations(m, n, columns);

/** What is known of the use of a `residualOperator`. */
export interface ResidualOperatorOptions {
  /** Columns of the blocks it will be applied to; 96 unless told. */
  readonly columns?: number;
  /** Applications expected; 10 unless told. */
  readonly applications?: number;
  /** Gives tr(E H Eᵀ), where the caller computes it anyway; asked only when G is not formed. */
  readonly trace?: (() => Promise<number>) | undefined;
}

/**
 * Wraps G = E H Eᵀ, the second moment of the residual's output.
 *
 * @param E residual W − Q, [m, n]
 * @param H symmetric, [n, n], both triangles filled
 * @returns G [m, m]: formed as `formsResidualGram` says (m · n · (2 n + m) operations once, 4 · m · (m + n) bytes), else applied as
 *   E (H (Eᵀ V))
 * @throws ShapeMismatchError when H does not fit E; retrying does not help
 */
export const residualOperator = async (
  E: Matrix,
  H: Matrix,
  engine: MatrixEngine,
  { columns = 96, applications, trace }: ResidualOperatorOptions = {},
): Promise<SymmetricOperator> => {
  const [m, n] = [rowsOf(E), columnsOf(E)];
  if (rowsOf(H) !== n || columnsOf(H) !== n)
    throw new ShapeMismatchError(`A residual [${m}, ${n}] needs an H [${n}, ${n}], not [${rowsOf(H)}, ${columnsOf(H)}].`);
  if (formsResidualGram(m, n, columns, applications))
    return denseOperator(await symmetricProduct(await engine.multiply(E, H), E, engine), engine);
  return {
    dimension: m,
    trace: await trace?.(),
    apply: async (V) => engine.multiply(E, await engine.multiply(H, await engine.multiply(E, V, { transposeA: true }))),
    // E times the leading directions of H is near the wanted span; two products with H cost less than one application.
    draw: async (count, stream) => {
      const turned = await orthonormalize(await engine.multiply(H, uniformMatrix(n, count, stream)), engine);
      return engine.multiply(E, await engine.multiply(H, turned));
    },
  };
};
