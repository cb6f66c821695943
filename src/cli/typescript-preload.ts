import { register as registerHooks } from 'node:module';
import { register as registerTsx } from 'tsx/esm/api';

// Loaded with --import, so that worker threads, which inherit that flag, load TypeScript too; tsx's own entry skips them.
registerTsx();
registerHooks('./typescript-hooks.js', import.meta.url);
