// The three programs behind one set of verbs, so that the same walk can be gone with any two of them.
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Sandbox } from '../support/sandbox.ts';

/** Where a dataset was published: a RIA store under an alias, or a bare git-annex repository. */
export type Published = { readonly kind: 'store'; readonly path: string; readonly alias: string } | { readonly kind: 'bare'; readonly path: string };

export interface Actor {
  readonly name: string;
  /** Programs it needs besides dstore. */
  readonly tools: readonly string[];
  create(dataset: string): Promise<void>;
  save(dataset: string, message: string): Promise<void>;
  /** Publishes a dataset for the first time, to a new store in `folder`. */
  publish(dataset: string, folder: string): Promise<Published>;
  clone(from: Published, dataset: string): Promise<void>;
  get(dataset: string, ...paths: string[]): Promise<void>;
  drop(dataset: string, ...paths: string[]): Promise<void>;
  /** Sends what is new to where the dataset was published or cloned from. */
  push(dataset: string): Promise<void>;
  update(dataset: string): Promise<void>;
  unlock(dataset: string, ...paths: string[]): Promise<void>;
  lock(dataset: string, ...paths: string[]): Promise<void>;
  /** Fails when something is wrong. */
  fsck(dataset: string): Promise<void>;
}

/** Names of the ORA remotes that a clone has enabled. */
async function storageRemotes(sandbox: Sandbox, dataset: string): Promise<string[]> {
  const { stdout } = await sandbox.run('git', ['config', '--get-regexp', '^remote\\..*\\.annex-externaltype$', '^ora$'], { cwd: dataset });
  return stdout.split('\n').filter((line) => line !== '').map((line) => /^remote\.(.*)\.annex-externaltype /.exec(line)?.[1] ?? '');
}

/** Folder of a store's dataset by alias. */
export function datasetFolder(published: Published): string {
  return published.kind === 'bare' ? published.path : join(published.path, 'alias', published.alias);
}

const here = (paths: readonly string[]): string[] => paths.map((path) => `./${path}`);

export function datalad(sandbox: Sandbox): Actor {
  const run = (dataset: string, ...args: string[]): Promise<unknown> => sandbox.datalad(dataset, ...args);
  return {
    name: 'DataLad',
    tools: ['datalad', 'git-annex'],
    create: async (dataset) => void (await run(sandbox.root, 'create', dataset)),
    save: async (dataset, message) => void (await run(dataset, 'save', '-m', message)),
    async publish(dataset, folder) {
      await run(dataset, 'create-sibling-ria', '-s', 'ria', '--alias', 'project', '--new-store-ok', `ria+file://${folder}`);
      await run(dataset, 'push', '--to', 'ria');
      // The branch follows its publication, as it does in a clone.
      await sandbox.git(dataset, 'config', 'branch.main.remote', 'ria');
      await sandbox.git(dataset, 'config', 'branch.main.merge', 'refs/heads/main');
      return { kind: 'store', path: folder, alias: 'project' };
    },
    clone: async (from, dataset) =>
      void (await run(sandbox.root, 'clone', from.kind === 'store' ? `ria+file://${from.path}#~${from.alias}` : from.path, dataset)),
    get: async (dataset, ...paths) => void (await run(dataset, 'get', ...here(paths))),
    drop: async (dataset, ...paths) => void (await run(dataset, 'drop', ...here(paths))),
    async push(dataset) {
      const remote = (await sandbox.git(dataset, 'config', 'branch.main.remote')).trim();
      await run(dataset, 'push', '--to', remote);
    },
    update: async (dataset) => void (await run(dataset, 'update', '--how', 'merge')),
    unlock: async (dataset, ...paths) => void (await run(dataset, 'unlock', ...here(paths))),
    lock: async (dataset, ...paths) => void (await sandbox.annex(dataset, 'lock', ...here(paths))),
    fsck: async (dataset) => void (await sandbox.annex(dataset, 'fsck', '--quiet')),
  };
}

