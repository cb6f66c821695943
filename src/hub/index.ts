export type {
  HubFetchOptions,
  HubFile,
  HubOpenOptions,
  HubPatience,
  HubRepository,
  HubRepositoryId,
  HubRepositoryKind,
  HubSettings,
  HubTransfer,
} from './contract.js';
export { HubError, type HubErrorOptions } from './hub-error.js';
export { openHubRepository } from './open-hub-repository.js';
export { readHubSettings } from './read-hub-settings.js';
