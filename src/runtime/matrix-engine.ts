import type { Matrix } from '../foundation/index.js';

/** How `MatrixEngine.multiply` reads its operands. */
export interface MultiplyOptions {
  /** Use Aᵀ in place of A. */
  readonly transposeA?: boolean;
  /** Use Bᵀ in place of B. */
  readonly transposeB?: boolean;
}

/**
 * The one seam through which every matrix product larger than rank × rank goes.
 *
 * Inside a worker it is ONNX Runtime itself; on the main thread it is a proxy that the workers serve. Code that
 * takes an engine runs unchanged in either place.
 */
export interface MatrixEngine {
  /**
   * Multiplies op(A) · op(B) in float32.
   *
   * @param A [m, k], or [k, m] with `transposeA`
   * @param B [k, n], or [n, k] with `transposeB`
   * @returns a new row-major [m, n] matrix; the operands are left as they were
   * @throws ShapeMismatchError naming both shapes; retrying does not help
   */
  multiply(A: Matrix, B: Matrix, options?: MultiplyOptions): Promise<Matrix>;
}
