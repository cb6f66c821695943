import { writeFileAtomically, type RawTensor } from '../foundation/index.js';
import { headerBytes, headerEntry, inFileOrder } from './safetensors-layout.js';

const inTurn = async function* (header: Uint8Array, chunks: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield header;
  yield* chunks;
};

/**
 * Writes tensors to a safetensors file, byte for byte as the reference library does with metadata `{"format": "pt"}`.
 *
 * The file appears under its name only when whole. Its directory must exist.
 *
 * @throws FileWriteError as `writeFileAtomically`; ShapeMismatchError when bytes don't fit a shape
 */
export const writeSafetensors = async (path: string, tensors: Readonly<Record<string, RawTensor>>): Promise<void> => {
  const entries = Object.entries(tensors).map(([name, tensor]) => headerEntry(name, tensor, tensor.bytes.length));
  entries.sort(inFileOrder);
  const bytes = entries.map(({ name }) => tensors[name]!.bytes);
  await writeFileAtomically(path, inTurn(headerBytes(entries), bytes));
};
