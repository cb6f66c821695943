import type { Output } from '../context.js';
import { createJsonRenderer } from './json-renderer.js';
import { createLiveRenderer } from './live-renderer.js';
import { createPlainRenderer } from './plain-renderer.js';
import type { Renderer, Summary } from './renderer.js';

/** Chooses how to show a run: JSON on request, live on a terminal, plain lines anywhere else. */
export const createRenderer = <Result>(stdout: Output, json: boolean, summarize: (result: Result) => Summary): Renderer<Result> => {
  if (json) return createJsonRenderer(stdout);
  return stdout.isTTY === true ? createLiveRenderer(stdout, summarize) : createPlainRenderer(stdout, summarize);
};
