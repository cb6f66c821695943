import { readdirSync } from 'node:fs';
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { lastValueFrom, tap } from 'rxjs';
import t from 'tap';
import { initialize } from '../../pipelines/initialize.js';
import { claimOutput } from '../../src/journal/index.js';
import type { InitializationReport, ProgressEvent } from '../../src/reports/index.js';
import type { InitializeJob } from '../../src/stages/index.js';
import { differences, readOutput, runUntil } from './killed-runs.js';
import { makeTinyWorkplace, tinyJob } from './tiny-model.js';

type Event = ProgressEvent<InitializationReport>;

const place = await makeTinyWorkplace(t.testdir(), undefined, 16_000);
const job = (name: string, changes: Partial<InitializeJob> = {}): InitializeJob =>
  tinyJob(place, name, { budget: { kind: 'auto' }, ...changes });

/** Runs a job, and aborts it at an event. */
const run = async (wanted: InitializeJob, stop?: (event: Event) => boolean): Promise<Event[]> => {
  const controller = new AbortController();
  const events: Event[] = [];
  await new Promise<void>((resolve, reject) => {
    initialize({ ...wanted, signal: controller.signal }).subscribe({
      next: (event) => {
        events.push(event);
        if (stop?.(event)) controller.abort();
      },
      error: (error: Error) => (controller.signal.aborted ? resolve() : reject(error)),
      complete: resolve,
    });
  });
  return events;
};

const pilots = (events: readonly Event[]): number => events.filter((event) => event.type === 'stage' && event.stage === 'pilot').length;
const notices = (events: readonly Event[]): string[] => events.flatMap((event) => (event.type === 'notice' ? [event.code] : []));
const inStage =
  (stage: string) =>
  (event: Event): boolean =>
    event.type === 'stage' && event.stage === stage;

t.ok(pilots(await run(job('whole'))) > 0);
const whole = await readOutput(place.output('whole'));

t.test('a finished output is known without a pilot, and another run is refused by name', async (t) => {
  const again = await run(job('whole'));
  t.equal(pilots(again), 0);
  t.same(notices(again), ['finished']);
  const { calibrationTokens } = (again.at(-1) as { readonly result: InitializationReport }).result;
  const differs = (changes: Partial<InitializeJob>, message: RegExp) =>
    t.rejects(run(job('whole', changes)), { code: 'QL_OUTPUT_DIFFERS', message });
  await differs({ rank: 2 }, /\(rank: 4 there, 2 now\)/);
  await differs({ budget: { kind: 'tokens', tokens: calibrationTokens } }, /tokens: auto there, nothing now/);
  await differs({ budget: { kind: 'auto', most: 12_288 } }, /\(calibration tokens: .* there, .* now; held-out tokens: /);
  const impossible = job('whole', { initializer: 'svd', fresh: true });
  await t.rejects(run(impossible), { code: 'QL_TOKENS_AUTO' });
  t.same(differences(await readOutput(place.output('whole')), whole), [], 'which not even --fresh removed');
});

t.test('an output that another run holds is left alone', async (t) => {
  const claim = await claimOutput(place.output('held'), { fingerprint: { command: 'init' }, fresh: false, resumable: true });
  const events: Event[] = [];
  const busy$ = initialize(job('held')).pipe(tap((event) => events.push(event)));
  await t.rejects(lastValueFrom(busy$), { code: 'QL_OUTPUT_BUSY' });
  t.same(events, []);
  await claim.abandon();
});

t.test('the pilot works where the run does, and leaves nothing there', async (t) => {
  const scratch = t.testdir();
  const elsewhere = job('elsewhere', { scratch });
  const seen = new Set<string>();
  const look = (event: Event): boolean => {
    if (!inStage('pilot')(event)) return false;
    for (const name of readdirSync(scratch, { recursive: true, encoding: 'utf8' })) seen.add(name.replace(/-scratch-\w+/, ''));
    return true;
  };
  await run(elsewhere, look);
  t.ok(seen.has(join('.quailora', 'pilot', 'hidden-calibration-0-after-0.arrow')), [...seen].join());
  t.same(await readdir(scratch), []);
  await t.rejects(readdir(elsewhere.output), { code: 'ENOENT' }, 'nothing was chosen, so nothing is kept');
});

t.test('what was chosen is taken over, unless its record is damaged', async (t) => {
  const stopped = job('stopped');
  const work = join(stopped.output, '.quailora');
  const record = join(work, 'token-choice.json');
  t.ok(pilots(await run(stopped, inStage('calibrate'))) > 0);
  t.notOk((await readdir(work, { recursive: true })).some((name) => name.includes('pilot')));
  await writeFile(record, '{}');
  const again = await run(stopped, inStage('calibrate'));
  t.ok(pilots(again) > 0);
  t.ok(notices(again).includes('damaged'));
  const remembered = JSON.parse(await readFile(record, 'utf8')) as { value: { clock: { secondsPerStage: { pilot: number } } } };
  const resumed = await run(stopped);
  t.equal(pilots(resumed), 0);
  t.same(differences(await readOutput(stopped.output), whole), []);
  const { secondsPerStage } = (resumed.at(-1) as { readonly result: InitializationReport }).result;
  t.equal(secondsPerStage['pilot'], remembered.value.clock.secondsPerStage.pilot, 'the time it took counts once');
});

t.test(
  'killed in the pilot or as it ends, it goes on to the same bytes',
  { skip: process.platform === 'win32' && 'needs SIGKILL' },
  async (t) => {
    const line = ['init', place.model, '--calibration', place.text, '--tokens', 'auto', '--window', '32', '--held-out', '0.25'];
    const output = place.output('killed');
    const args = [...line, '--rank', '4', '--write-base', '--workers', '1', '--base-name', 'tiny', '--output', output];
    // 5 segments are embedded, the next files are those of the first block; the third rename gives the choice its name.
    for (const [call, chosen] of [
      ['worker:writev:half:7', false],
      ['main:rename:after:3', true],
    ] as const) {
      t.equal((await runUntil(args, { call })).status, 'SIGKILL', call);
      const left = await readdir(join(output, '.quailora'), { recursive: true });
      t.equal(left.includes('token-choice.json'), chosen, left.join());
      t.ok(
        left.some((name) => /scratch-\w+.pilot$/.test(name)),
        'the pilot was at work',
      );
      const { status, stderr } = await runUntil(args);
      t.equal(status, 0, stderr);
      t.same(differences(await readOutput(output), whole), [], call);
      await rm(output, { recursive: true });
    }
  },
);
