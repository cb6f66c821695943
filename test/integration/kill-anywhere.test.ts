import t from 'tap';
import { killAndResume, runUndisturbed, type KillPoint } from './killed-runs.js';
import { makeTinyWorkplace } from './tiny-model.js';

// `make bench-kill` draws a hundred points of a larger run.
const POINTS: readonly (readonly [what: string, points: readonly KillPoint[]])[] = [
  ['half of a hidden state is written', [{ call: 'worker:writev:half:3' }]],
  ['a part has no name yet', [{ call: 'main:rename:before:20' }]],
  [
    'a checkpoint is half written, and the next attempt dies as it begins',
    [{ call: 'main:write:half:60' }, { call: 'main:rename:after:2' }],
  ],
  ['the base is there and the adapter is not', [{ call: 'main:rename:LAST' }]],
  ['some moment', [{ afterMs: 700 }]],
];

t.test('a run that is killed goes on, to the same bytes', { skip: process.platform === 'win32' && 'needs SIGKILL' }, async (t) => {
  const place = await makeTinyWorkplace(t.testdir());
  const line = ['init', place.model, '--calibration', place.text, '--tokens', '640', '--window', '32', '--held-out', '0.25'];
  const args = [...line, '--rank', '4', '--write-base', '--workers', '1', '--base-name', 'tiny', '--checkpoint-seconds', '0'];
  const { files, calls } = await runUndisturbed(args, place.output('undisturbed'));
  t.ok(files.has('report.json') && files.has('base/model.safetensors') && files.has('adapter/adapter_config.json'));
  t.ok(calls['rename']! > 60);
  for (const [what, points] of POINTS) {
    // The last but four of the renames puts README.md of the adapter in its place.
    const exact = points.map((point) => ('call' in point ? { call: point.call.replace('LAST', `after:${calls['rename']! - 5}`) } : point));
    const { statuses, wrong } = await killAndResume(args, place.output('killed'), exact, files);
    t.same(wrong, [], what);
    t.same(statuses, [...points.map(() => 'SIGKILL'), 0], what);
  }
});
