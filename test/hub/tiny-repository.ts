import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Test } from 'tap';
import { random } from '../../src/foundation/index.js';
import type { HubPatience, HubSettings } from '../../src/hub/index.js';
import { startHubServer, type HubServer, type HubServerOptions } from './hub-server.js';
import type { ServedRepository } from './stored-repository.js';

/** Seeded bytes. */
export const bytesOf = (length: number, seed: number): Buffer => {
  const { bits } = random(seed);
  return Buffer.from(Uint8Array.from({ length }, () => bits() & 255));
};

export const SHARD = bytesOf(200_000, 1);
export const CONFIG = Buffer.from('{"model_type": "llama"}\n');

/** Writes a repository's directory: a small file, a large one, one in a folder whose name needs escaping. */
export const writeTinyRepository = async (directory: string, shard = SHARD): Promise<string> => {
  await mkdir(join(directory, 'sub folder'), { recursive: true });
  await writeFile(join(directory, 'config.json'), CONFIG);
  await writeFile(join(directory, 'model.safetensors'), shard);
  await writeFile(join(directory, 'sub folder', 'a#b?.txt'), 'deep');
  return directory;
};

/** Patience that waits no time; `waits` collects what it would have waited, in milliseconds. */
export const hastyPatience = (
  changes: Partial<HubPatience> = {},
): { readonly patience: Partial<HubPatience>; readonly waits: number[] } => {
  const waits: number[] = [];
  const wait = async (ms: number, signal: AbortSignal | undefined): Promise<void> => {
    signal?.throwIfAborted();
    waits.push(ms);
  };
  return { waits, patience: { uniform: random(3).uniform, ...changes, wait } };
};

/** A server with `org/tiny` and an empty cache, both gone after the test. */
export const serveTiny = async (
  t: Test,
  options: HubServerOptions & { readonly repository?: Partial<ServedRepository>; readonly shard?: Buffer } = {},
): Promise<{ readonly server: HubServer; readonly settings: HubSettings }> => {
  const root = t.testdir({});
  const main = await writeTinyRepository(join(root, 'main'), options.shard);
  const server = await startHubServer([{ kind: 'model', name: 'org/tiny', revisions: { main }, ...options.repository }], options);
  t.teardown(() => server.close());
  return { server, settings: { endpoint: server.endpoint, cacheDirectory: join(root, 'cache'), token: undefined, offline: false } };
};
