import { cp, mkdir, readdir, rename, rm, stat, symlink, truncate } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { lastValueFrom, toArray } from 'rxjs';
import t, { type Test } from 'tap';
import { initialize } from '../../pipelines/initialize.js';
import { refit } from '../../pipelines/refit.js';
import { QuailoraError } from '../../src/foundation/index.js';
import { outputState } from '../../src/journal/index.js';
import type { InitializeJob } from '../../src/stages/index.js';
import { differences, readOutput } from './killed-runs.js';
import { makeTinyWorkplace, tinyJob } from './tiny-model.js';

/** Modes stop nobody who is root; these stop everybody. */
const WAYS: Readonly<Record<string, (path: string) => Promise<void>>> = {
  'a directory': async (path) => {
    await rm(path);
    await mkdir(path);
  },
  'a link to nothing': async (path) => {
    await rm(path);
    await symlink(`${path}.gone`, path);
  },
  empty: (path) => truncate(path, 0),
  cut: async (path) => truncate(path, (await stat(path)).size >> 1),
  // Its first page is mapped by nothing, so it opens and reading ends with EIO.
  ...(process.platform === 'linux' && {
    EIO: async (path: string) => {
      await rm(path);
      await symlink('/proc/self/mem', path);
    },
  }),
};

const place = await makeTinyWorkplace(t.testdir());
const job = (name: string, changes: Partial<InitializeJob> = {}): InitializeJob =>
  tinyJob(place, name, { checkpointSeconds: 0, keepStatistics: 'used', ...changes });

/** How a run took what it could not read: the error, or its notices. */
const outcomeOf = async (one: InitializeJob): Promise<{ readonly error?: unknown; readonly told: readonly string[] }> => {
  try {
    const events = await lastValueFrom(initialize(one).pipe(toArray()));
    return { told: events.flatMap((event) => (event.type === 'notice' ? [event.message] : [])) };
  } catch (error) {
    return { error, told: [] };
  }
};

const isTyped = (t: Test, error: unknown, path: string, what: string): void => {
  t.ok(error instanceof QuailoraError && error.code.startsWith('QL_'), `${what}: ${String(error)}`);
  t.match(String(error), basename(path), `${what} is named`);
};

/** Spoils a file in each way, lets something happen, and puts the file back. */
const inEachWay = async (path: string, happens: (how: string) => Promise<void>): Promise<void> => {
  const whole = join(t.testdirName, 'put-aside');
  for (const [how, spoil] of Object.entries(WAYS)) {
    await cp(path, whole);
    await spoil(path);
    await happens(how);
    await rm(path, { recursive: true, force: true });
    await rename(whole, path);
  }
};

t.test('a model shard', async (t) => {
  const shard = join(place.model, 'model-00002-of-00003.safetensors');
  await inEachWay(shard, async (how) => {
    const { error } = await outcomeOf(job('out'));
    isTyped(t, error, shard, `a shard that is ${how}`);
    t.equal((await outputState(place.output('out'))).kind, 'absent');
  });
});

t.test('a file that the base only gets a copy of: the layers are solved already, and are taken over', async (t) => {
  const licence = join(place.model, 'LICENSE');
  for (const [how, target] of [
    ['a link to nothing', `${licence}.gone`],
    ...(process.platform === 'linux' ? [['EIO', '/proc/self/mem'] as const] : []),
  ] as const) {
    await symlink(target, licence);
    const { error } = await outcomeOf(job('out'));
    isTyped(t, error, licence, `a licence that is ${how}`);
    t.match(error, { code: 'QL_SOURCE_FILE' });
    await rm(licence);
    const { told } = await outcomeOf(job('out'));
    t.match(told, [/3 of 3 blocks were done/]);
    await rm(place.output('out'), { recursive: true });
  }
});

t.test('the calibration text', async (t) => {
  await inEachWay(place.text, async (how) => {
    // Half of the text is a text.
    if (how === 'cut') return;
    const { error } = await outcomeOf(job('out'));
    isTyped(t, error, place.text, `a text that is ${how}`);
    t.equal((await outputState(place.output('out'))).kind, 'absent');
  });
});

/** Stops a run inside its second block, where layers, sums and hidden states are on the disk. */
const stopInside = async (one: InitializeJob): Promise<void> => {
  const controller = new AbortController();
  await new Promise<void>((resolve) => {
    initialize({ ...one, signal: controller.signal }).subscribe({
      next: (event) => {
        if (event.type === 'stage' && event.stage === 'solve' && event.block === 1) controller.abort();
      },
      error: () => resolve(),
      complete: () => resolve(),
    });
  });
};

/** The first file of a directory whose path has some part. */
const findFile = async (directory: string, part: string): Promise<string> => {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  const paths = entries.filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name));
  return paths.filter((path) => path.slice(directory.length).includes(part)).sort()[0]!;
};

t.test('what an earlier attempt left: an error that names it, or done again with a notice, and never other bytes', async (t) => {
  await lastValueFrom(initialize(job('whole')));
  const whole = await readOutput(place.output('whole'));
  const stopped = job('stopped');
  const output = stopped.output;
  const again = async (): Promise<void> => {
    await rm(output, { recursive: true, force: true });
    await cp(`${output}-copy`, output, { recursive: true });
  };
  await stopInside(stopped);
  await cp(output, `${output}-copy`, { recursive: true });
  for (const part of ['hidden-', 'sums-', 'checkpoint.json', 'kept-0.json', 'journal.json', join('statistics', 'block-0.'), 'q_proj']) {
    for (const [how, spoil] of Object.entries(WAYS)) {
      await again();
      const path = await findFile(output, part);
      await spoil(path);
      const what = `${part} that is ${how}`;
      const { error, told } = await outcomeOf(stopped);
      if (error !== undefined) {
        isTyped(t, error, path, what);
        continue;
      }
      t.ok(
        told.some((message) => message.includes(path)),
        `${what} is told of: ${told.join('; ')}`,
      );
      t.same(differences(await readOutput(output), whole), [], what);
    }
  }
});

t.test('kept statistics', async (t) => {
  const { output: directory } = job('whole');
  for (const part of ['block-1.', 'statistics.json']) {
    const path = await findFile(join(directory, 'statistics'), part);
    await inEachWay(path, async (how) => {
      const again = refit({ directory, output: place.output('again'), writeBase: false, fresh: false, workers: 1 });
      const error: unknown = await lastValueFrom(again).catch((reason: unknown) => reason);
      isTyped(t, error, path, `${part} that is ${how}`);
      await rm(place.output('again'), { recursive: true, force: true });
    });
  }
});
