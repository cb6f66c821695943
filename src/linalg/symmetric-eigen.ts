import { ConvergenceError } from './linalg-errors.js';

/** Eigenvalues in descending order, and an orthonormal eigenvector for each. */
export interface SymmetricEigen {
  readonly values: Float64Array;
  /** [size, size], row-major; column j belongs to `values[j]`. */
  readonly vectors: Float64Array;
}

const maxSweeps = 60;

/** Reduces the lower triangle of a to tridiagonal form; leaves the reflectors in its rows and returns their norms. */
const tridiagonalize = (a: Float64Array, n: number, diagonal: Float64Array, offDiagonal: Float64Array): Float64Array => {
  const halfNorms = new Float64Array(n);
  const p = new Float64Array(n);
  for (let i = n - 1; i > 0; i--) {
    const u = a.subarray(i * n, i * n + i);
    let scale = 0;
    for (let k = 0; k < i - 1; k++) scale = Math.max(scale, Math.abs(u[k]!));
    if (scale === 0) {
      offDiagonal[i] = u[i - 1]!;
      continue;
    }
    scale = Math.max(scale, Math.abs(u[i - 1]!));
    let h = 0;
    for (let k = 0; k < i; k++) {
      const value = u[k]! / scale;
      u[k] = value;
      h += value * value;
    }
    const f = u[i - 1]!;
    const g = f >= 0 ? -Math.sqrt(h) : Math.sqrt(h);
    offDiagonal[i] = scale * g;
    h -= f * g;
    u[i - 1] = f - g;
    halfNorms[i] = h;
    reflectBothSides(a, n, i, u, h, p);
  }
  for (let i = 0; i < n; i++) diagonal[i] = a[i * n + i]!;
  return halfNorms;
};

/** Applies I − u uᵀ/h from both sides to the leading size × size lower triangle. */
const reflectBothSides = (a: Float64Array, n: number, size: number, u: Float64Array, h: number, p: Float64Array): void => {
  p.fill(0, 0, size);
  for (let j = 0; j < size; j++) {
    const row = j * n;
    const uj = u[j]!;
    let sum = a[row + j]! * uj;
    for (let k = 0; k < j; k++) {
      const value = a[row + k]!;
      sum += value * u[k]!;
      p[k] = p[k]! + value * uj;
    }
    p[j] = p[j]! + sum;
  }
  let inner = 0;
  for (let j = 0; j < size; j++) {
    p[j] = p[j]! / h;
    inner += u[j]! * p[j]!;
  }
  const shift = inner / (2 * h);
  for (let j = 0; j < size; j++) p[j] = p[j]! - shift * u[j]!;
  for (let j = 0; j < size; j++) {
    const row = j * n;
    const uj = u[j]!;
    const pj = p[j]!;
    for (let k = 0; k <= j; k++) a[row + k] = a[row + k]! - uj * p[k]! - pj * u[k]!;
  }
};

/** Multiplies the reflectors out into Qᵀ, so that later rotations run along rows. */
const accumulate = (a: Float64Array, n: number, halfNorms: Float64Array): Float64Array => {
  const z = new Float64Array(n * n);
  for (let i = 0; i < n; i++) z[i * n + i] = 1;
  for (let i = 1; i < n; i++) {
    const h = halfNorms[i]!;
    if (h === 0) continue;
    const u = a.subarray(i * n, i * n + i);
    for (let j = 0; j < i; j++) {
      const row = j * n;
      let inner = 0;
      for (let k = 0; k < i; k++) inner += z[row + k]! * u[k]!;
      inner /= h;
      for (let k = 0; k < i; k++) z[row + k] = z[row + k]! - inner * u[k]!;
    }
  }
  return z;
};

