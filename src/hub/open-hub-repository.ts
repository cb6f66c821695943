import type { HubOpenOptions, HubRepository, HubRepositoryId, HubSettings } from './contract.js';
import { HubError } from './hub-error.js';

/** Pins a repository to one commit and lists its files. */
export const openHubRepository = async (
  id: HubRepositoryId,
  _settings: HubSettings,
  _options: HubOpenOptions = {},
): Promise<HubRepository> => {
  throw new HubError('QL_HUB_SETTING', `${id.name}: not written yet.`);
};
