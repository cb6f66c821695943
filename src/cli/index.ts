export type { CliContext, Output, Pipelines, ProgressSource } from './context.js';
export { runCli } from './run-cli.js';
