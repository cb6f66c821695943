import type { FetchDatasetFile } from '../corpus/index.js';
import { openHubRepository, readHubSettings, type HubRepository } from '../hub/index.js';

/** Brings dataset files from the Hub that the environment names, each repository opened once. */
export const fetchFromHub = (signal?: AbortSignal): FetchDatasetFile => {
  const repositories = new Map<string, Promise<HubRepository>>();
  return async ({ kind, repository, revision, path }) => {
    const key = `${repository}@${revision}`;
    let opened = repositories.get(key);
    if (!opened) {
      opened = openHubRepository({ kind, name: repository, revision }, readHubSettings(process.env), { signal });
      repositories.set(key, opened);
    }
    return (await opened).fetch(path, { signal });
  };
};
