import type { FetchDatasetFile } from '../corpus/index.js';
import { openHubRepository, readHubSettings, type HubRepository } from '../hub/index.js';

/**
 * Brings dataset files from the Hub, or its cache, that the environment names; each repository is opened once.
 *
 * What comes back throws the errors of the Hub.
 */
export const fetchFromHub = (signal?: AbortSignal, environment: NodeJS.ProcessEnv = process.env): FetchDatasetFile => {
  const repositories = new Map<string, Promise<HubRepository>>();
  return async ({ kind, repository, revision, path }) => {
    const key = `${repository}@${revision}`;
    let opened = repositories.get(key);
    if (!opened) {
      opened = openHubRepository({ kind, name: repository, revision }, readHubSettings(environment), { signal });
      repositories.set(key, opened);
    }
    return (await opened).fetch(path, { signal });
  };
};
