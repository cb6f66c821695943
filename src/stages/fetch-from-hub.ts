import type { FetchDatasetFile } from '../corpus/index.js';
import { openHubRepository, type HubFetchOptions, type HubRepository } from '../hub/index.js';
import type { ModelChoice } from './jobs.js';

/**
 * Brings dataset files from the Hub, or its cache; each repository is opened once.
 *
 * @returns undefined where the job knows no Hub; what comes back throws the errors of the Hub
 */
export const fetchFromHub = (hub: ModelChoice['hub'], options: HubFetchOptions): FetchDatasetFile | undefined => {
  if (!hub) return undefined;
  const repositories = new Map<string, Promise<HubRepository>>();
  return async ({ kind, repository, revision, path }) => {
    const key = `${repository}@${revision}`;
    let opened = repositories.get(key);
    if (!opened) {
      const settings = hub();
      opened = openHubRepository({ kind, name: repository, revision }, settings, { signal: options.signal, patience: settings.patience });
      repositories.set(key, opened);
    }
    return (await opened).fetch(path, options);
  };
};
