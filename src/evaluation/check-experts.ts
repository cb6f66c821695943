import type { TensorLocation } from '../checkpoint/index.js';
import type { VerificationFailure } from './verification-failure.js';

/** What the factors of routed experts are claimed to be. */
export interface ExpertClaims {
  readonly rank: number;
  readonly modules: readonly { readonly name: string; /** [out, in] */ readonly shape: readonly [number, number] }[];
}

/** Factors of one expert's matrix as stored, unscaled: A [out, rank] and B [in, rank]. */
export interface ExpertFactors {
  readonly A: TensorLocation;
  readonly B: TensorLocation;
}

/** What is wrong with the file of factors, and the matrices whose factors can be multiplied. */
export interface CheckedExperts {
  readonly failures: readonly VerificationFailure[];
  readonly modules: ReadonlyMap<string, ExpertFactors>;
}

/** Checks names, types and shapes of the tensors in the file of factors; reads no tensor. */
export const checkExperts = (file: string, tensors: readonly TensorLocation[], { rank, modules }: ExpertClaims): CheckedExperts => {
  const failures: VerificationFailure[] = [];
  const byName = new Map(tensors.map((tensor) => [tensor.name, tensor]));
  const take = (module: string, factor: 'A' | 'B', features: number): TensorLocation | undefined => {
    const found = byName.get(`${module}.${factor}`);
    byName.delete(`${module}.${factor}`);
    const expected = `F32 [${features}, ${rank}]`;
    if (!found) {
      failures.push({
        code: 'QL_VERIFY_TENSOR_MISSING',
        where: module,
        message: `${file} holds no ${factor} for it; ${expected} is claimed.`,
      });
      return undefined;
    }
    const stored = `${found.dtype} [${found.shape.join(', ')}]`;
    if (stored === expected) return found;
    failures.push({
      code: 'QL_VERIFY_TENSOR_SHAPE',
      where: module,
      message: `${file} holds its ${factor} as ${stored}; ${expected} is claimed.`,
    });
    return undefined;
  };
  const fitting = new Map<string, ExpertFactors>();
  for (const { name, shape } of modules) {
    const [A, B] = [take(name, 'A', shape[0]), take(name, 'B', shape[1])];
    if (A && B) fitting.set(name, { A, B });
  }
  for (const name of byName.keys())
    failures.push({
      code: 'QL_VERIFY_TENSOR_EXTRA',
      where: name,
      message: `${file} holds it, but report.json claims no such correction.`,
    });
  return { failures, modules: fitting };
};
