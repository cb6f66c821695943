import type { HubSettings } from './contract.js';
import { HubError } from './hub-error.js';

/** Reads where the Hub, its cache and the token are, as Python's huggingface_hub does (constants.py of 2.4). */
export const readHubSettings = (_environment: NodeJS.ProcessEnv): HubSettings => {
  throw new HubError('QL_HUB_SETTING', 'Not written yet.');
};
