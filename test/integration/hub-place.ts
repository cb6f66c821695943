import { readdirSync } from 'node:fs';
import { mkdir, readdir, readFile } from 'node:fs/promises';
import { basename, join, relative } from 'node:path';
import type { Test } from 'tap';
import type { HubAccess } from '../../src/stages/index.js';
import { startHubServer, type HubServer } from '../hub/hub-server.js';
import { hastyPatience } from '../hub/tiny-repository.js';
import { makeTinyModel, makeTinyWorkplace, type TinyWorkplace } from './tiny-model.js';

/** A workplace whose model is on a Hub of its own as well. */
export interface HubPlace extends TinyWorkplace {
  /** Directory of a model that is not the workplace's. */
  readonly other: string;
  /** The model's id, `org/tiny`; `main` is the workplace's model, `other` another one. */
  readonly id: string;
  readonly server: HubServer;
  /** Access with a cache of this name, which waits no time. */
  hub(cache: string, changes?: Partial<HubAccess>): () => HubAccess;
  /** Names of the whole shards in a cache, now. */
  shardsInCache(cache: string): string[];
  /** Names of the partial files in a cache, now. */
  partialFiles(cache: string): string[];
}

const below = (directory: string): string[] => {
  try {
    return readdirSync(directory, { recursive: true, encoding: 'utf8' });
  } catch {
    return [];
  }
};

/** Sets a workplace up, and serves its model until the test ends. */
export const makeHubPlace = async (t: Test): Promise<HubPlace> => {
  const root = t.testdir({});
  const workplace = await makeTinyWorkplace(root);
  await mkdir(join(root, 'branch'));
  const other = await makeTinyModel(join(root, 'branch', 'model'), 'mistral-full');
  const id = 'org/tiny';
  const server = await startHubServer([{ kind: 'model', name: id, revisions: { main: workplace.model, other } }]);
  t.teardown(() => server.close());
  return {
    ...{ ...workplace, other, id, server },
    hub: (cache, changes) => () => ({
      ...{ endpoint: server.endpoint, cacheDirectory: join(root, cache), token: undefined, offline: false },
      patience: hastyPatience({ silenceMs: 20_000 }).patience,
      ...changes,
    }),
    shardsInCache: (cache) =>
      below(join(root, cache))
        .map((path) => basename(path))
        .filter((name) => name.endsWith('.safetensors'))
        .sort(),
    partialFiles: (cache) => below(join(root, cache)).filter((path) => path.includes('incomplete')),
  };
};

/** Every file below a directory, by its path. */
export const readTree = async (directory: string): Promise<Map<string, Buffer>> => {
  const entries = (await readdir(directory, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile());
  const paths = entries.map(({ parentPath, name }) => join(parentPath, name)).sort();
  return new Map(await Promise.all(paths.map(async (path) => [relative(directory, path), await readFile(path)] as const)));
};
