import { createHash, randomBytes, type Hash } from 'node:crypto';
import { mkdir, open, readdir, rename, rm, stat, statfs, type FileHandle } from 'node:fs/promises';
import { hostname } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { FileWriteError, fileWriteError, syncDirectory, writing } from '../foundation/index.js';

/** A blob while it grows, under a name that only its writer uses. */
export interface PartialFile {
  /** Bytes that are there. */
  readonly bytes: () => number;
  /** Appends; the checksum follows. */
  readonly append: (bytes: Uint8Array) => Promise<void>;
  /** Tells whether what is there is the content that the blob is named after. */
  readonly isVerified: () => boolean;
  /** Throws everything away and starts again. */
  readonly restart: () => Promise<void>;
  /** Syncs, and shows the file under the blob's name; the partial file is closed, others that were left are removed. */
  readonly publish: () => Promise<void>;
  /** Closes, and leaves what is there to whoever resumes. */
  readonly release: () => Promise<void>;
}

const READ_BYTES = 1 << 20;
/** A partial file of another machine counts as left behind after a day without a write: nobody can ask whether its writer lives. */
const ABANDONED_MS = 86_400_000;

const SUFFIX = '.incomplete';
const ownHost = (): string =>
  hostname()
    .replace(/[^\w-]/gu, '')
    .slice(0, 32);

/** `BLOB.HOST_PID_RANDOM.incomplete`. */
const ownName = (blob: string): string => `${blob}.${ownHost()}_${process.pid}_${randomBytes(4).toString('hex')}${SUFFIX}`;

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
};

/** Whether a partial file of this blob has no writer any more. Files named otherwise, such as huggingface_hub's own, are left alone. */
const isLeft = (name: string, blobName: string, idleMs: number): boolean => {
  if (name === blobName + SUFFIX) return true;
  const match = /^\.([\w-]+)_(\d+)_[0-9a-f]{8}\.incomplete$/u.exec(name.startsWith(blobName) ? name.slice(blobName.length) : '');
  if (match === null) return false;
  return idleMs > ABANDONED_MS || (match[1] === ownHost() && !isAlive(Number(match[2])));
};

/** Partial files of a blob that nobody writes, the longest first. */
const findLeft = async (blob: string): Promise<string[]> => {
  const directory = dirname(blob);
  const now = Date.now();
  const left: { readonly path: string; readonly size: number }[] = [];
  for (const name of (await readdir(directory)).filter((name) => name.startsWith(basename(blob)) && name.endsWith(SUFFIX))) {
    const path = join(directory, name);
    const found = await stat(path).catch(() => undefined);
    if (found !== undefined && isLeft(name, basename(blob), now - found.mtimeMs)) left.push({ path, size: found.size });
  }
  return left.sort((a, b) => b.size - a.size).map(({ path }) => path);
};

/** Takes over the longest partial file that was left, by renaming it: of several takers one succeeds. */
const takeOver = async (blob: string, own: string): Promise<boolean> => {
  for (const path of await findLeft(blob)) {
    try {
      await rename(path, own);
      return true;
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error;
    }
  }
  return false;
};

/** Names are checksums: 64 digits are SHA-256 of the content, 40 are git's SHA-1 of a blob. */
const startHash = (blobName: string, totalBytes: number): Hash =>
  blobName.length === 64 ? createHash('sha256') : createHash('sha1').update(`blob ${totalBytes}\0`);

const hashStart = async (handle: FileHandle, hash: Hash, bytes: number, signal: AbortSignal | undefined): Promise<void> => {
  const buffer = Buffer.allocUnsafe(Math.min(READ_BYTES, bytes));
  for (let done = 0; done < bytes;) {
    signal?.throwIfAborted();
    const { bytesRead } = await handle.read(buffer, 0, Math.min(buffer.length, bytes - done), done);
    if (bytesRead === 0) return;
    hash.update(buffer.subarray(0, bytesRead));
    done += bytesRead;
  }
};

const freeBytes = async (directory: string): Promise<number | undefined> => {
  const { bavail, bsize, blocks } = await statfs(directory);
  // Some virtual file systems know no sizes and say 0.
  return blocks === 0 ? undefined : bavail * bsize;
};

const diskFull = (path: string, needed: number, free: number | undefined, cause?: unknown): FileWriteError =>
  new FileWriteError(
    'QL_DISK_FULL',
    `${path} needs ${needed} more bytes, but ${free === undefined ? 'no space is left' : `only ${free} are free`} on the disk. ` +
      'Free some, or move the cache with HF_HOME or HF_HUB_CACHE, and run again: what is there is kept.',
    { retryable: true, cause },
  );

/**
 * Opens the partial file of a blob, with what an earlier try left; only its writer knows the name, so that processes which
 * fetch the same file never write into each other's.
 *
 * A released file is called `BLOB.incomplete`, the name under which older versions of huggingface_hub resume.
 * One of those that is writing the same file at this moment loses it and fails; the current ones use names of their own.
 *
 * @param blob path of the blob; its name is the checksum of the content
 * @param totalBytes bytes of the whole content
 * @throws FileWriteError QL_DISK_FULL with the bytes needed and free, QL_UNWRITABLE or QL_IO
 */
export const openPartialFile = async (blob: string, totalBytes: number, signal?: AbortSignal): Promise<PartialFile> => {
  const own = ownName(blob);
  const handle = await writing(blob, async () => {
    await mkdir(dirname(blob), { recursive: true });
    return open(own, (await takeOver(blob, own)) ? 'r+' : 'wx+');
  });
  let bytes = 0;
  let hash = startHash(basename(blob), totalBytes);

  const restart = async (): Promise<void> => {
    await writing(own, () => handle.truncate(0));
    bytes = 0;
    hash = startHash(basename(blob), totalBytes);
  };

  const release = async (): Promise<void> => {
    await handle.close();
    const left = blob + SUFFIX;
    const others = (await stat(left).catch(() => undefined))?.size ?? 0;
    await (bytes > others ? rename(own, left) : rm(own, { force: true }));
  };

  const begin = async (): Promise<void> => {
    const { size } = await handle.stat();
    if (size > totalBytes) return restart();
    bytes = size;
    await hashStart(handle, hash, bytes, signal);
    const free = await freeBytes(dirname(blob));
    if (free !== undefined && free < totalBytes - bytes) throw diskFull(blob, totalBytes - bytes, free);
  };

  try {
    await begin();
  } catch (error) {
    await release();
    signal?.throwIfAborted();
    throw fileWriteError(own, error);
  }

  return {
    bytes: () => bytes,
    append: async (chunk) => {
      try {
        for (let done = 0; done < chunk.byteLength;) {
          done += (await handle.write(chunk, done, chunk.byteLength - done, bytes + done)).bytesWritten;
        }
      } catch (cause) {
        const code = cause instanceof Error && 'code' in cause ? cause.code : '';
        if (code !== 'ENOSPC' && code !== 'EDQUOT') throw fileWriteError(own, cause);
        throw diskFull(blob, totalBytes - bytes, await freeBytes(dirname(blob)), cause);
      }
      hash.update(chunk);
      bytes += chunk.byteLength;
    },
    isVerified: () => hash.copy().digest('hex') === basename(blob),
    restart,
    publish: async () => {
      await writing(own, async () => {
        await handle.sync();
        await handle.close();
        await rename(own, blob);
        await syncDirectory(dirname(blob));
        for (const path of await findLeft(blob)) await rm(path, { force: true });
      });
    },
    release,
  };
};
