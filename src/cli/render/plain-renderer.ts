import type { Output } from '../context.js';
import { createProgressMeter } from './progress-meter.js';
import { renderSummary } from './render-summary.js';
import type { Renderer, Summary } from './renderer.js';
import { startLine, statusLine } from './status-line.js';

/** Prints one line a block, and one a stage outside the blocks, for a pipe or a log: no control characters. */
export const createPlainRenderer = <Result>(stdout: Output, summarize: (result: Result) => Summary): Renderer<Result> => {
  const read = createProgressMeter(() => process.memoryUsage.rss());
  let shown = '';
  return {
    show: (event) => {
      const reading = read(event);
      if (event.type === 'start') stdout.write(`${startLine(event)}\n`);
      else if (event.type === 'result') stdout.write(renderSummary(summarize(event.result), 'ascii'));
      else if (event.type === 'stage') {
        const place = event.block === undefined ? event.stage : `block ${event.block}`;
        if (place === shown) return;
        shown = place;
        stdout.write(`${statusLine(event, reading)}\n`);
      }
    },
    close: () => undefined,
  };
};
