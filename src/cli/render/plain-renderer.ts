import type { Output } from '../context.js';
import { plainText } from './plain-text.js';
import { createProgressMeter } from './progress-meter.js';
import { renderSummary } from './render-summary.js';
import type { Renderer, Summary } from './renderer.js';
import { beginLine, startLine, statusLine } from './status-line.js';

/** Files smaller than this are transferred without a line. */
const MENTIONED_BYTES = 1 << 20;

/** Prints one line a block, one a stage outside the blocks and one a large file, for a pipe or a log: no control characters. */
export const createPlainRenderer = <Result>(stdout: Output, summarize: (result: Result) => Summary): Renderer<Result> => {
  const read = createProgressMeter(() => process.memoryUsage.rss());
  let shown = '';
  let transferring = { file: '', bytes: 0 };
  return {
    show: (event) => {
      const reading = read(event);
      if (event.type === 'start') stdout.write(`${startLine(event)}\n`);
      else if (event.type === 'notice') stdout.write(`${plainText(event.message)}\n`);
      else if (event.type === 'result') stdout.write(renderSummary(summarize(event.result), 'ascii'));
      else if (event.type === 'stage') {
        const { file, bytes = 0, totalBytes = 0 } = event;
        if (file !== undefined) {
          const begins = file !== transferring.file || bytes < transferring.bytes;
          transferring = { file, bytes };
          if (begins && totalBytes >= MENTIONED_BYTES) stdout.write(`${beginLine(event)}\n`);
          return;
        }
        const place = event.block === undefined ? event.stage : `block ${event.block}`;
        if (place === shown) return;
        shown = place;
        stdout.write(`${statusLine(event, reading)}\n`);
      }
    },
    close: () => undefined,
  };
};
