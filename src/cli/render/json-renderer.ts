import type { Output } from '../context.js';
import { createProgressMeter } from './progress-meter.js';
import type { Renderer } from './renderer.js';

/** Prints one JSON event a line; the last line is the result itself, without an envelope. */
export const createJsonRenderer = <Result>(stdout: Output): Renderer<Result> => {
  const read = createProgressMeter(() => process.memoryUsage.rss());
  return {
    show: (event) => {
      const line = event.type === 'result' ? event.result : event.type === 'stage' ? { ...event, ...read(event) } : event;
      stdout.write(`${JSON.stringify(line)}\n`);
    },
    close: () => undefined,
  };
};
