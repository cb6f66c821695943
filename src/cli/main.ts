#!/usr/bin/env node
import { setFlagsFromString } from 'node:v8';
import { runCli } from './run-cli.js';
import { stockPipelines } from './stock-pipelines.js';

// The young heap would grow to 48 MiB within some thirty blocks: memory that only depth would cost.
setFlagsFromString('--semi-space-growth-factor=1');

// A reader that left (`| head`) is no failure; nobody is there to read an error either.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
});

const { stdout, stderr, env: environment } = process;
process.exitCode = await runCli(process.argv.slice(2), { stdout, stderr, environment, pipelines: stockPipelines });
