import { openHubRepository, type HubSettings } from '../../src/hub/index.js';

// Run by tests as a process of its own: fetches the shard of org/tiny, and tells its parent how far it is.
const settings = JSON.parse(process.env['SETTINGS'] ?? '') as HubSettings;
const repository = await openHubRepository({ kind: 'model', name: 'org/tiny' }, settings, { patience: { firstWaitMs: 1 } });
await repository.fetch('model.safetensors', { onTransfer: ({ bytes }) => process.send?.(bytes) });
process.disconnect();
