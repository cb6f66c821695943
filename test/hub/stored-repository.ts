import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import type { HubRepositoryKind } from '../../src/hub/index.js';

/** A repository that the server shows; the content is read when the server starts. */
export interface ServedRepository {
  readonly kind: HubRepositoryKind;
  readonly name: string;
  /** Directory of each branch or tag. */
  readonly revisions: Readonly<Record<string, string>>;
  /** Only these tokens may see it; without, everybody. */
  readonly tokens?: readonly string[];
  /** Only these tokens may read its files, though everybody may list them. */
  readonly gatedFor?: readonly string[];
}

/** A file of one commit. */
export interface StoredFile {
  readonly path: string;
  readonly content: Buffer;
  readonly gitSha1: string;
  readonly sha256: string;
  readonly isLarge: boolean;
}

/** A repository with the content of its commits. */
export interface StoredRepository extends ServedRepository {
  readonly commits: ReadonlyMap<string, readonly StoredFile[]>;
  readonly references: ReadonlyMap<string, string>;
}

/** Hexadecimal checksum of several parts. */
export const digest = (algorithm: 'sha1' | 'sha256', ...parts: (string | Buffer)[]): string => {
  const hash = createHash(algorithm);
  for (const part of parts) hash.update(part);
  return hash.digest('hex');
};

const readDirectory = async (directory: string, isLarge: (path: string) => boolean): Promise<StoredFile[]> => {
  const entries = (await readdir(directory, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile());
  const files = entries.map(async (entry): Promise<StoredFile> => {
    const path = relative(directory, join(entry.parentPath, entry.name)).split(sep).join('/');
    const content = await readFile(join(entry.parentPath, entry.name));
    const gitSha1 = digest('sha1', `blob ${content.length}\0`, content);
    return { path, content, gitSha1, sha256: digest('sha256', content), isLarge: isLarge(path) };
  });
  return (await Promise.all(files)).sort((a, b) => (a.path < b.path ? -1 : 1));
};

/** Reads a repository's directories, and makes up commits from what they hold. */
export const storeRepository = async (repository: ServedRepository, isLarge: (path: string) => boolean): Promise<StoredRepository> => {
  const commits = new Map<string, readonly StoredFile[]>();
  const references = new Map<string, string>();
  for (const [reference, directory] of Object.entries(repository.revisions)) {
    const files = await readDirectory(directory, isLarge);
    const commit = digest('sha1', repository.name, ...files.map(({ path, gitSha1 }) => `${path} ${gitSha1}\n`));
    commits.set(commit, files);
    references.set(reference, commit);
  }
  return { ...repository, commits, references };
};

/** A file as the Hub's file lists show it. */
export const toEntry = ({ path, content, gitSha1, sha256, isLarge }: StoredFile): Record<string, unknown> => ({
  type: 'file',
  path,
  size: content.length,
  oid: isLarge ? digest('sha1', 'pointer', sha256) : gitSha1,
  ...(isLarge && { lfs: { oid: sha256, size: content.length, pointerSize: 134 }, xetHash: digest('sha256', 'xet', sha256) }),
});
