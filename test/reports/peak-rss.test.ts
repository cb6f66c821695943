import { spawn } from 'node:child_process';
import { once } from 'node:events';
import t from 'tap';
import { peakRssBytes } from '../../src/reports/index.js';

const MIB = 2 ** 20;

t.test('the mark stays up after memory is given back', async (t) => {
  const before = await peakRssBytes();
  t.ok(before >= process.memoryUsage.rss() * 0.9, 'at least what is resident now');
  let block: Buffer | undefined = Buffer.alloc(192 * MIB, 1);
  const held = process.memoryUsage.rss();
  block = undefined;
  const after = await peakRssBytes();
  t.equal(block, undefined);
  t.ok(after >= held * 0.98, `${after} after ${held} were resident`);
});

t.test('a living child counts', { skip: process.platform !== 'linux' && 'only Linux tells' }, async (t) => {
  const alone = await peakRssBytes();
  const child = spawn(process.execPath, [
    '-e',
    'globalThis.held = Buffer.alloc(128 * 2 ** 20, 1); console.log("up"); setInterval(() => {}, 1e6)',
  ]);
  await once(child.stdout, 'data');
  const together = await peakRssBytes();
  child.kill();
  await once(child, 'exit');
  t.ok(together >= alone + 128 * MIB, `${alone} alone, ${together} together`);
});
