import { writeFileAtomically, type RawTensor } from '../foundation/index.js';
import { headerBytes, headerEntry, inFileOrder } from './safetensors-layout.js';

/**
 * The bytes of a safetensors file that holds some tensors, as the reference library writes it with metadata `{"format": "pt"}`:
 * the header, then each tensor's own bytes, not copied.
 *
 * @throws ShapeMismatchError when bytes don't fit a shape
 */
export const safetensorsContent = (tensors: Readonly<Record<string, RawTensor>>): readonly Uint8Array[] => {
  const entries = Object.entries(tensors).map(([name, tensor]) => headerEntry(name, tensor, tensor.bytes.length));
  entries.sort(inFileOrder);
  return [headerBytes(entries), ...entries.map(({ name }) => tensors[name]!.bytes)];
};

const inTurn = async function* (chunks: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* chunks;
};

/**
 * Writes tensors to a safetensors file, byte for byte as the reference library does with metadata `{"format": "pt"}`.
 *
 * The file appears under its name only when whole. Its directory must exist.
 *
 * @throws FileWriteError as `writeFileAtomically`; ShapeMismatchError when bytes don't fit a shape
 */
export const writeSafetensors = async (path: string, tensors: Readonly<Record<string, RawTensor>>): Promise<void> =>
  writeFileAtomically(path, inTurn(safetensorsContent(tensors)));
