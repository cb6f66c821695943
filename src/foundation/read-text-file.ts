import { constants } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { QuailoraError } from './errors.js';

/** Largest text file read whole: far above any tokenizer.json (33 MB), below the longest string of V8. */
const LARGEST_BYTES = 256 * 1024 * 1024;

/** Thrown when a text file can't be read whole: it is missing, refused, too large or no file at all. */
export class TextFileError extends QuailoraError {
  constructor(message: string, cause?: unknown) {
    super('QL_FILE_READ', message, { cause });
  }
}

const readWhole = async (file: FileHandle, path: string): Promise<string> => {
  const stats = await file.stat();
  if (!stats.isFile()) throw new TextFileError(`${path} is no regular file.`);
  if (stats.size > LARGEST_BYTES) throw new TextFileError(`${path} has ${stats.size} bytes; at most ${LARGEST_BYTES} are read.`);
  return file.readFile('utf8');
};

/**
 * Reads a text file as UTF-8; links are followed. Pipes, devices and directories are refused, for they may never end.
 *
 * @throws TextFileError QL_FILE_READ; its cause is the system's error where the system refuses
 */
export const readTextFile = async (path: string): Promise<string> => {
  let file: FileHandle | undefined;
  try {
    // Without O_NONBLOCK, opening a pipe that nobody writes to would wait for ever.
    file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    return await readWhole(file, path);
  } catch (cause) {
    if (cause instanceof TextFileError) throw cause;
    throw new TextFileError(`${path} can't be read (${String(cause)}).`, cause);
  } finally {
    await file?.close();
  }
};