export function gitAnnex(sandbox: Sandbox): Actor {
  const annex = async (dataset: string, ...args: string[]): Promise<void> => void (await sandbox.annex(dataset, ...args));
  const remote = async (dataset: string): Promise<string> => (await sandbox.git(dataset, 'config', 'branch.main.remote')).trim();
  return {
    name: 'git-annex',
    tools: ['git-annex'],
    async create(dataset) {
      await sandbox.git(sandbox.root, 'init', '-q', dataset);
      await annex(dataset, 'init', '-q', 'made by git-annex');
    },
    async save(dataset, message) {
      await annex(dataset, 'add', '--quiet', '.');
      await sandbox.git(dataset, 'commit', '-q', '-a', '-m', message);
    },
    async publish(dataset, folder) {
      mkdirSync(folder, { recursive: true });
      const bare = join(folder, 'project.git');
      await sandbox.git(folder, 'init', '-q', '--bare', bare);
      await annex(bare, 'init', '-q', 'bare');
      await sandbox.git(dataset, 'remote', 'add', 'origin', bare);
      await annex(dataset, 'copy', '--quiet', '--to', 'origin', '.');
      await sandbox.git(dataset, 'fetch', '-q', 'origin');
      await annex(dataset, 'merge', '--quiet');
      await sandbox.git(dataset, 'push', '-q', '-u', 'origin', 'main', 'git-annex');
      // `push -u` made the git-annex branch follow as well, which git-annex never does.
      await sandbox.git(dataset, 'config', '--remove-section', 'branch.git-annex');
      return { kind: 'bare', path: bare };
    },
    async clone(from, dataset) {
      await sandbox.git(sandbox.root, 'clone', '-q', datasetFolder(from), dataset);
      // A dataset folder of a store is no annex of its own; its content is reached through the storage remote.
      if (from.kind === 'store') await sandbox.git(dataset, 'config', 'remote.origin.annex-ignore', 'true');
      await annex(dataset, 'init', '-q', 'clone by git-annex');
    },
    get: (dataset, ...paths) => annex(dataset, 'get', '--quiet', '--', ...here(paths)),
    drop: (dataset, ...paths) => annex(dataset, 'drop', '--quiet', '--', ...here(paths)),
    async push(dataset) {
      const origin = await remote(dataset);
      const storage = await storageRemotes(sandbox, dataset);
      await annex(dataset, 'copy', '--quiet', '--to', storage[0] ?? origin, '.');
      await sandbox.git(dataset, 'fetch', '-q', origin);
      await annex(dataset, 'merge', '--quiet');
      await sandbox.git(dataset, 'push', '-q', origin, 'main', 'git-annex');
    },
    async update(dataset) {
      await sandbox.git(dataset, 'pull', '-q', '--no-rebase', '--no-edit');
      await annex(dataset, 'merge', '--quiet');
    },
    unlock: (dataset, ...paths) => annex(dataset, 'unlock', '--quiet', '--', ...here(paths)),
    lock: (dataset, ...paths) => annex(dataset, 'lock', '--quiet', '--', ...here(paths)),
    fsck: (dataset) => annex(dataset, 'fsck', '--quiet'),
  };
}

export function dstore(sandbox: Sandbox): Actor {
  const run = async (cwd: string, ...args: string[]): Promise<void> => void (await sandbox.dstoreOk(args, { cwd }));
  return {
    name: 'dstore',
    tools: [],
    create: (dataset) => run(sandbox.root, 'create', dataset),
    save: (dataset, message) => run(dataset, 'save', '-m', message),
    async publish(dataset, folder) {
      if (!existsSync(folder)) await run(sandbox.root, 'store', 'init', folder);
      await run(dataset, 'push', '--to', folder, '--alias', 'project');
      return { kind: 'store', path: folder, alias: 'project' };
    },
    clone: (from, dataset) => run(sandbox.root, 'clone', from.kind === 'store' ? `${from.path}#~${from.alias}` : from.path, dataset),
    get: (dataset, ...paths) => run(dataset, 'get', ...here(paths)),
    drop: (dataset, ...paths) => run(dataset, 'drop', ...here(paths)),
    push: (dataset) => run(dataset, 'push'),
    update: (dataset) => run(dataset, 'update'),
    unlock: (dataset, ...paths) => run(dataset, 'unlock', ...here(paths)),
    lock: (dataset, ...paths) => run(dataset, 'lock', ...here(paths)),
    fsck: (dataset) => run(dataset, 'fsck'),
  };
}
