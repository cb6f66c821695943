import { execFile } from 'node:child_process';
import { cp, mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import ts from 'typescript';

const repository = fileURLToPath(new URL('../../../', import.meta.url));
const fixtures = join(repository, 'test/fixtures/adding-a-family');
const page = await readFile(join(repository, 'src/models/README.md'), 'utf8');

/** Code blocks of one section of the page. */
const codeOf = (section: number): string[] => {
  const text = page.split(/^## /m).find((part) => part.startsWith(`${section}. `));
  return [...(text ?? '').matchAll(/^```\w+\n(.*?)^```$/gms)].map(([, code]) => code!);
};

const [family] = codeOf(2);
const [line] = codeOf(3);
const [test] = codeOf(4);

/** Copies what a family and its test stand on, compiled, with the page's fixture in the place of the shipped ones. */
const copyTree = async (root: string): Promise<void> => {
  for (const part of ['src', 'test/contracts', 'test/models'])
    await cp(join(repository, 'dist', part), join(root, 'dist', part), { recursive: true });
  await cp(join(repository, 'package.json'), join(root, 'package.json'));
  await mkdir(join(root, 'test/fixtures'), { recursive: true });
  await symlink(fixtures, join(root, 'test/fixtures/models'));
};

/** Strict options of the project; declarations in the copy stand for the other sources. */
const options: ts.CompilerOptions = {
  ...{ module: ts.ModuleKind.NodeNext, target: ts.ScriptTarget.ES2023, strict: true, noUncheckedIndexedAccess: true },
  ...{ exactOptionalPropertyTypes: true, skipLibCheck: true, types: ['node'], typeRoots: [join(repository, 'node_modules/@types')] },
};

/** Type-checks and compiles one of the page's files where it belongs; gives the compiler's complaints. */
const compile = async (root: string, file: string, code: string): Promise<string[]> => {
  const path = join(root, 'dist', file);
  await writeFile(path, code);
  const program = ts.createProgram([path], options);
  program.emit();
  return ts.getPreEmitDiagnostics(program).map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n'));
};

const run = (root: string, file: string): Promise<{ readonly failed: boolean; readonly output: string }> =>
  new Promise((resolve) => {
    // tap's loaders come in NODE_OPTIONS; the page's test is run by itself.
    const env = { PATH: process.env['PATH'], TAP: '1' };
    execFile(process.execPath, [join(root, 'dist', file)], { cwd: repository, env }, (error, stdout, stderr) =>
      resolve({ failed: error !== null, output: stdout + stderr }),
    );
  });

t.test('the recipe is the one that made the fixture', async (t) => {
  t.equal(codeOf(1)[0], await readFile(join(fixtures, 'starcoder2.py'), 'utf8'));
});

t.test('the steps of the page add a family', async (t) => {
  const root = t.testdir();
  await copyTree(root);

  const before = await compile(root, 'test/models/starcoder2.test.ts', test!);
  t.strictSame(before, [], 'the test compiles');
  const unknown = await run(root, 'test/models/starcoder2.test.js');
  t.ok(unknown.failed);
  t.match(unknown.output, /model_type "starcoder2"/, 'without the family it is refused');

  t.strictSame(await compile(root, 'src/models/starcoder2.ts', family!), [], 'the family compiles');
  const index = join(root, 'dist/src/models/index.js');
  const source = await readFile(index, 'utf8');
  await writeFile(index, `${line!}${source.replace('const families = [', 'const families = [starcoder2, ')}`);
  const { failed, output } = await run(root, 'test/models/starcoder2.test.js');
  t.notOk(failed, failed ? output : 'the test passes');
  t.match(output, /ok \d+ - starcoder2-sliding equals transformers/);
  t.equal([...output.matchAll(/^ok \d+ - starcoder2-sliding would notice/gm)].length, 6, 'each mutation shows');
});
