/**
 * Kills `quailora init` (SIGKILL) at seeded points, some moments and some calls of the file system with half of the bytes written,
 * lets the same command end, and compares every byte with an undisturbed run. A third of the runs are killed twice.
 *
 * usage: node dist/test/bench/kill-anywhere.js [--points 100] [--seed 1] [--tokens 8192] [--only N]
 *
 * Embedded model, NF4, rank 8, --write-base, one worker; half of the runs with a checkpoint after every segment. Prints JSON; ends with
 * status 1 when any result differs.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { drawPoint, killAndResume, pointsFrom, runUndisturbed, type KilledRun, type Undisturbed } from '../integration/killed-runs.js';
import { describeMachine, REPOSITORY } from './describe-machine.js';

const EMBEDDED = join(REPOSITORY, 'data/embedded');

/** Segments of 4,096 tokens, held-out ones apart, times the embedding and the ten blocks. */
const segmentsWritten = (tokens: number): number => 11 * (Math.ceil(tokens / 4096) + 1);

const options = parseArgs({
  options: {
    points: { type: 'string', default: '100' },
    seed: { type: 'string', default: '1' },
    tokens: { type: 'string', default: '8192' },
    only: { type: 'string' },
  },
}).values;

const line = (checkpointSeconds: number): string[] => [
  ...['init', join(EMBEDDED, 'model'), '--calibration', join(EMBEDDED, 'calibration.jsonl'), '--base-name', 'embedded'],
  ...['--tokens', options.tokens, '--window', '128', '--rank', '8', '--write-base', '--workers', '1'],
  ...['--checkpoint-seconds', String(checkpointSeconds)],
];

const main = async (): Promise<boolean> => {
  const scratch = await mkdtemp(join(tmpdir(), 'quailora-bench-'));
  try {
    const seconds = [0, 30] as const;
    const undisturbed: Undisturbed[] = [];
    for (const each of seconds) undisturbed.push(await runUndisturbed(line(each), join(scratch, `undisturbed-${each}`)));
    const stream = pointsFrom(Number(options.seed));
    const runs: KilledRun[] = [];
    for (let i = 0; i < Number(options.points); i++) {
      const which = i % seconds.length;
      const like = undisturbed[which]!;
      const points = Array.from({ length: stream.below(3) === 0 ? 2 : 1 }, () =>
        drawPoint(stream, like, segmentsWritten(Number(options.tokens))),
      );
      if (options.only !== undefined && i !== Number(options.only)) continue;
      const run = await killAndResume(line(seconds[which]!), join(scratch, 'killed'), points, undisturbed[0]!.files);
      runs.push(run);
      if (run.wrong.length > 0) process.stderr.write(`${i}: ${JSON.stringify(run)}\n`);
    }
    const wrong = runs.filter((run) => run.wrong.length > 0);
    const killed = runs.flatMap(({ statuses }) => statuses.slice(0, -1)).filter((status) => status === 'SIGKILL').length;
    const result = {
      benchmark: 'kill-anywhere',
      ...(await describeMachine()),
      task: options,
      runs: runs.length,
      kills: killed,
      endedBefore: runs.flatMap(({ points }) => points).length - killed,
      wrong,
    };
    process.stdout.write(`${JSON.stringify(result, null, 2)}\n`);
    return wrong.length === 0 && runs.length > 0;
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
};

process.exitCode = (await main()) ? 0 : 1;
