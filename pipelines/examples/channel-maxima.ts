/**
 * A tap on the activation stream: the largest magnitude of every input channel, written as an Arrow IPC file.
 *
 *   quailora run pipelines/examples/channel-maxima.ts MODEL CALIBRATION OUTPUT MAXIMA.arrow [TOKENS] [WINDOW] [RANK]
 *
 * The file has one row for each channel of each activation: `block`, `input`, `channel`, `maximum`. Read it with
 * `pyarrow.ipc.open_file("MAXIMA.arrow").read_pandas()`.
 */
import { writeFile } from 'node:fs/promises';
import { tableFromArrays, tableToIPC } from 'apache-arrow';
import { chunkValues, chunkWidth, readHubSettings, STOCK_SETTINGS, type ActivationTap } from 'quailora';
import { initialize } from 'quailora/pipelines/initialize';
import { lastValueFrom } from 'rxjs';

const maxima = new Map<string, { readonly block: number; readonly input: string; readonly peaks: Float32Array }>();

const channelMaxima: ActivationTap = {
  inputs: 'all',
  consume: (chunk) => {
    const [values, width] = [chunkValues(chunk), chunkWidth(chunk)];
    const key = `${chunk.block} ${chunk.input}`;
    const entry = maxima.get(key) ?? { block: chunk.block, input: chunk.input, peaks: new Float32Array(width) };
    maxima.set(key, entry);
    for (let i = 0; i < values.length; i++) entry.peaks[i % width] = Math.max(entry.peaks[i % width]!, Math.abs(values[i]!));
  },
};

const [model, calibration, output, file, tokens = '16384', window = '512', rank = '64'] = process.argv.slice(2);
if (model === undefined || calibration === undefined || output === undefined || file === undefined)
  throw new Error('Give MODEL, CALIBRATION, OUTPUT and the Arrow file.');

const budget = { kind: 'tokens', tokens: Number(tokens) } as const;
const job = {
  ...STOCK_SETTINGS,
  ...{ model, calibration, output, budget, windowTokens: Number(window), rank: Number(rank) },
  hub: () => readHubSettings(process.env),
};
await lastValueFrom(initialize(job, { taps: [channelMaxima] }));

const rows = [...maxima.values()].flatMap(({ block, input, peaks }) =>
  Array.from(peaks, (maximum, channel) => ({ block, input, channel, maximum })),
);
const table = tableFromArrays({
  block: Int32Array.from(rows, (row) => row.block),
  input: rows.map((row) => row.input),
  channel: Int32Array.from(rows, (row) => row.channel),
  maximum: Float32Array.from(rows, (row) => row.maximum),
});
await writeFile(file, tableToIPC(table, 'file'));
console.log(JSON.stringify({ file, channels: rows.length, largest: rows.reduce((peak, row) => Math.max(peak, row.maximum), 0) }));
