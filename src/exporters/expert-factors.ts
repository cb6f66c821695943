import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { assembleSafetensors, type TensorLocation } from '../checkpoint/index.js';
import {
  columnsOf,
  rowMajor,
  rowsOf,
  ShapeMismatchError,
  writeFileAtomically,
  writing,
  type Matrix,
  type RawTensor,
} from '../foundation/index.js';
import { ExportError } from './export-error.js';

/** Name of the file of factors in its directory. */
export const EXPERT_FACTORS_FILE = 'expert_factors.safetensors';

/** What the files of the experts' factors are. */
export interface ExpertFactorsOptions {
  /** Made when absent. */
  readonly directory: string;
  /** Names of the matrices that get factors. */
  readonly modules: readonly string[];
  readonly rank: number;
  /** Text of README.md, see `expertCard`. */
  readonly card: string;
}

/** Writes the factors of routed experts, which come in any order. */
export interface ExpertFactorsWriter {
  /**
   * Makes the tensors of one matrix's factors as they are: W ≈ Q + A Bᵀ.
   *
   * @param factors A [out, rank] and B [in, rank]
   * @throws ShapeMismatchError
   */
  tensorsOf(module: string, factors: { readonly A: Matrix; readonly B: Matrix }): Readonly<Record<string, RawTensor>>;
  /** Takes note of where one matrix's tensors lie. @throws ExportError QL_UNPLANNED_TENSOR for a matrix that is not awaited */
  add(module: string, tensors: readonly TensorLocation[]): void;
  /** Writes the files under their names. @throws ExportError QL_MISSING_TENSOR when factors never came; FileWriteError */
  close(): Promise<void>;
}

const float32 = (factor: Matrix): RawTensor => {
  const values = rowMajor(factor);
  return { dtype: 'F32', shape: [...factor.shape], bytes: new Uint8Array(values.buffer, values.byteOffset, values.byteLength) };
};

/**
 * Opens a writer of expert_factors.safetensors: `<matrix>.A` [out, rank] and `<matrix>.B` [in, rank], float32, unscaled, and
 * a README.md that says what they belong to. No library loads them as they are.
 *
 * @throws FileWriteError
 */
export const openExpertFactorsWriter = async (options: ExpertFactorsOptions): Promise<ExpertFactorsWriter> => {
  const { directory, modules, rank, card } = options;
  await writing(directory, () => mkdir(directory, { recursive: true }));
  const awaited = new Set(modules);
  const placed: TensorLocation[] = [];
  return {
    tensorsOf: (module, { A, B }) => {
      if (columnsOf(A) !== rank || columnsOf(B) !== rank)
        throw new ShapeMismatchError(
          `${module}: A [${rowsOf(A)}, ${columnsOf(A)}] and B [${rowsOf(B)}, ${columnsOf(B)}] must have ${rank} columns, the rank.`,
        );
      return { [`${module}.A`]: float32(A), [`${module}.B`]: float32(B) };
    },
    add: (module, tensors) => {
      if (!awaited.delete(module))
        throw new ExportError(
          'QL_UNPLANNED_TENSOR',
          `${module} is not among the ${modules.length} matrices of ${directory}, or came twice.`,
        );
      placed.push(...tensors);
    },
    close: async () => {
      if (awaited.size)
        throw new ExportError(
          'QL_MISSING_TENSOR',
          `${awaited.size} of ${modules.length} matrices got no factors: ${[...awaited].slice(0, 3).join(', ')}.`,
        );
      await assembleSafetensors(join(directory, EXPERT_FACTORS_FILE), placed);
      await writeFileAtomically(join(directory, 'README.md'), card);
    },
  };
};
