import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { lastValueFrom, toArray } from 'rxjs';
import t from 'tap';
import { initialize } from '../../pipelines/initialize.js';
import { refit } from '../../pipelines/refit.js';
import { outputState } from '../../src/journal/index.js';
import type { InitializationReport, ProgressEvent } from '../../src/reports/index.js';
import type { InitializeJob, RefitJob } from '../../src/stages/index.js';
import { differences, killAndResume, readOutput, runUndisturbed } from './killed-runs.js';
import { makeTinyWorkplace, tinyJob } from './tiny-model.js';

type Events = ProgressEvent<InitializationReport>[];

const place = await makeTinyWorkplace(t.testdir());
const keepJob = (name: string): InitializeJob => tinyJob(place, name, { keepStatistics: 'used', checkpointSeconds: 0 });
const run = (job: InitializeJob): Promise<Events> => lastValueFrom(initialize(job).pipe(toArray()));

/** Runs a job until a stage of a block, and aborts it there. */
const runTo = async (job: InitializeJob, block: number, stage: string): Promise<void> => {
  const controller = new AbortController();
  await new Promise<void>((resolve) => {
    initialize({ ...job, signal: controller.signal }).subscribe({
      next: (event) => {
        if (event.type === 'stage' && event.stage === stage && event.block === block) controller.abort();
      },
      error: () => resolve(),
      complete: () => resolve(),
    });
  });
};

const notices = (events: Events): (readonly [code: string, message: string])[] =>
  events.flatMap((event) => (event.type === 'notice' ? [[event.code, event.message] as const] : []));

const spoil = async (path: string): Promise<void> => {
  const bytes = await readFile(path);
  bytes[bytes.length >> 1]! ^= 1;
  await writeFile(path, bytes);
};

await run(keepJob('whole'));
const whole = await readOutput(place.output('whole'));

t.test('kept statistics outlive an interruption, and their index has those of every block', async (t) => {
  t.equal([...whole.keys()].filter((name) => name.endsWith('.arrow')).length, 3 * 4 * 2);
  for (const [stage, code] of [
    ['calibrate', 'resumed'],
    ['solve', 'resumed'],
  ] as const) {
    const stopped = keepJob(`stopped-${stage}`);
    await runTo(stopped, 1, stage);
    t.match((await outputState(stopped.output)).files, [/statistics\/block-0/]);
    t.match(notices(await run(stopped)), [[code, /1 of 3 blocks were done/]]);
    t.same(differences(await readOutput(stopped.output), whole), []);
  }
});

t.test('a block whose kept sums are damaged, missing or not recorded is done again', async (t) => {
  for (const [name, file, change, told] of [
    ['spoilt', 'statistics/block-0.mlp_input.calibration.arrow', spoil, true],
    ['gone', 'statistics/block-0.mlp_input.held-out.arrow', rm, true],
    ['record', '.quailora/kept-0.json', spoil, true],
    ['unrecorded', '.quailora/kept-0.json', rm, false],
  ] as const) {
    const broken = keepJob(name);
    await runTo(broken, 1, 'solve');
    await change(join(broken.output, file));
    const said = notices(await run(broken));
    t.equal(
      said.some(([code, message]) => code === 'damaged' && message.includes(file)),
      told,
      `${name}: ${said.join('; ')}`,
    );
    t.ok(
      said.some(([, message]) => message.startsWith('0 of 3 blocks were done, and 7 of the 7 layers of block 1')),
      said.join('; '),
    );
    t.same(differences(await readOutput(broken.output), whole), [], name);
  }
});

t.test('what is kept is a part of the fingerprint, and --fresh removes it', async (t) => {
  const output = place.output('fingerprint');
  await run({ ...keepJob('fingerprint'), output });
  await t.rejects(run({ ...keepJob('fingerprint'), keepStatistics: 'all-h' }), {
    code: 'QL_OUTPUT_DIFFERS',
    message: /keep-statistics: used there, all-h now/,
  });
  t.match(notices(await run(keepJob('fingerprint'))), [['finished', /holds this run already/]]);
  await rm(join(output, 'statistics', 'statistics.json'));
  await t.rejects(run(keepJob('fingerprint')), { code: 'QL_OUTPUT_DAMAGED', message: /statistics\.json/ });
  await run(tinyJob(place, 'fingerprint', { fresh: true }));
  t.notOk((await outputState(output)).files.some((file) => file.startsWith('statistics')));
});

t.test('a refit that is stopped goes on from its solved layers; finished, it says so', async (t) => {
  const job = (name: string): RefitJob => ({
    ...{ directory: place.output('whole'), output: place.output(name), rank: 2, writeBase: true, fresh: false, workers: 1 },
  });
  const again = (name: string): Promise<Events> => lastValueFrom(refit(job(name)).pipe(toArray()));
  await again('refit');
  const expected = await readOutput(place.output('refit'));
  const controller = new AbortController();
  await t.rejects(
    new Promise((resolve, reject) => {
      refit({ ...job('stopped'), signal: controller.signal }).subscribe({
        next: (event) => {
          if (event.type === 'module' && event.block === 1) controller.abort();
        },
        error: reject,
        complete: () => resolve(undefined),
      });
    }),
  );
  const events = await again('stopped');
  t.match(notices(events), [['resumed', /1 of 3 blocks were done, and [1-6] of the 7 layers of block 2/]]);
  const solved = events.filter((event) => event.type === 'module').length;
  t.ok(solved > 7 && solved < 14, `${solved} layers were left`);
  t.same(differences(await readOutput(place.output('stopped')), expected), []);
  t.match(notices(await again('stopped')), [['finished', /holds this run already/]]);
  await t.rejects(lastValueFrom(refit({ ...job('stopped'), rank: 3 })), { code: 'QL_OUTPUT_DIFFERS', message: /rank: 2 there, 3 now/ });
});

t.test('killed while it keeps statistics: the same bytes', { skip: process.platform === 'win32' && 'needs SIGKILL' }, async (t) => {
  const line = ['init', place.model, '--calibration', place.text, '--tokens', '640', '--window', '32', '--held-out', '0.25'];
  const args = [...line, '--rank', '4', '--workers', '1', '--base-name', 'tiny', '--checkpoint-seconds', '1000', '--keep-statistics'];
  const { files, calls } = await runUndisturbed(args, place.output('undisturbed'));
  t.ok(files.has('statistics/statistics.json'));
  // After the journal and its like, eight sums and a record are renamed before the first layers of a block are.
  for (const call of ['main:write:half:9', 'main:rename:before:9', 'main:rename:after:12', `main:rename:before:${calls['rename']! - 1}`]) {
    const { statuses, wrong } = await killAndResume(args, place.output('killed'), [{ call }], files);
    t.same(wrong, [], call);
    t.same(statuses, ['SIGKILL', 0], call);
  }
});
