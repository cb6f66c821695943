import { readTensor } from '../checkpoint/index.js';
import { isFloatDType } from '../foundation/index.js';
import { splitWeight, UnsupportedModelError, type ModelPiece, type PreparedBytes } from '../models/index.js';
import { Session } from '../runtime/index.js';

const prepare = async ({ location, as }: PreparedBytes): Promise<Uint8Array> => {
  const bytes = await readTensor(location);
  if (as === 'stored') return bytes;
  const { name, dtype, shape } = location;
  const [outFeatures, inFeatures] = shape;
  if (!isFloatDType(dtype) || outFeatures === undefined || inFeatures === undefined)
    throw new UnsupportedModelError(
      `"${name}" is ${dtype} [${shape.join(', ')}], and only float matrices can be split. Use f32 arithmetic.`,
    );
  return splitWeight(bytes, dtype, outFeatures, inFeatures);
};

/**
 * Loads a piece of a model, and prepares the bytes that it takes from memory.
 *
 * @throws RuntimeError QL_RUNTIME when ONNX Runtime refuses the graph
 * @throws the errors of `readTensor`
 */
export const openPieceSession = async (piece: ModelPiece, threads: number): Promise<Session> => {
  const { label, graph, externalFolder, prepared } = piece;
  if (!prepared) return Session.open(label, graph, { externalFolder, threads });
  const memoryFiles = [];
  for (const entry of prepared) memoryFiles.push({ file: entry.file, bytes: await prepare(entry) });
  return Session.open(label, graph, { memoryFiles, threads });
};
