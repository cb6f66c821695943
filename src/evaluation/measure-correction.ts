import { columnsOf, matrix, rowMajor, rowsOf, type Matrix } from '../foundation/index.js';
import { certify, type CertifiedLayer, type LayerLoss } from '../initializers/index.js';
import { orthonormalize } from '../linalg/index.js';
import type { MatrixEngine } from '../runtime/index.js';

/** A product A Bᵀ counts as a projection of E when it differs by less than this part; float32 factors keep 10⁻⁶. */
export const PROJECTION_TOLERANCE = 1e-4;

/** What a correction A Bᵀ is to a residual E, without any text; U is an orthonormal basis of A's columns. */
export interface UnweightedMeasure {
  /** ‖E‖² and ‖E − A Bᵀ‖², Frobenius. */
  readonly loss: LayerLoss;
  /** ‖A Bᵀ‖ */
  readonly length: number;
  /** ‖A Bᵀ − U UᵀE‖ ÷ ‖U UᵀE‖; 0 for a projection of E, infinite where there is nothing to project. */
  readonly gap: number;
  /** The factor c for which A Bᵀ is nearest to c · U UᵀE; 1 for a projection. */
  readonly factor: number;
  /** ‖A Bᵀ − c · U UᵀE‖ ÷ ‖A Bᵀ‖; 0 where the scale is all that is wrong. */
  readonly gapAfterScaling: number;
}

/** The losses of a correction on the calibration tokens and on held-out ones, per token. */
export interface WeightedMeasure {
  readonly loss: LayerLoss;
  readonly heldOut: LayerLoss | null;
}

const inner = (x: Float32Array, y: Float32Array): number => {
  let sum = 0;
  for (let i = 0; i < x.length; i++) sum += x[i]! * y[i]!;
  return sum;
};

const ratio = (part: number, whole: number): number => (part === 0 ? 0 : whole > 0 ? part / whole : Infinity);

/**
 * Measures a correction against the residual it answers.
 *
 * @param E [m, n]
 * @param A [m, r]
 * @param B [n, r], the scaling applied to either
 *
 * Cost: 2 · r · m · (n + r) + 2 · r² · n operations, in GEMMs.
 */
export const measureUnweighted = async (E: Matrix, A: Matrix, B: Matrix, engine: MatrixEngine): Promise<UnweightedMeasure> => {
  const U = await orthonormalize(A, engine);
  const projected = rowMajor(await engine.multiply(U, E, { transposeA: true }));
  const product = rowMajor(await engine.multiply(await engine.multiply(U, A, { transposeA: true }), B, { transposeB: true }));
  const [pp, pq, qq] = [inner(projected, projected), inner(projected, product), inner(product, product)];
  const none = inner(rowMajor(E), rowMajor(E));
  const factor = pp > 0 ? pq / pp : 0;
  const distance = (scale: number): number => {
    let sum = 0;
    for (let i = 0; i < product.length; i++) sum += (product[i]! - scale * projected[i]!) ** 2;
    return Math.sqrt(sum);
  };
  return {
    loss: { none, final: Math.max(0, none - 2 * pq + qq) },
    length: Math.sqrt(qq),
    gap: ratio(distance(1), Math.sqrt(pp)),
    factor,
    gapAfterScaling: ratio(distance(factor), Math.sqrt(qq)),
  };
};

/** A loss of factors c times those of a projection: the projection's own loss, with the captured part times 2c − c². */
const scaledLoss = ({ none, final }: LayerLoss, c: number): LayerLoss => ({ none, final: none - (2 * c - c * c) * (none - final) });

const timesColumns = (A: Matrix, scale: number): Matrix =>
  matrix(
    rowsOf(A),
    columnsOf(A),
    rowMajor(A).map((value) => value * scale),
  );

/**
 * Measures a correction on tokens.
 *
 * A G tells the loss of a projection of the stock residual, and of a multiple of one, nothing else.
 *
 * @param unweighted of the same factors and the stock residual; used with a G
 * @returns undefined where the sums are a G and A Bᵀ is no multiple of a projection of E
 * @throws as `certify`
 */
export const measureWeighted = async (
  layer: CertifiedLayer,
  unweighted: UnweightedMeasure,
  engine: MatrixEngine,
): Promise<WeightedMeasure | undefined> => {
  if (layer.statistic?.kind !== 'G' || unweighted.gap <= PROJECTION_TOLERANCE) {
    const { loss, heldOut } = await certify(layer, { linalg: engine });
    return { loss, heldOut };
  }
  if (unweighted.length > 0 && !(unweighted.gapAfterScaling <= PROJECTION_TOLERANCE / 2)) return undefined;
  const c = unweighted.length > 0 ? unweighted.factor : 0;
  const { A, B } = layer.factors;
  const factors = { A: timesColumns(A, c === 0 ? 0 : 1 / c), B };
  const { loss, heldOut } = await certify({ ...layer, factors }, { linalg: engine });
  return { loss: scaledLoss(loss, c), heldOut: heldOut && scaledLoss(heldOut, c) };
};
