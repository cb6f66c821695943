import { columnsOf, matrix, random, rowMajor, rowsOf, ShapeMismatchError, type Matrix } from '../foundation/index.js';
import type { MatrixEngine } from '../runtime/index.js';
import { chebyshevFilter, chebyshevStretch } from './chebyshev-filter.js';
import { checkRank, ConvergenceError } from './linalg-errors.js';
import { beside, columnRange, completeBasis, projectOut } from './complete-basis.js';
import { symmetricEigen } from './symmetric-eigen.js';
import { identity, type SymmetricOperator } from './symmetric-operator.js';

/** Products with a multiple of this many columns are fastest: 96 take as long as 80 (measured, AVX-512). */
const FAST_COLUMNS = 32;
/** From this dimension on the products outweigh the small eigenproblems in JavaScript, which grow with the block's cube. */
const LARGE_DIMENSION = 1024;

/**
 * Says how many vectors `topEigenpairs` carries.
 *
 * @param wanted pairs
 * @param dimension of the operator
 * @param oversampling vectors beyond the wanted ones, at least; 16 unless told
 */
export const blockColumns = (wanted: number, dimension: number, oversampling = 16): number => {
  const least = wanted + oversampling;
  return dimension < LARGE_DIMENSION ? least : Math.ceil(least / FAST_COLUMNS) * FAST_COLUMNS;
};

/** How `topEigenpairs` iterates. */
export interface TopEigenpairsOptions {
  /** Vectors carried beyond the wanted ones, at least: see `blockColumns`. */
  readonly oversampling?: number;
  /**
   * Energy that may be missed, relative to the captured energy, or to what is left over where the trace is known and that is
   * less; 1e-5 unless told.
   */
  readonly tolerance?: number;
  /** First guess of the wanted subspace, [dimension, any]; need not be orthonormal. Missing columns are drawn from the seed. */
  readonly start?: Matrix;
  /** Seed of the drawn start vectors; 0 unless told. */
  readonly seed?: number;
  /** Bound on applications of the operator to a whole block; 500 unless told. */
  readonly maxApplications?: number;
}

/** Leading eigenpairs of a symmetric operator and what they cost. */
export interface TopEigenpairs {
  /** Descending, not negative; min(rank, dimension) of them. */
  readonly values: Float64Array;
  /** [dimension, values.length], orthonormal; vectors of zero eigenvalues are arbitrary. */
  readonly vectors: Matrix;
  /** Rayleigh–Ritz rounds. */
  readonly iterations: number;
  /** Applications of the operator to a block. */
  readonly applications: number;
  /** Energy that may be missed, by the residuals. */
  readonly energyGap: number;
}

/** Residuals below this part of the largest eigenvalue are float32 rounding and count as zero. */
const residualFloor = 3e-7;
/** A filter may stretch the leading vector this much more than the last wanted one before float32 loses the latter. */
const mostStretch = 1e6;
const mostDegree = 12;
/** The last Ritz value lies below the best value outside the block, so residuals understate the gap; by less than 2 where tested. */
const gapSafety = 2;
/** The first Ritz values come from a drawn block; a long filter on them would be misplaced. */
const firstDegree = 3;

/**
 * Finds the leading eigenpairs of a symmetric positive semidefinite operator.
 *
 * Chebyshev-filtered subspace iteration (Zhou et al. 2006) with Rayleigh–Ritz: each round applies a polynomial that is small on
 * the unwanted end of the spectrum and grows fastest above it. Pairs that have settled are locked and projected out, so
 * that outlying eigenvalues do not drown the rest in float32. It ends when 2 Σ ‖rᵢ‖²/(θᵢ − θ_last), an estimate of
 * the energy still missed, is below the tolerance. Problems not much larger than the block are solved densely in float64.
 *
 * @param rank number of pairs wanted; above `dimension`, `dimension` pairs are returned
 * @throws RankError when rank is not a whole number from 0 up; retrying does not help
 * @throws ConvergenceError QL_CONVERGENCE when the operator returns NaN or infinity or `maxApplications` do not suffice
 *
 * Cost: 8–30 applications to k = `blockColumns(rank)` columns, fewer as pairs settle; a round adds 8 · dimension · k² operations
 * in the engine and 9 · k³ in JavaScript.
 */
