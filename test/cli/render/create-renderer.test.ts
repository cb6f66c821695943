import { PassThrough } from 'node:stream';
import t from 'tap';
import { createRenderer } from '../../../src/cli/render/create-renderer.js';
import { summarizeInitialization } from '../../../src/cli/render/summarize-initialization.js';
import type { InitializationReport, ProgressEvent } from '../../../src/reports/index.js';
import { sampleReport } from '../../reports/sample-report.js';

/** A run of three blocks, with ten events in each. */
const events: readonly ProgressEvent<InitializationReport>[] = [
  { type: 'start', command: 'init', model: 'evil\u001b[2Jname', blocks: 3, calibrationTokens: 4096, heldOutTokens: 1024 },
  ...Array.from({ length: 30 }, (_, i) => ({
    type: 'stage' as const,
    stage: i % 10 < 8 ? 'calibrate' : 'solve',
    block: Math.floor(i / 10),
    blocks: 3,
    tokens: Math.min(8, i % 10) * 640,
    totalTokens: 5120,
    seconds: i,
  })),
  { type: 'module', block: 2, report: sampleReport().modules[0]! },
  { type: 'stage', stage: 'write', seconds: 31 },
  { type: 'result', result: sampleReport() },
];

/** What a run prints to a stream. */
const printed = (isTTY: boolean, json: boolean): string => {
  const stream = Object.assign(new PassThrough(), { isTTY, columns: 120, rows: 40 });
  const renderer = createRenderer<InitializationReport>(stream, json, (report) => summarizeInitialization(report, 'out', true));
  for (const event of events) renderer.show(event);
  renderer.close();
  renderer.close();
  const bytes = stream.read() as Buffer;
  return bytes.toString();
};

t.test('a pipe gets plain lines, one a block, and a table', async (t) => {
  const text = printed(false, false);
  t.notMatch(text, /[^\x20-\x7e\n]/, 'printable ASCII only');
  const lines = text.split('\n');
  t.equal(lines[0], 'init evil\\x1b[2Jname: 3 blocks, 4,096 calibration tokens, 1,024 held out');
  const status = lines.filter((line) => line.includes('resident'));
  t.equal(status.length, 4, 'three blocks and the write');
  t.match(status[1], /^ 0:10 {2}block 2\/3 {2}calibrate {2}\d+ tokens\/s {2}\d+ MiB resident {2}0:20 left$/);
  t.match(status[3], / 0:31 {2}write {2}/);
  t.match(text, /\| q_proj +\| +1 \| +50\.0 % \| +25\.0 % \| +37\.5 % \|/);
  t.match(text, /\| down_proj +\| +1 \| +75\.0 % \| +50\.0 % \| +62\.5 % \|/);
  t.match(text, /\| all +\| +2 \| +62\.5 % \| +37\.5 % \| +50\.0 % \|/);
  t.match(text, /900 records read; 3 without text; 12 of those used were cut to their length; 1 not held out because/);
  t.match(text, /peak memory 500 MiB\.\nWrote out\/adapter, out\/base and out\/report\.json\.\n$/);
});

t.test('transfers: a line a large file for a pipe, one below the status for a terminal', async (t) => {
  const transfer = (file: string, bytes: number, totalBytes: number, seconds: number): ProgressEvent<InitializationReport> => ({
    ...({ type: 'stage', stage: 'download', file, bytes, totalBytes, seconds } as const),
  });
  const shown = (isTTY: boolean): string => {
    const stream = Object.assign(new PassThrough(), { isTTY, columns: 120, rows: 40 });
    const renderer = createRenderer<InitializationReport>(stream, false, (report) => summarizeInitialization(report, 'out', true));
    renderer.show(transfer('config.json', 0, 700, 0));
    renderer.show(transfer('evil\u001b[2Jname', 0, 5 << 20, 1));
    renderer.show({ type: 'stage', stage: 'calibrate', block: 0, blocks: 3, seconds: 2 });
    renderer.show(transfer('evil\u001b[2Jname', 1 << 20, 5 << 20, 3));
    renderer.show(transfer('evil\u001b[2Jname', 5 << 20, 5 << 20, 4));
    renderer.show(transfer('evil\u001b[2Jname', 2 << 20, 5 << 20, 5));
    renderer.close();
    return (stream.read() as Buffer).toString();
  };
  t.same(
    shown(false)
      .split('\n')
      .filter((line) => line.includes('download')),
    [' 0:01  download evil\\x1b[2Jname  5.0 MiB', ' 0:05  download evil\\x1b[2Jname  5.0 MiB, 2.0 MiB are there'],
    'small files pass without a line; a file that comes again gets another',
  );
  t.notMatch(shown(true), /\u001b\[2Jname/);
  t.match(shown(true), /block 1\/3 {2}calibrate[^\n]*\n 0:01 {2}download evil/, 'below the status');
  t.match(shown(true), / 0:03 {2}download evil\\x1b\[2Jname {2}1\.0 MiB of 5\.0 MiB \(20\.0 %\)/);
});

t.test('a terminal gets one line that is redrawn, and the table', async (t) => {
  const text = printed(true, false);
  const erase = '\u001b[2K';
  t.ok(text.split(erase).length > 10, 'redrawn in place');
  t.notMatch(text, /\u001b\[2Jname/, "a model's name can't clear the screen");
  t.match(text, /block 3\/3 {2}solve/);
  t.match(text, /│ all +│/);
  t.notMatch(text.slice(text.lastIndexOf(erase)), /resident/, 'the status line is gone in the end');
});

t.test('JSON gets every event on a line, and the bare result last', async (t) => {
  const lines = printed(true, true).trimEnd().split('\n');
  t.equal(lines.length, events.length);
  const parsed = lines.map((line): unknown => JSON.parse(line));
  t.same(parsed[0], events[0]);
  t.match(parsed[15], { ...events[15], residentBytes: Number, tokensPerSecond: Number, secondsLeft: Number });
  t.same(parsed.at(-1), sampleReport());
});
