import { execFile } from 'node:child_process';
import { symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import t from 'tap';

const main = fileURLToPath(new URL('../../src/cli/main.js', import.meta.url));
const repository = fileURLToPath(new URL('../../../', import.meta.url));

/** Runs `quailora run` as a program of its own. */
const run = async (cwd: string, ...args: string[]): Promise<{ exitCode: unknown; stdout: string; stderr: string }> => {
  try {
    return { exitCode: 0, ...(await promisify(execFile)(process.execPath, [main, 'run', ...args], { cwd })) };
  } catch (error) {
    const { code, stdout, stderr } = error as { code: unknown; stdout: string; stderr: string };
    return { exitCode: code, stdout, stderr };
  }
};

const pipeline = `
import { Worker } from 'node:worker_threads';
import { once } from 'node:events';
const words: readonly string[] = process.argv.slice(2);
const worker = new Worker(new URL('./task.ts', import.meta.url));
const [answer]: string[] = await once(worker, 'message');
console.log(words.join('+'), answer, import.meta.resolve('quailora'));
`;
const task = `
import { parentPort } from 'node:worker_threads';
const answer: string = 'from a worker';
parentPort!.postMessage(answer);
`;

t.test('a TypeScript file runs, and so do the TypeScript modules of its workers', async (t) => {
  for (const manifest of [{ name: 'user' }, { name: 'user', type: 'commonjs' }, { name: 'user', type: 'module' }]) {
    const directory = t.testdir({ 'package.json': JSON.stringify(manifest), 'p.ts': pipeline, 'task.ts': task, node_modules: {} });
    await symlink(repository, join(directory, 'node_modules', 'quailora'));
    const { stdout, stderr, exitCode } = await run(directory, 'p.ts', 'a', '--json', '-h');
    t.equal(exitCode, 0, stderr);
    t.match(stdout, /^a\+--json\+-h from a worker file:.*\/dist\/src\/index\.js\n$/);
  }
});

t.test('its exit code is passed on, and so is what it throws', async (t) => {
  const directory = t.testdir({
    'seven.ts': 'const code: number = 7; process.exit(code);',
    'throws.ts': 'throw new Error("mine" as string);',
  });
  t.match(await run(directory, 'seven.ts'), { exitCode: 7, stderr: '' });
  t.match(await run(directory, 'throws.ts'), { exitCode: 1, stderr: /mine/ });
});
