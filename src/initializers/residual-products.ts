import type { Matrix } from '../foundation/index.js';
import { weightedSquares } from '../linalg/index.js';
import type { MatrixEngine } from '../runtime/index.js';

/** What solver and certificate both need of one residual; each value is computed once, when it is first asked for. */
export interface ResidualProducts {
  /**
   * tr(E H Eᵀ), the squared output error of no correction, summed over the tokens.
   *
   * @param H known by identity; one that the products were not made with is computed apart
   */
  weightedSquare(H: Matrix): Promise<number>;
}

/**
 * Prepares the shared products of a residual with its sums.
 *
 * Hand the same object to `initialize` and `certify`: the products of all sums then cost one EᵀE.
 *
 * @param E residual W − Q, [m, n]; not to be changed while the products are in use
 * @param sums every H that will be asked for, [n, n] each, both triangles filled
 */
export const residualProducts = (E: Matrix, sums: readonly Matrix[], engine: MatrixEngine): ResidualProducts => {
  const known = new Map<Matrix, Promise<number>>();
  const compute = (asked: readonly Matrix[]): void => {
    const squares = weightedSquares(E, asked, engine);
    asked.forEach((H, i) => {
      const square = squares.then((values) => values[i]!);
      // Whoever asks sees a failure; of the sums that nobody asks for it must not end the process.
      square.catch(() => undefined);
      known.set(H, square);
    });
  };
  return {
    weightedSquare: (H) => {
      if (!known.has(H)) compute(sums.includes(H) ? [...new Set(sums)] : [H]);
      return known.get(H)!;
    },
  };
};
