// The contestants: how each of them does the same steps. A step is a list of command lines and the folder they run in.
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const dstore = [process.execPath, join(root, 'bin/dstore.js')];

/**
 * Each tool is given its own folder `base`. Common places below it: `dataset` (where the files are saved), `store`,
 * `clone` (a part is got), `full` (everything is got).
 */
export const TOOLS = {
  datalad: {
    title: 'DataLad',
    version: ['datalad', '--version'],
    create: (base) => [{ cwd: base, commands: [['datalad', 'create', 'dataset']] }],
    save: (base) => [{ cwd: join(base, 'dataset'), commands: [['datalad', 'save', '-m', 'content']] }],
    push: (base) => [{
      cwd: join(base, 'dataset'),
      commands: [
        ['datalad', 'create-sibling-ria', '-s', 'ria', '--alias', 'bench', '--new-store-ok', `ria+file://${base}/store`],
        ['datalad', 'push', '--to', 'ria'],
      ],
    }],
    pushNothing: (base) => [{ cwd: join(base, 'dataset'), commands: [['datalad', 'push', '--to', 'ria']] }],
    clone: (base, name) => [{ cwd: base, commands: [['datalad', 'clone', `ria+file://${base}/store#~bench`, name]] }],
    get: (base, name, paths) => [{ cwd: join(base, name), commands: [['datalad', 'get', ...paths]] }],
    drop: (base, name, paths) => [{ cwd: join(base, name), commands: [['datalad', 'drop', ...paths]] }],
    startUp: ['datalad', '--version'],
  },
  'git-annex': {
    title: 'git-annex, RIA store',
    version: ['git-annex', 'version', '--raw'],
    create: (base) => [{ cwd: base, commands: [['datalad', 'create', 'dataset']] }],
    save: (base) => [{ cwd: join(base, 'dataset'), commands: [['git', 'annex', 'add', '--quiet', '.'], ['git', 'commit', '-q', '-m', 'content']] }],
    beforePush: (base) => [{
      cwd: join(base, 'dataset'),
      commands: [['datalad', 'create-sibling-ria', '-s', 'ria', '--alias', 'bench', '--new-store-ok', `ria+file://${base}/store`]],
    }],
    push: (base) => [{
      cwd: join(base, 'dataset'),
      commands: [['git', 'annex', 'copy', '--quiet', '--to', 'ria-storage'], ['git', 'push', '-q', 'ria', 'main', 'git-annex']],
    }],
    pushNothing: (base) => [{
      cwd: join(base, 'dataset'),
      commands: [['git', 'annex', 'copy', '--quiet', '--to', 'ria-storage'], ['git', 'push', '-q', 'ria', 'main', 'git-annex']],
    }],
    // Only DataLad can clone from a RIA store; what git-annex does with the clone is its own.
    cloneBy: 'datalad',
    get: (base, name, paths) => [{ cwd: join(base, name), commands: [['git', 'annex', 'get', '--quiet', ...paths]] }],
    drop: (base, name, paths) => [{ cwd: join(base, name), commands: [['git', 'annex', 'drop', '--quiet', ...paths]] }],
    whereis: (base, name) => [{ cwd: join(base, name), commands: [['git', 'annex', 'whereis']] }],
    startUp: ['git-annex', 'version', '--raw'],
  },
  'git-annex-bare': {
    title: 'git-annex, bare repository',
    version: ['git-annex', 'version', '--raw'],
    create: (base) => [{ cwd: base, commands: [['git', 'init', '-q', 'dataset'], ['git', '-C', 'dataset', 'annex', 'init', '-q']] }],
    save: (base) => [{ cwd: join(base, 'dataset'), commands: [['git', 'annex', 'add', '--quiet', '.'], ['git', 'commit', '-q', '-m', 'content']] }],
    push: (base) => [{
      cwd: join(base, 'dataset'),
      commands: [
        ['git', 'init', '-q', '--bare', join(base, 'store')],
        ['git', '-C', join(base, 'store'), 'annex', 'init', '-q', 'store'],
        ['git', 'remote', 'add', 'store', join(base, 'store')],
        ['git', 'annex', 'copy', '--quiet', '--to', 'store'],
        ['git', 'annex', 'sync', '--quiet', 'store'],
        ['git', 'push', '-q', 'store', 'main', 'git-annex'],
      ],
    }],
    pushNothing: (base) => [{
      cwd: join(base, 'dataset'),
      commands: [['git', 'annex', 'copy', '--quiet', '--to', 'store'], ['git', 'annex', 'sync', '--quiet', 'store'], ['git', 'push', '-q', 'store', 'main', 'git-annex']],
    }],
    clone: (base, name) => [{ cwd: base, commands: [['git', 'clone', '-q', join(base, 'store'), name], ['git', '-C', name, 'annex', 'init', '-q']] }],
    get: (base, name, paths) => [{ cwd: join(base, name), commands: [['git', 'annex', 'get', '--quiet', ...paths]] }],
    drop: (base, name, paths) => [{ cwd: join(base, name), commands: [['git', 'annex', 'drop', '--quiet', ...paths]] }],
    whereis: (base, name) => [{ cwd: join(base, name), commands: [['git', 'annex', 'whereis']] }],
  },
  dstore: {
    title: 'dstore',
    version: [...dstore, '--version'],
    create: (base) => [{ cwd: base, commands: [[...dstore, 'create', '-q', 'dataset']] }],
    save: (base) => [{ cwd: join(base, 'dataset'), commands: [[...dstore, 'save', '-m', 'content']] }],
    push: (base) => [{
      cwd: join(base, 'dataset'),
      commands: [[...dstore, 'store', 'init', join(base, 'store')], [...dstore, 'push', '--to', join(base, 'store'), '--alias', 'bench']],
    }],
    pushNothing: (base) => [{ cwd: join(base, 'dataset'), commands: [[...dstore, 'push']] }],
    clone: (base, name) => [{ cwd: base, commands: [[...dstore, 'clone', `${base}/store#~bench`, name]] }],
    get: (base, name, paths) => [{ cwd: join(base, name), commands: [[...dstore, 'get', ...paths]] }],
    drop: (base, name, paths) => [{ cwd: join(base, name), commands: [[...dstore, 'drop', ...paths]] }],
    whereis: (base, name) => [{ cwd: join(base, name), commands: [[...dstore, 'whereis']] }],
    startUp: [...dstore, '--version'],
  },
};
