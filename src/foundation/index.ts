export { QuailoraError, ShapeMismatchError, type QuailoraErrorOptions } from './errors.js';
export {
  DTYPE_BYTES,
  bfloat16Bits,
  float16Bits,
  fromFloat32,
  isFloatDType,
  roundTo,
  toFloat32,
  type DType,
  type FloatDType,
} from './dtypes.js';
export { jsonTokens, memberText, withMember } from './json-text.js';
export { parseJson } from './parse-json.js';
export { readTextFile, TextFileError } from './read-text-file.js';
export { TimeLimitError, withinTime } from './within-time.js';
export {
  columnsOf,
  fromPlain,
  isRowMajor,
  matrix,
  rowMajor,
  rowsOf,
  toPlain,
  transposed,
  type Matrix,
  type PlainMatrix,
} from './matrix.js';
export { random, type Random } from './random.js';
export type { RawTensor } from './raw-tensor.js';
export { FileWriteError, fileWriteError, syncDirectory, writeFileAtomically, writeFilePieces, writing } from './atomic-file.js';
export { readFileRange } from './read-file-range.js';
export { ClosingError, closeInTurn, failAfterClosing, failuresOf } from './closing-error.js';
export { ByteLedger } from './byte-ledger.js';
export { Stopwatch } from './stopwatch.js';