export const topEigenpairs = async (
  operator: SymmetricOperator,
  rank: number,
  engine: MatrixEngine,
  options: TopEigenpairsOptions = {},
): Promise<TopEigenpairs> => {
  checkRank(rank, 'A search for eigenpairs');
  const n = operator.dimension;
  const wanted = Math.min(rank, n);
  const block = blockColumns(wanted, n, options.oversampling);
  if (options.start && rowsOf(options.start) !== n)
    throw new ShapeMismatchError(`Start vectors of length ${rowsOf(options.start)} don't fit an operator of dimension ${n}.`);
  if (wanted === 0) return { values: new Float64Array(0), vectors: matrix(n, 0), iterations: 0, applications: 0, energyGap: 0 };
  return 2 * block > n ? denseEigenpairs(operator, wanted) : iterate(operator, wanted, block, engine, options);
};

const denseEigenpairs = async (operator: SymmetricOperator, wanted: number): Promise<TopEigenpairs> => {
  const n = operator.dimension;
  const { values, vectors } = symmetricEigen(new Float64Array(rowMajor(await operator.apply(identity(n)))), n);
  const leading = matrix(n, wanted);
  for (let i = 0; i < n; i++) for (let j = 0; j < wanted; j++) leading.data[i * wanted + j] = vectors[i * n + j]!;
  return {
    values: values.slice(0, wanted).map((value) => Math.max(value, 0)),
    vectors: leading,
    iterations: 1,
    applications: 1,
    energyGap: 0,
  };
};

interface RitzPairs {
  readonly values: Float64Array;
  readonly vectors: Matrix;
  /** The operator applied to `vectors`. */
  readonly images: Matrix;
  /** ‖M x − θ x‖ of each pair. */
  readonly residuals: Float64Array;
}

/** Rotates an orthonormal block V to its Ritz vectors. */
const rayleighRitz = async (V: Matrix, images: Matrix, engine: MatrixEngine): Promise<RitzPairs> => {
  const p = columnsOf(V);
  const projected = await engine.multiply(V, images, { transposeA: true });
  // Columns are near descending order: entry (i, j > i) carries rounding of the smaller image. It goes into the lower triangle.
  const M = new Float64Array(p * p);
  for (let i = 0; i < p; i++) for (let j = i; j < p; j++) M[j * p + i] = projected.data[i * p + j]!;
  const { values, vectors } = symmetricEigen(M, p);
  const S = matrix(p, p, new Float32Array(vectors));
  const X = await engine.multiply(V, S);
  const MX = await engine.multiply(images, S);
  const residuals = new Float64Array(p);
  for (let i = 0, at = 0; i < rowsOf(X); i++) {
    for (let j = 0; j < p; j++, at++) {
      const r = MX.data[at]! - values[j]! * X.data[at]!;
      residuals[j] = residuals[j]! + r * r;
    }
  }
  return { values, vectors: X, images: MX, residuals: residuals.map(Math.sqrt) };
};

/** A Ritz pair's share of the missed energy: the second-order one, or the first-order one where values are too close. */
const missedEnergy = (residual: number, value: number, last: number): number =>
  Math.min(residual, (residual * residual) / Math.max(value - last, Number.MIN_VALUE));

/** What one round knows of the energy. */
interface Progress {
  readonly captured: number;
  /** Of each wanted pair not locked yet. */
  readonly missed: Float64Array;
  readonly energyGap: number;
  readonly allowed: number;
}

const measure = (settled: RitzPairs, ritz: RitzPairs, wanted: number, trace: number | undefined, tolerance: number): Progress => {
  const open = wanted - settled.values.length;
  const floor = residualFloor * Math.max(settled.values[0] ?? 0, ritz.values[0]!);
  const last = ritz.values[ritz.values.length - 1]!;
  const missed = ritz.residuals
    .slice(0, open)
    .map((residual, i) => (residual <= floor ? 0 : missedEnergy(residual, ritz.values[i]!, last)));
  const captured = [...settled.values, ...ritz.values.subarray(0, open)].reduce((sum, value) => sum + Math.max(value, 0), 0);
  const left = trace === undefined ? captured : Math.max(trace - captured, residualFloor * captured);
  return {
    captured,
    missed,
    energyGap: gapSafety * missed.reduce((sum, value) => sum + value, 0),
    allowed: tolerance * Math.min(captured, left),
  };
};

