import { open, rename, rm, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import { QuailoraError } from './errors.js';

/**
 * Thrown when a file can't be written.
 *
 * Codes: `QL_DISK_FULL` (no space or quota left, or a limit on file sizes reached; retrying helps once there is), `QL_UNWRITABLE` (no permission, a
 * read-only file system, a parent that is no directory), `QL_IO` (anything else the system reports).
 */
export class FileWriteError extends QuailoraError {}

const REASONS: Readonly<Record<string, readonly [code: string, reason: string]>> = {
  ENOSPC: ['QL_DISK_FULL', 'No space is left on the disk. Free some, or choose another output directory, and run again'],
  EDQUOT: ['QL_DISK_FULL', 'The disk quota is used up. Free some space, or choose another output directory, and run again'],
  EFBIG: [
    'QL_DISK_FULL',
    'The file would be larger than this system or user limit allows. Raise the limit (`ulimit -f`), or choose another file system',
  ],
  EACCES: ['QL_UNWRITABLE', 'Permission is denied. Choose a directory that you may write to'],
  EPERM: ['QL_UNWRITABLE', 'The operation is not permitted. Choose a directory that you may write to'],
  EROFS: ['QL_UNWRITABLE', 'The file system is read-only. Choose a directory that you may write to'],
  ENOTDIR: ['QL_UNWRITABLE', 'A part of the path is a file, not a directory. Choose another path'],
};

/** Turns what the file system threw while `path` was written into a typed error; an error of ours passes unchanged. */
export const fileWriteError = (path: string, cause: unknown): QuailoraError => {
  if (cause instanceof QuailoraError) return cause;
  const systemCode = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown';
  const detail = cause instanceof Error ? cause.message : String(cause);
  const [code, reason] = REASONS[systemCode] ?? ['QL_IO', 'The system refused it. Check the disk and the path'];
  return new FileWriteError(code, `${path} can't be written (${detail}). ${reason}.`, { cause, retryable: code === 'QL_DISK_FULL' });
};

/** Runs file-system calls for `path`, with typed errors. */
export const writing = async <T>(path: string, action: () => Promise<T>): Promise<T> => {
  try {
    return await action();
  } catch (cause) {
    throw fileWriteError(path, cause);
  }
};

/** Writes all bytes at the handle's position; a single `write` may take only some of them. */
const writeFully = async (handle: FileHandle, bytes: Uint8Array): Promise<void> => {
  for (let done = 0; done < bytes.byteLength;) done += (await handle.write(bytes, done)).bytesWritten;
};

/** What is left of some pieces behind their first bytes. */
const behind = (pieces: readonly Uint8Array[], bytes: number): Uint8Array[] => {
  let begin = bytes;
  return pieces.flatMap((piece) => {
    const rest = piece.subarray(Math.min(begin, piece.byteLength));
    begin -= piece.byteLength - rest.byteLength;
    return rest.byteLength > 0 ? [rest] : [];
  });
};

/**
 * Writes a file of several pieces without putting them together, in one call unless the system takes only a part; nothing is synced,
 * and a failure leaves what was written.
 *
 * @throws FileWriteError
 */
export const writeFilePieces = (path: string, pieces: readonly Uint8Array[]): Promise<void> =>
  writing(path, async () => {
    const handle = await open(path, 'w');
    try {
      for (let rest = behind(pieces, 0); rest.length > 0;) rest = behind(rest, (await handle.writev(rest)).bytesWritten);
    } finally {
      await handle.close();
    }
  });

/** Syncs a directory, without which a rename in it does not survive a power cut; Windows can't open directories, so nothing is done there. */
export const syncDirectory = async (directory: string): Promise<void> => {
  if (process.platform === 'win32') return;
  const handle = await open(directory, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
};

/** Name under which `path` grows until it is whole. */
const partialPath = (path: string): string => `${path}.partial`;

/**
 * Writes a file so that its name only ever shows the whole content: `PATH.partial`, fsync, rename.
 *
 * The partial file is removed on failure; one left by a killed run is written over. One writer a path at a time.
 *
 * @param path its directory must exist
 * @param content text (UTF-8), bytes, or a source of chunks; each chunk is on its way before the next is asked for,
 * so a source may reuse its buffer
 * @throws FileWriteError QL_DISK_FULL, QL_UNWRITABLE or QL_IO; what the source itself throws passes unchanged
 */
export const writeFileAtomically = async (path: string, content: string | Uint8Array | AsyncIterable<Uint8Array>): Promise<void> => {
  const partial = partialPath(path);
  const handle = await writing(path, () => open(partial, 'w'));
  try {
    try {
      if (typeof content === 'string') await writing(path, () => writeFully(handle, Buffer.from(content)));
      else if (content instanceof Uint8Array) await writing(path, () => writeFully(handle, content));
      else for await (const chunk of content) await writing(path, () => writeFully(handle, chunk));
      await writing(path, () => handle.sync());
    } finally {
      await writing(path, () => handle.close());
    }
    await writing(path, () => rename(partial, path));
  } catch (error) {
    // What went wrong first is what the user has to know.
    await rm(partial, { force: true }).catch(() => undefined);
    throw error;
  }
  await writing(path, () => syncDirectory(dirname(path)));
};
