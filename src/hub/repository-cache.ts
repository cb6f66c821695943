import { copyFile, lstat, mkdir, readdir, readFile, readlink, rename, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { randomBytes } from 'node:crypto';
import { basename, dirname, join, relative, resolve, sep } from 'node:path';
import { writing } from '../foundation/index.js';
import type { RepositoryLabel } from './repository-label.js';

/** The folder of one repository in the cache, laid out as Python's huggingface_hub does. */
export interface RepositoryCache {
  /** `CACHE/models--organization--name`. */
  readonly directory: string;
  /** Commit that the revision pointed to when it was last asked for; a full commit stands for itself. */
  readonly readRevision: () => Promise<string | undefined>;
  /** Keeps what the revision points to, for offline use. */
  readonly rememberRevision: (commit: string) => Promise<void>;
  readonly snapshot: (commit: string) => string;
  readonly blob: (name: string) => string;
  /** Paths in a snapshot whose content is there, with their sizes and the name of their blob where they are links. */
  readonly listSnapshot: (
    commit: string,
  ) => Promise<{ readonly path: string; readonly bytes: number; readonly blob: string | undefined }[]>;
  /** Makes a snapshot's path show a blob: by a relative link, or, where none can be made, by its content. */
  readonly link: (commit: string, path: string, blob: string, isNewBlob: boolean) => Promise<void>;
  /** Removes a path of a snapshot, and its blob when nothing else links to it. */
  readonly remove: (commit: string, path: string, blob: string | undefined) => Promise<void>;
}

const FULL_COMMIT = /^[0-9a-f]{40}$/u;

const isMissing = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR');

const unlessMissing = async <T>(action: Promise<T>): Promise<T | undefined> => {
  try {
    return await action;
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
};

/** Size of a file that is there, links followed; undefined for a missing one or a link to nothing. */
export const fileBytes = async (path: string): Promise<number | undefined> => {
  const found = await unlessMissing(stat(path));
  return found?.isFile() === true ? found.size : undefined;
};

/** A name beside the path that nobody else uses, to be renamed to it. */
const asideOf = (path: string): string => `${path}.${randomBytes(4).toString('hex')}.tmp`;

/** Puts something in place of a path in one step, so that readers see the old or the new. */
const replaceWith = async (path: string, make: (aside: string) => Promise<void>): Promise<void> => {
  const aside = asideOf(path);
  try {
    await make(aside);
    await rename(aside, path);
  } catch (error) {
    await rm(aside, { force: true });
    throw error;
  }
};

/** What systems say where links can't be made: FAT and exFAT, some network file systems, Windows without the privilege. */
const NO_LINKS = new Set(['EPERM', 'EACCES', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EINVAL', 'UNKNOWN']);

/** All entries below a folder, as paths relative to it; links are listed, not followed. */
const listBelow = async (directory: string): Promise<string[]> => {
  const entries = (await unlessMissing(readdir(directory, { recursive: true, withFileTypes: true }))) ?? [];
  return entries.filter((entry) => !entry.isDirectory()).map((entry) => join(entry.parentPath, entry.name));
};

/**
 * Opens a repository's folder in the cache; nothing is made or checked yet.
 *
 * @param makeLink makes a symbolic link; tests pass one that fails
 */
export const openRepositoryCache = (
  cacheDirectory: string,
  { kind, name, revision }: RepositoryLabel,
  makeLink = symlink,
): RepositoryCache => {
  const directory = join(cacheDirectory, [`${kind}s`, ...name.split('/')].join('--'));
  const reference = join(directory, 'refs', ...revision.split('/'));
  const snapshot = (commit: string): string => join(directory, 'snapshots', commit);
  const blob = (blobName: string): string => join(directory, 'blobs', blobName);

  const readRevision = async (): Promise<string | undefined> => {
    if (FULL_COMMIT.test(revision)) return revision;
    return (await unlessMissing(readFile(reference, 'utf8')))?.trim();
  };

  const rememberRevision = async (commit: string): Promise<void> => {
    if ((await readRevision()) === commit) return;
    await writing(reference, async () => {
      await mkdir(dirname(reference), { recursive: true });
      await replaceWith(reference, (aside) => writeFile(aside, commit));
    });
  };

  const listSnapshot: RepositoryCache['listSnapshot'] = async (commit) => {
    const listed = await Promise.all(
      (await listBelow(snapshot(commit))).map(async (path) => {
        const bytes = await fileBytes(path);
        const target = await readlink(path).catch(() => undefined);
        const inner = relative(snapshot(commit), path).split(sep).join('/');
        return bytes === undefined ? [] : [{ path: inner, bytes, blob: target === undefined ? undefined : basename(target) }];
      }),
    );
    return listed.flat().sort((a, b) => (a.path < b.path ? -1 : 1));
  };

  const link: RepositoryCache['link'] = async (commit, path, blobName, isNewBlob) => {
    const pointer = join(snapshot(commit), path);
    await writing(pointer, async () => {
      await mkdir(dirname(pointer), { recursive: true });
      try {
        await replaceWith(pointer, (aside) => makeLink(relative(dirname(pointer), blob(blobName)), aside));
      } catch (error) {
        if (!(error instanceof Error && 'code' in error && NO_LINKS.has(String(error.code)))) throw error;
        // As huggingface_hub does: a new blob moves, one that others may use is copied.
        if (isNewBlob) await rename(blob(blobName), pointer);
        else await replaceWith(pointer, (aside) => copyFile(blob(blobName), aside));
      }
    });
  };

  const isLinked = async (blobName: string): Promise<boolean> => {
    for (const path of await listBelow(join(directory, 'snapshots'))) {
      const target = await readlink(path).catch(() => undefined);
      if (target !== undefined && resolve(dirname(path), target) === blob(blobName)) return true;
    }
    return false;
  };

  const remove: RepositoryCache['remove'] = async (commit, path, blobName) => {
    const pointer = join(snapshot(commit), path);
    const target = (await unlessMissing(lstat(pointer)))?.isSymbolicLink() === true ? await readlink(pointer) : undefined;
    await writing(pointer, () => rm(pointer, { force: true }));
    // A link that leads out of the blobs was somebody else's work: what it leads to stays.
    const linked = target !== undefined && resolve(dirname(pointer), target) === blob(basename(target)) ? basename(target) : undefined;
    const own = target === undefined ? blobName : linked;
    if (own !== undefined && !(await isLinked(own))) await writing(blob(own), () => rm(blob(own), { force: true }));
  };

  return { directory, readRevision, rememberRevision, snapshot, blob, listSnapshot, link, remove };
};
