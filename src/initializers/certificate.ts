import { columnsOf, matrix, rowMajor, rowsOf, ShapeMismatchError, type Matrix } from '../foundation/index.js';
import { orthonormalize, projectOut, traceOf, weightedSquares } from '../linalg/index.js';
import type { MatrixEngine } from '../runtime/index.js';
import type { Factors, InitializerContext, InitializerProblem, Statistic } from './contract.js';
import { CertificateError, StatisticError, WeightsError } from './initializer-errors.js';
import { residualProducts } from './residual-products.js';

/** Losses of one layer on one set of tokens, per token: tr((E − ABᵀ) H (E − ABᵀ)ᵀ) / tokens, without the paper's ½. */
export interface LayerLoss {
  /** Without a correction: A Bᵀ = 0 on the stock quantization. */
  readonly none: number;
  /** With the factors. */
  readonly final: number;
}

/** What the factors of one layer are worth, computed from the float32 factors themselves. */
export interface Certificate {
  /** On the calibration tokens. */
  readonly loss: LayerLoss;
  /** On held-out tokens; null without any. */
  readonly heldOut: LayerLoss | null;
  /** 1 − final/none on the calibration tokens; 0 when there was nothing to lose. */
  readonly captured: number;
}

/** What a certificate is computed from. */
export interface CertifiedLayer extends Pick<InitializerProblem, 'module' | 'E' | 'statistic' | 'products'> {
  /** Weight, [out, in]; needed only where the factors have a Q of their own. */
  readonly W?: Matrix | undefined;
  readonly factors: Factors;
  /** Sums of the same kind over tokens that the initializer never saw. */
  readonly heldOut?: Statistic | undefined;
}

/** Below this part of the loss of no correction, the thin formula cancels too many digits. */
const leastThinRatio = 0.05;

/** Σ Xᵢⱼ Yᵢⱼ in float64. */
const innerProduct = (X: Matrix, Y: Matrix): number => {
  const [x, y] = [rowMajor(X), rowMajor(Y)];
  let sum = 0;
  for (let i = 0; i < x.length; i++) sum += x[i]! * y[i]!;
  return sum;
};

const minus = (X: Matrix, Y: Matrix): Matrix => subtractFrom(rowMajor(X), matrix(rowsOf(Y), columnsOf(Y), rowMajor(Y).slice()));

/** Turns Y, which is row-major, into X − Y. */
const subtractFrom = (x: Float32Array, Y: Matrix): Matrix => {
  const y = rowMajor(Y);
  for (let i = 0; i < y.length; i++) y[i] = x[i]! - y[i]!;
  return Y;
};

/** tr((E − ABᵀ) H (E − ABᵀ)ᵀ) from tr(E H Eᵀ) and thin products, or directly where those would cancel. */
const correctedLoss = async (E: Matrix, { A, B }: Factors, H: Matrix, none: number, engine: MatrixEngine): Promise<number> => {
  const HB = await engine.multiply(H, B);
  const cross = innerProduct(await engine.multiply(E, A, { transposeA: true }), HB);
  const square = innerProduct(await engine.multiply(A, A, { transposeA: true }), await engine.multiply(B, HB, { transposeA: true }));
  const thin = none - 2 * cross + square;
  if (thin > leastThinRatio * none) return thin;
  const rest = subtractFrom(rowMajor(E), await engine.multiply(A, B, { transposeB: true }));
  return (await weightedSquares(rest, [H], engine))[0]!;
};

const requireWeight = (module: string, W: Matrix | undefined): Matrix => {
  if (!W) throw new WeightsError(`${module}: the factors have a Q of their own, so their loss needs W, which was not held.`);
  return W;
};

const lossesUnderH = async (
  { module, E, W, factors, products }: CertifiedLayer,
  statistics: readonly Statistic[],
  engine: MatrixEngine,
): Promise<LayerLoss[]> => {
  const own = factors.quantized ? minus(requireWeight(module, W), factors.quantized.dequantized) : E;
  const sums = statistics.map(({ sum }) => sum);
  const stockProducts = products ?? residualProducts(E, sums, engine);
  const ownProducts = factors.quantized ? residualProducts(own, sums, engine) : stockProducts;
  const losses: LayerLoss[] = [];
  for (const { sum: H, tokens } of statistics) {
    const none = await stockProducts.weightedSquare(H);
    const before = await ownProducts.weightedSquare(H);
    losses.push(perToken({ none, final: await correctedLoss(own, factors, H, before, engine) }, tokens));
  }
  return losses;
};

