import { RecordBatchReader, type RecordBatch } from 'apache-arrow';
import { QuailoraError } from '../foundation/index.js';
import { checkArrow } from './check-arrow.js';

/** Thrown when bytes that should be Arrow data of quailora are not; retrying does not help. */
export class MalformedChunkError extends QuailoraError {
  constructor(message: string, cause?: unknown) {
    super('QL_CHUNK', message, { cause });
  }
}

/**
 * Reads the first record batch of an Arrow IPC stream or file of quailora.
 *
 * @param kind value of the schema metadata `quailora` that it must have
 * @param where names the bytes for messages
 * @throws MalformedChunkError QL_CHUNK when the bytes are something else, or cut short
 */
export const readFirstBatch = (bytes: Uint8Array, kind: string, where: string): RecordBatch => {
  let batch: RecordBatch | null | undefined;
  try {
    checkArrow(bytes);
    batch = RecordBatchReader.from(bytes).next().value as RecordBatch | null | undefined;
  } catch (cause) {
    throw new MalformedChunkError(
      `${where} can't be read as Arrow data (${cause instanceof Error ? cause.message : String(cause)}). The bytes were cut or are something else.`,
      cause,
    );
  }
  if (batch?.schema.metadata.get('quailora') !== kind)
    throw new MalformedChunkError(`${where} holds no ${kind} of quailora: the Arrow data has no such schema metadata.`);
  return batch;
};