const slicePairs = ({ values, vectors, images, residuals }: RitzPairs, from: number, to: number): RitzPairs => ({
  values: values.slice(from, to),
  vectors: columnRange(vectors, from, to),
  images: columnRange(images, from, to),
  residuals: residuals.slice(from, to),
});

const joinPairs = (a: RitzPairs, b: RitzPairs): RitzPairs => ({
  values: Float64Array.of(...a.values, ...b.values),
  vectors: beside(a.vectors, b.vectors),
  images: beside(a.images, b.images),
  residuals: Float64Array.of(...a.residuals, ...b.residuals),
});

/** Edge and degree of the next filter: as far as needed, as far as float32 and the freshness of the Ritz values allow. */
const planFilter = (
  ritz: RitzPairs,
  open: number,
  { energyGap, allowed }: Progress,
  iteration: number,
): { edge: number; degree: number } => {
  const largest = ritz.values[0]!;
  const edge = Math.max(ritz.values[ritz.values.length - 1]!, 1e-6 * largest, Number.MIN_VALUE);
  const least = ritz.values[open - 1]!;
  const needed = Math.acosh(Math.sqrt(4 * Math.max(energyGap / allowed, 1))) / Math.acosh(Math.max((2 * least) / edge - 1, 1 + 1e-6));
  let degree = Math.ceil(Math.min(needed, iteration === 1 ? firstDegree : mostDegree));
  while (degree > 1 && chebyshevStretch(largest, edge, degree) > mostStretch * chebyshevStretch(least, edge, degree)) degree--;
  return { edge, degree };
};

const iterate = async (
  operator: SymmetricOperator,
  wanted: number,
  block: number,
  engine: MatrixEngine,
  options: TopEigenpairsOptions,
): Promise<TopEigenpairs> => {
  const { tolerance = 1e-5, maxApplications = 500, seed = 0, start } = options;
  const n = operator.dimension;
  const stream = random(seed);
  let settled: RitzPairs = { values: new Float64Array(0), vectors: matrix(n, 0), images: matrix(n, 0), residuals: new Float64Array(0) };
  const deflated = async (V: Matrix): Promise<Matrix> => projectOut(await operator.apply(V), settled.vectors, engine);
  let V = await completeBasis(start ?? (await operator.draw?.(block, stream)) ?? matrix(n, 0), block, engine, stream);
  for (let iterations = 1, applications = 1; ; iterations++) {
    const ritz = await rayleighRitz(V, await operator.apply(V), engine);
    const progress = measure(settled, ritz, wanted, operator.trace, tolerance);
    const { energyGap, allowed, missed } = progress;
    if (energyGap <= allowed)
      return { ...descending(joinPairs(settled, slicePairs(ritz, 0, missed.length))), iterations, applications, energyGap };
    if (applications >= maxApplications)
      throw new ConvergenceError(
        `The ${wanted} leading eigenpairs of a ${n} × ${n} operator still miss ${energyGap} of ${progress.captured} after ` +
          `${applications} applications; ${allowed} is allowed. Raise the tolerance or maxApplications.`,
      );
    const unsettled = missed.findIndex((value) => value > (0.02 * allowed) / wanted);
    settled = joinPairs(settled, slicePairs(ritz, 0, unsettled));
    const active = slicePairs(ritz, unsettled, ritz.values.length);
    const { edge, degree } = planFilter(active, missed.length - unsettled, progress, iterations);
    const filtered = await chebyshevFilter(deflated, active.vectors, active.images, edge, degree);
    V = await completeBasis(await projectOut(filtered, settled.vectors, engine), active.values.length, engine, stream, settled.vectors);
    applications += degree;
  }
};

/** Sorts pairs that were locked in different rounds. */
const descending = ({ values, vectors }: RitzPairs): { values: Float64Array; vectors: Matrix } => {
  const k = values.length;
  const order = Array.from(values.keys()).sort((i, j) => values[j]! - values[i]! || i - j);
  if (order.every((from, to) => from === to)) return { values: values.map((value) => Math.max(value, 0)), vectors };
  const sorted = matrix(rowsOf(vectors), k);
  for (let i = 0; i < rowsOf(vectors); i++) for (let j = 0; j < k; j++) sorted.data[i * k + j] = vectors.data[i * k + order[j]!]!;
  return { values: Float64Array.from(order, (from) => Math.max(values[from]!, 0)), vectors: sorted };
};