const perToken = ({ none, final }: LayerLoss, tokens: number): LayerLoss =>
  tokens > 0 ? { none: none / tokens, final: Math.max(final, 0) / tokens } : { none: 0, final: 0 };

/**
 * Orthonormal basis of A's columns, after a check that A Bᵀ is the projection of E onto them.
 *
 * @throws CertificateError QL_CERTIFICATE when it is not, to 10⁻⁴; a G then says nothing of the loss
 */
const projectionBasis = async ({ module, E, factors: { A, B, quantized } }: CertifiedLayer, engine: MatrixEngine): Promise<Matrix> => {
  const refuse = (what: string): CertificateError =>
    new CertificateError(
      `${module}: a loss from a G needs factors that project the stock residual, but ${what}. Keep an H for this layer.`,
    );
  if (quantized) throw refuse('the initializer chose its own Q');
  const U = await orthonormalize(A, engine);
  const claimed = await engine.multiply(await engine.multiply(U, A, { transposeA: true }), B, { transposeB: true });
  const projected = await engine.multiply(U, E, { transposeA: true });
  const gap = minus(projected, claimed);
  const [off, length] = [Math.sqrt(innerProduct(gap, gap)), Math.sqrt(innerProduct(projected, projected))];
  if (!(off <= 1e-4 * length)) throw refuse(`A Bᵀ differs from U Uᵀ E by ${off} of ${length}`);
  return U;
};

/** tr((I − UUᵀ) G (I − UUᵀ)). */
const lossUnderG = async (U: Matrix, { sum: G, tokens }: Statistic, engine: MatrixEngine): Promise<LayerLoss> => {
  const none = traceOf(G);
  const GU = await engine.multiply(G, U);
  const thin = none - innerProduct(U, GU);
  if (columnsOf(U) === 0 || thin > leastThinRatio * none) return perToken({ none, final: thin }, tokens);
  const half = await projectOut(G, U, engine);
  return perToken({ none, final: traceOf(half) - innerProduct(U, await engine.multiply(half, U)) }, tokens);
};

const checkSizes = ({ module, E }: CertifiedLayer, statistics: readonly Statistic[]): void => {
  for (const { kind, sum } of statistics) {
    const size = kind === 'H' ? columnsOf(E) : rowsOf(E);
    if (rowsOf(sum) !== size || columnsOf(sum) !== size)
      throw new ShapeMismatchError(`${module}: ${kind} should be [${size}, ${size}], not [${sum.shape.join(', ')}].`);
  }
};

const lossesUnderG = async (layer: CertifiedLayer, statistics: readonly Statistic[], engine: MatrixEngine): Promise<LayerLoss[]> => {
  const U = await projectionBasis(layer, engine);
  const losses: LayerLoss[] = [];
  for (const statistic of statistics) losses.push(await lossUnderG(U, statistic, engine));
  return losses;
};

/**
 * Computes what the factors of a layer are worth on the calibration tokens, and on held-out ones where given.
 *
 * The loss is the squared output error per token, tr((E − ABᵀ) H (E − ABᵀ)ᵀ) / tokens; the paper's objective is half of its
 * sum, so ratios are the same. With an H the factors may be any. With a G they must be a projection of the stock residual,
 * which is checked.
 *
 * @returns losses within about 10⁻⁴ relative of exact arithmetic on the same factors and sums
 * @throws StatisticError QL_STATISTIC without a statistic, or with held-out sums of another kind; retrying does not help
 * @throws CertificateError QL_CERTIFICATE when a G is given and A Bᵀ is not a projection of E; retrying does not help
 *
 * Cost: half of a product EᵀE for all sets of tokens together (none where `products` hold it already), thin products, and
 * another such half for each set of which almost all was captured.
 */
export const certify = async (layer: CertifiedLayer, { linalg }: InitializerContext): Promise<Certificate> => {
  const { module, statistic, heldOut } = layer;
  if (!statistic) throw new StatisticError(`${module}: a certificate needs calibration sums and got none. Calibrate first.`);
  if (heldOut && heldOut.kind !== statistic.kind)
    throw new StatisticError(
      `${module}: calibration sums are ${statistic.kind}, held-out sums ${heldOut.kind}. Keep the same kind for both.`,
    );
  const statistics = heldOut ? [statistic, heldOut] : [statistic];
  checkSizes(layer, statistics);
  const [loss, held] = await (statistic.kind === 'H' ? lossesUnderH : lossesUnderG)(layer, statistics, linalg);
  const { none, final } = loss!;
  return { loss: loss!, heldOut: held ?? null, captured: none > 0 ? 1 - final / none : 0 };
};
