const { readdirSync, readFileSync } = require('node:fs');
const { join } = require('node:path');

/** Folders of src/ in data-flow order; each group may import the groups before it, and its own members. */
const GROUPS = [
  ['foundation'],
  ['hub'],
  ['dataflow', 'transport', 'checkpoint', 'corpus', 'graph'],
  ['models', 'runtime'],
  ['linalg'],
  ['quantizers', 'calibration', 'initializers', 'exporters', 'evaluation', 'planning', 'journal'],
  ['stages'],
  ['reports', 'cli'],
];
const FOLDERS = GROUPS.flat();

const inFolders = (folders) => `^src/(${folders.join('|')})/`;

/** The Stage contract hands every stage a MatrixEngine: a type, which is all that dataflow may take from runtime. */
const RUNTIME_DOOR = '^src/runtime/index\\.ts$';

/** A folder may not import any folder of a later group. */
const directions = GROUPS.slice(0, -1).map((group, i) => ({
  name: `no-later-folder-from-${group[0]}`,
  comment: `${group.join(', ')} come before the folder that is imported.`,
  severity: 'error',
  from: { path: inFolders(group) },
  to: { path: inFolders(GROUPS.slice(i + 1).flat()), ...(group.includes('dataflow') && { pathNot: RUNTIME_DOOR }) },
}));

const dataflowTakesTypes = {
  name: 'dataflow-takes-only-types-from-runtime',
  severity: 'error',
  from: { path: inFolders(GROUPS.find((group) => group.includes('dataflow'))) },
  to: { path: RUNTIME_DOOR, dependencyTypesNot: ['type-only'] },
};

/** Every folder is entered through its index.ts only. */
const doors = FOLDERS.map((folder) => ({
  name: `door-of-${folder}`,
  comment: `Import from src/${folder}/index.ts.`,
  severity: 'error',
  from: { path: '^(src|pipelines)/', pathNot: `^src/${folder}/` },
  to: { path: `^src/${folder}/`, pathNot: `^src/${folder}/index\\.ts$` },
}));

/** Files of a folder that export an implementation of its contract; the folder's other files serve all of them. */
const implementations = (folder, contract) => {
  const directory = join(__dirname, '..', 'src', folder);
  const exportsOne = new RegExp(`^export const \\w+(: | = [^;{]*\\): )${contract}\\b`, 'm');
  return readdirSync(directory).filter((name) => name.endsWith('.ts') && exportsOne.test(readFileSync(join(directory, name), 'utf8')));
};

/** Implementations of one contract know the contract, and what serves all of them, but not each other. */
const siblings = [
  ['models', 'ModelFamily'],
  ['quantizers', 'Quantizer'],
  ['initializers', 'Initializer'],
  ['exporters', 'Exporter'],
]
  .flatMap(([folder, contract]) => {
    const files = implementations(folder, contract).map((name) => `^src/${folder}/${name.replaceAll('.', '\\.')}$`);
    return files.map((file) => ({
      name: `siblings-in-${folder}`,
      comment: `One ${contract} imports another; what both need goes into a file of its own, or into linalg or foundation.`,
      severity: 'error',
      from: { path: file },
      to: { path: files.filter((other) => other !== file) },
    }));
  })
  .filter(({ to }) => to.path.length > 0);

const only = (packageName, homes) => ({
  name: `${packageName}-only-in-${homes[0]}`,
  comment: `${packageName} is used in ${homes.join(', ')} only.`,
  severity: 'error',
  from: { path: '^(src|pipelines)/', pathNot: `^(${homes.join('|')})/` },
  to: { path: `(^|/)node_modules/${packageName}/` },
});

module.exports = {
  forbidden: [
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } } },
    {
      name: 'no-unresolved',
      comment: 'The import leads nowhere.',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
    {
      name: 'no-unlisted-package',
      comment: 'The package is not among the dependencies of package.json.',
      severity: 'error',
      from: { path: '^(src|pipelines)/' },
      to: { dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown'], dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'pipelines-are-outside',
      comment: 'Only the command line runs pipelines; src/ itself never depends on them.',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/cli/' },
      to: { path: '^pipelines/' },
    },
    {
      name: 'nobody-imports-the-command-line',
      severity: 'error',
      from: { path: '^(src|pipelines)/', pathNot: '^src/cli/' },
      to: { path: '^src/cli/' },
    },
    { name: 'no-test-code', severity: 'error', from: { path: '^(src|pipelines)/' }, to: { path: '^test/' } },
    ...directions,
    dataflowTakesTypes,
    ...doors,
    ...siblings,
    only('rxjs', ['src/dataflow', 'src/stages', 'pipelines']),
    only('onnxruntime-node', ['src/runtime']),
    only('apache-arrow', ['src/transport', 'pipelines/examples']),
    only('piscina', ['src/runtime']),
    only('@huggingface/hub', ['src/hub']),
  ],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^(dist|test)/' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'default', 'types'] },
  },
};
