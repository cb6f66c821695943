import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);

const versionOf = (manifest: string): string => (require(manifest) as { version: string }).version;

/** Versions of quailora, Node and what does the arithmetic. */
export const versions = (): { readonly quailora: string; readonly [name: string]: string } => ({
  quailora: versionOf('../../../package.json'),
  node: process.version.slice(1),
  'onnxruntime-node': versionOf('onnxruntime-node/package.json'),
});