/** Diagonalizes the tridiagonal matrix by implicit QL steps, rotating the rows of z along. */
const diagonalize = (n: number, diagonal: Float64Array, offDiagonal: Float64Array, z: Float64Array): void => {
  offDiagonal.copyWithin(0, 1);
  offDiagonal[n - 1] = 0;
  let norm = 0;
  for (let i = 0; i < n; i++) norm = Math.max(norm, Math.abs(diagonal[i]!) + Math.abs(offDiagonal[i]!));
  const negligible = 2 ** -53 * norm;
  for (let l = 0; l < n; l++) {
    for (let sweep = 0; ; sweep++) {
      let m = l;
      while (m < n - 1 && Math.abs(offDiagonal[m]!) > negligible) m++;
      if (m === l) break;
      if (sweep === maxSweeps)
        throw new ConvergenceError(`Eigenvalue ${l} of a ${n} × ${n} matrix did not settle in ${maxSweeps} QL steps.`);
      qlStep(n, l, m, diagonal, offDiagonal, z);
    }
  }
};

const qlStep = (n: number, l: number, m: number, d: Float64Array, e: Float64Array, z: Float64Array): void => {
  let g = (d[l + 1]! - d[l]!) / (2 * e[l]!);
  let r = Math.sqrt(g * g + 1);
  g = d[m]! - d[l]! + e[l]! / (g + (g >= 0 ? r : -r));
  let s = 1;
  let c = 1;
  let p = 0;
  for (let i = m - 1; i >= l; i--) {
    const f = s * e[i]!;
    const b = c * e[i]!;
    r = Math.sqrt(f * f + g * g);
    e[i + 1] = r;
    if (r === 0) {
      d[i + 1] = d[i + 1]! - p;
      e[m] = 0;
      return;
    }
    s = f / r;
    c = g / r;
    g = d[i + 1]! - p;
    r = (d[i]! - g) * s + 2 * c * b;
    p = s * r;
    d[i + 1] = g + p;
    g = c * r - b;
    rotateRows(z, i * n, n, s, c);
  }
  d[l] = d[l]! - p;
  e[l] = g;
  e[m] = 0;
};

const rotateRows = (z: Float64Array, upper: number, n: number, s: number, c: number): void => {
  const lower = upper + n;
  for (let k = 0; k < n; k++) {
    const x = z[upper + k]!;
    const y = z[lower + k]!;
    z[lower + k] = s * x + c * y;
    z[upper + k] = c * x - s * y;
  }
};

/** Largest absolute value of the lower triangle, by which the problem is scaled so that squares stay in range. */
const largestBelow = (M: Float64Array, size: number): number => {
  let largest = 0;
  for (let i = 0; i < size; i++) {
    for (let j = 0; j <= i; j++) {
      const value = Math.abs(M[i * size + j]!);
      if (!(value < Infinity))
        throw new ConvergenceError(`A ${size} × ${size} symmetric matrix holds NaN or infinity; it has no eigenvalues.`);
      if (value > largest) largest = value;
    }
  }
  return largest;
};

/**
 * Finds all eigenpairs of a small dense symmetric matrix in float64, M = S diag(values) Sᵀ.
 *
 * Householder tridiagonalization and implicit QL (EISPACK's tred2 and tql2), laid out so that inner loops run along rows.
 *
 * @param M [size, size], row-major; only the lower triangle is read, and the matrix is left as it was
 * @throws ConvergenceError QL_CONVERGENCE when M holds NaN or infinity; retrying does not help
 *
 * Cost: about 9 · size³ operations in JavaScript; meant for sizes of the rank's order.
 */
export const symmetricEigen = (M: Float64Array, size: number): SymmetricEigen => {
  const values = new Float64Array(size);
  const vectors = new Float64Array(size * size);
  const largest = largestBelow(M, size);
  if (largest === 0) {
    for (let i = 0; i < size; i++) vectors[i * size + i] = 1;
    return { values, vectors };
  }
  const a = new Float64Array(M.length);
  for (let at = 0; at < M.length; at++) a[at] = M[at]! / largest;
  const diagonal = new Float64Array(size);
  const offDiagonal = new Float64Array(size);
  const halfNorms = tridiagonalize(a, size, diagonal, offDiagonal);
  const z = accumulate(a, size, halfNorms);
  diagonalize(size, diagonal, offDiagonal, z);
  const order = Array.from(diagonal.keys()).sort((i, j) => diagonal[j]! - diagonal[i]! || i - j);
  order.forEach((from, to) => {
    values[to] = diagonal[from]! * largest;
    for (let k = 0; k < size; k++) vectors[k * size + to] = z[from * size + k]!;
  });
  return { values, vectors };
};
