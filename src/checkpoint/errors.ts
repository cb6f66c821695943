import { QuailoraError } from '../foundation/index.js';

/**
 * Thrown when a checkpoint's files are missing, contradict each other or break the safetensors format.
 *
 * Retrying does not help: the files have to change. The code says what is wrong, the message where.
 */
export class MalformedCheckpointError extends QuailoraError {
  constructor(code: string, message: string, cause?: unknown) {
    super(code, message, { cause });
  }
}

/** Thrown when the system refuses to read a file that is there (QL_SHARD_READ); a retry may help. */
export class CheckpointReadError extends QuailoraError {
  constructor(message: string, cause: unknown) {
    super('QL_SHARD_READ', message, { retryable: true, cause });
  }
}
