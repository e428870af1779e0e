/** A dataset clone opened for work: its git repository, its annex, and what the commands share. */
import { readFileSync, realpathSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { DStoreError } from '../core/errors.ts';
import type { Run } from '../core/run.ts';
import { isUuid } from '../core/uuid.ts';
import { parseConfigText } from '../git/config.ts';
import type { GitConfig } from '../git/config.ts';
import { openRepository } from '../git/repository.ts';
import type { GitRepository } from '../git/repository.ts';
import { openAnnexLocks } from '../io/annex-locks.ts';
import type { AnnexLocks } from '../io/annex-locks.ts';
import { openBulkIo } from '../io/bulk.ts';
import type { BulkIo } from '../io/bulk.ts';
import type { SharedMode } from '../io/durable.ts';
import { openAnnexBranch } from './annex-branch.ts';
import type { AnnexBranch } from './annex-branch.ts';
import { linkGitFile } from './git-file.ts';
import { KeyCache } from './key-cache.ts';
import { LocalObjects } from './local-objects.ts';
import { Scratch } from './scratch.ts';

export interface Dataset {
  readonly repo: GitRepository;
  /** Absolute real path of the work tree. */
  readonly top: string;
  /** Folder the user stands in, relative to `top`; '' at the top. */
  readonly prefix: string;
  readonly annexDirectory: string;
  /** UUID of this clone in the location log. */
  readonly uuid: string;
  /** Dataset ID (`datalad.dataset.id`), the same in all clones; undefined in a plain git-annex repository. */
  readonly id: string | undefined;
  readonly objects: LocalObjects;
  readonly branch: AnnexBranch;
  readonly keys: KeyCache;
  readonly bulk: BulkIo;
  readonly shared: SharedMode;
  /** Folder for what is not complete yet. */
  readonly scratch: Scratch;
  locks(): AnnexLocks;
  close(): Promise<void>;
}

/** Git repository that `cwd` lies in, which must have a work tree. */
export function openWorkTree(cwd: string): { repo: GitRepository; top: string; prefix: string } {
  const repo = openRepository(cwd);
  if (repo.worktree === undefined) {
    void repo.close();
    throw new DStoreError('NOT_A_DATASET', `${cwd} is a bare repository: it has no files to work with`, {
      hint: 'clone it and work in the clone: dstore clone SOURCE DIR',
    });
  }
  const top = realpathSync(repo.worktree);
  const inside = relative(top, realpathSync(cwd));
  return { repo, top, prefix: inside.split(sep).join('/') };
}

/**
 * Opens the dataset that `cwd` lies in.
 * @throws NOT_A_DATASET outside of git; NO_ANNEX in a git repository without annex
 */
export function openDataset(cwd: string, run: Pick<Run, 'jobs'> = {}): Dataset {
  const { repo, top, prefix } = openWorkTree(cwd);
  try {
    const dataset = describeDataset(repo, top, prefix, run);
    linkGitFile(repo);
    return dataset;
  } catch (error) {
    void repo.close();
    throw error;
  }
}

export function describeDataset(repo: GitRepository, top: string, prefix: string, run: Pick<Run, 'jobs'> = {}): Dataset {
  const { config } = repo;
  const [uuid, version] = [config.get('annex.uuid'), config.get('annex.version')];
  if ((uuid === undefined) !== (version === undefined)) {
    throw new DStoreError('CONFIG_INVALID', `${top}: only one of annex.uuid and annex.version is set in the git configuration`, {
      hint: 'restore the other one in .git/config; without it nobody can tell which copy this clone is',
    });
  }
  if (uuid === undefined || version === undefined) {
    throw new DStoreError('NO_ANNEX', `${top} is a git repository without an annex`, {
      hint: 'make it a dataset with: dstore create --force .',
    });
  }
  if (!['8', '9', '10'].includes(version)) {
    throw new DStoreError('UNSUPPORTED', `${top}: annex.version ${version} is not known`, { hint: 'a newer dstore may know it' });
  }
  const annexDirectory = join(repo.commonDir, 'annex');
  let locks: AnnexLocks | undefined;
  let bulk: BulkIo | undefined;
  const openLocks = (): AnnexLocks => locks ??= openAnnexLocks(lockOptions(config, annexDirectory));
  const shared = sharedMode(config.get('core.sharedrepository'));
  const scratch = new Scratch(annexDirectory, shared);
  const keys = new KeyCache(repo, join(annexDirectory, 'dstore'));
  return {
    repo, top, prefix, annexDirectory, uuid,
    id: readDatasetId(top),
    objects: new LocalObjects(annexDirectory, repo.bare),
    branch: openAnnexBranch(repo, annexDirectory, openLocks),
    keys,
    get bulk() { return bulk ??= openBulkIo(run.jobs === undefined ? {} : { workers: run.jobs }); },
    shared,
    scratch,
    locks: openLocks,
    async close() {
      keys.save();
      await bulk?.close();
      scratch.close();
      await repo.close();
    },
  };
}

/** How the locks of an annex are taken, as its configuration says. */
export function lockOptions(config: Pick<GitConfig, 'get' | 'getBoolean' | 'getNumber'>, annexDirectory: string): Parameters<typeof openAnnexLocks>[0] {
  const timeout = config.getNumber('annex.pidlocktimeout');
  return {
    annexDirectory, pidLock: config.getBoolean('annex.pidlock') ?? false, shared: sharedMode(config.get('core.sharedrepository')),
    ...(timeout === undefined ? {} : { pidLockTimeoutSeconds: timeout }),
  };
}

/** Opens the dataset, runs the work, and closes it whatever happens. */
export async function withDataset<T>(cwd: string, run: Pick<Run, 'jobs'>, work: (dataset: Dataset) => Promise<T>): Promise<T> {
  const dataset = openDataset(cwd, run);
  try {
    return await work(dataset);
  } finally {
    await dataset.close();
  }
}

/** The dataset ID in `.datalad/config`, or undefined. */
export function readDatasetId(top: string): string | undefined {
  let text: string;
  try {
    text = readFileSync(join(top, '.datalad', 'config'), 'utf8');
  } catch {
    return undefined;
  }
  const id = parseConfigText(text).findLast(([name]) => name === 'datalad.dataset.id')?.[1];
  return id !== undefined && isUuid(id) ? id : undefined;
}

/** git's core.sharedRepository in terms of who may use new directories. */
export function sharedMode(value: string | undefined): SharedMode {
  switch (value?.toLowerCase()) {
    case 'group': case 'true': case '1': case '0660': case '0770': case '2770': return 'group';
    case 'all': case 'world': case 'everybody': case '2': case '0664': case '0666': case '0775': case '0777': return 'all';
    default: return 'private';
  }
}

/** Refuses to work on a branch whose commits must not be shared; @param doing e.g. `save` */
export function refuseAdjustedBranch(repo: GitRepository, doing: string): void {
  const { branch } = repo.head();
  if (branch === undefined) return;
  const adjusted = /^adjusted\/(.+)\([^()]*\)$/.exec(branch);
  if (adjusted === null && !branch.startsWith('views/')) return;
  const leave = adjusted === null ? 'git annex vpop' : `git checkout ${adjusted[1]}`;
  throw new DStoreError('ADJUSTED_BRANCH', `cannot ${doing} on ${branch}: its commits must not leave this clone`, {
    hint: `leave the branch with: ${leave} (or keep it and use git annex sync)`,
  });
}
