/** Cloning: resolve where from, git clone, annex, remotes, as `datalad clone` leaves a clone. */
import { existsSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { DStoreError, isDStoreError } from '../core/errors.ts';
import type { Op } from '../core/op.ts';
import { isSameStore, parseStoreReference } from '../core/ria-url.ts';
import { editConfig } from '../git/config.ts';
import { cloneRepository } from '../git/repository.ts';
import type { GitRepository } from '../git/repository.ts';
import { locateDataset, storeOfDirectory } from '../store/store.ts';
import type { DatasetInStore, Store } from '../store/store.ts';
import { describeDataset } from './dataset.ts';
import type { Dataset } from './dataset.ts';
import { initAnnex } from './init-annex.ts';
import { readPlaces } from './places.ts';
import { gitDirectoryOf, localPath } from './remotes.ts';
import { resolveStoreName } from './store-names.ts';

export interface CloneRequest {
  readonly source: string;
  /** Target folder; default derived from the source. */
  readonly directory?: string | undefined;
  /** Folder that relative paths start from. */
  readonly base: string;
  readonly description?: string | undefined;
  /** Commit that must be checked out (nested datasets). */
  readonly commit?: string | undefined;
  /** Sources named by a dataset rather than typed by the user. */
  readonly nested?: boolean;
}

export interface ClonedDataset {
  readonly directory: string;
  readonly uuid: string;
  readonly id: string | undefined;
  /** False when the source has no git-annex branch: an ordinary git repository. */
  readonly annexed: boolean;
}

export async function cloneDataset(request: CloneRequest, op: Op): Promise<ClonedDataset> {
  const source = resolveSource(request);
  const directory = resolve(request.base, request.directory ?? source.defaultDirectory);
  if (existsSync(directory) && readdirSync(directory).length > 0) {
    throw new DStoreError('ALREADY_EXISTS', `${directory} exists and is not empty`, { hint: 'choose another folder: dstore clone SOURCE DIR' });
  }
  op.emit({ type: 'phase', name: 'cloning' });
  const repo = await cloneRepository(source.gitUrl, directory, {
    checkout: true, op,
    ...(source.version === undefined ? {} : { branch: source.version }),
    // Before anything else looks at the clone: the bare repository in a store must not be taken for an annex.
    ...(source.store === undefined ? {} : { config: { 'remote.origin.annex-ignore': 'true' } }),
  });
  try {
    if (request.commit !== undefined) await checkOutCommit(repo, request.commit, op);
    const annexed = [...repo.listRefs('refs/remotes/').keys()].some((name) => name.endsWith('/git-annex'));
    if (!annexed && repo.head().oid === undefined) op.emit({ type: 'warning', message: `${request.source} is empty: nothing has been pushed to it yet` });
    if (!annexed) return { directory, uuid: '', id: undefined, annexed: false };
    const uuid = await initAnnex(repo, op, { description: request.description });
    const dataset = describeDataset(repo, directory, '');
    if (source.store !== undefined && source.dataset !== undefined) await connectStore(dataset, source.store, source.dataset, op);
    else rememberOriginUuid(repo, source.gitUrl);
    await enableSpecialRemotes(dataset, op);
    return { directory, uuid, id: dataset.id, annexed: true };
  } catch (error) {
    if (request.nested === true) rmSync(directory, { recursive: true, force: true });
    throw error;
  } finally {
    await repo.close();
  }
}

interface Source {
  readonly gitUrl: string;
  readonly defaultDirectory: string;
  readonly version?: string;
  readonly store?: Store;
  readonly dataset?: DatasetInStore;
}

function resolveSource(request: CloneRequest): Source {
  const address = parseStoreReference(resolveStoreName(request.source, request.base), request.base);
  if (address === undefined) {
    refuseBrokenReference(request);
    const path = localPath(request.source, request.base);
    if (path !== undefined) return resolvePath(path);
    const name = basename(request.source.replace(/\/+$/, '').replace(/\/?\.git$/, '').replace(/^.*:/, '')) || 'dataset';
    return { gitUrl: request.source, defaultDirectory: name };
  }
  if (address.transport !== 'file') {
    throw new DStoreError('UNSUPPORTED', `stores over ${address.transport} are not supported by this version of dstore`, { hint: 'mount the store, or clone with: datalad clone' });
  }
  const { store, dataset } = locateDataset(address);
  requireRepository(dataset);
  return {
    gitUrl: address.alias === undefined ? dataset.directory : join(store.path, 'alias', address.alias),
    defaultDirectory: address.alias ?? dataset.id, store, dataset,
    ...(address.version === undefined ? {} : { version: address.version }),
  };
}

/** Text after the # of a store that names no dataset must not be taken for a path. */
function refuseBrokenReference({ source, base }: CloneRequest): void {
  const hash = source.indexOf('#');
  const store = source.slice(0, hash);
  if (hash < 1 || !existsSync(join(resolve(base, store), 'ria-layout-version'))) return;
  throw new DStoreError('URL_INVALID', `${source}: what follows # is neither a dataset ID nor ~ALIAS`, { hint: `see what the store has with: dstore store list ${store}` });
}

/** A path may be a dataset directory inside a store; then the clone is connected to the store as well. */
function resolvePath(path: string): Source {
  const git = gitDirectoryOf(path);
  if (git === undefined) {
    const what = existsSync(path) ? 'is not a git repository' : 'does not exist';
    throw new DStoreError('NOT_A_DATASET', `${path} ${what}`, { hint: 'name a dataset in a store as STORE#~ALIAS or STORE#ID' });
  }
  const name = basename(path.replace(/\/\.git$/, '')) || 'dataset';
  const inStore = storeOfDirectory(path);
  if (inStore === undefined) return { gitUrl: path, defaultDirectory: name };
  return { gitUrl: path, defaultDirectory: inStore.id, store: inStore.store, dataset: inStore.store.dataset(inStore.id) };
}

function requireRepository(dataset: DatasetInStore): void {
  if (gitDirectoryOf(dataset.directory) !== undefined) return;
  throw new DStoreError('STORE_CORRUPT', `${dataset.directory} has no git repository: the dataset cannot be cloned from here`, {
    hint: 'it may have been published without one (storage only); clone the git repository from where it is kept',
  });
}

/** Points the clone at the storage remote of the store it came from, whatever URL the dataset has on record. */
async function connectStore(dataset: Dataset, store: Store, inStore: DatasetInStore, op: Op): Promise<void> {
  const { repo } = dataset;
  const book = await readPlaces(dataset, op);
  const edits: { name: string; value: string }[] = [
    { name: 'datalad.get.subdataset-source-candidate-200origin', value: `${store.url}#{id}` },
  ];
  const special = inStore.storageUuid === undefined ? undefined : book.specialRemotes.get(inStore.storageUuid);
  if (inStore.storageUuid !== undefined && special !== undefined) {
    const name = special['name'] ?? special['sameas-name'] ?? 'storage';
    edits.push(
      { name: `remote.${name}.annex-externaltype`, value: 'ora' },
      { name: `remote.${name}.annex-uuid`, value: inStore.storageUuid },
      { name: `remote.${name}.annex-cost`, value: '100.0' },
      { name: `remote.${name}.annex-availability`, value: 'GloballyAvailable' },
      { name: `remote.${name}.skipfetchall`, value: 'true' },
    );
    if (!isSameStore(special['url'] ?? '', store.url)) edits.push({ name: `remote.${name}.ora-url`, value: store.url });
    edits.push({ name: 'remote.origin.datalad-publish-depends', value: name });
  } else {
    op.emit({ type: 'warning', message: `the store does not say which special remote holds the content of ${inStore.id}`, hint: 'content can only be had from the remotes that the dataset records: dstore remote list' });
  }
  editConfig(join(repo.commonDir, 'config'), edits);
  repo.reloadConfig();
}

/** Enables the special remotes that are recorded to be enabled everywhere and that need nothing but their record. */
export async function enableSpecialRemotes(dataset: Dataset, op: Op): Promise<void> {
  const book = await readPlaces(dataset, op);
  const { config } = dataset.repo;
  const edits: { name: string; value: string }[] = [];
  const taken = new Set(config.sections('remote'));
  for (const [recordUuid, special] of book.specialRemotes) {
    const uuid = special['sameas-uuid'] ?? recordUuid;
    const name = special['name'] ?? special['sameas-name'];
    if (special['autoenable'] !== 'true' || name === undefined || taken.has(name) || book.trust.get(uuid) === 'dead' || book.remoteNames.has(uuid)) continue;
    if (special['type'] !== 'external' || special['externaltype'] !== 'ora' || !/^[\w.@-]+$/.test(name) || name.startsWith('-')) continue;
    taken.add(name);
    edits.push({ name: `remote.${name}.annex-externaltype`, value: 'ora' }, { name: `remote.${name}.annex-uuid`, value: uuid }, { name: `remote.${name}.skipfetchall`, value: 'true' });
    if (uuid !== recordUuid) edits.push({ name: `remote.${name}.annex-config-uuid`, value: recordUuid });
  }
  if (edits.length === 0) return;
  editConfig(join(dataset.repo.commonDir, 'config'), edits);
  dataset.repo.reloadConfig();
}

/** git-annex keeps the UUID of each git remote it has looked at in the configuration. */
function rememberOriginUuid(repo: GitRepository, url: string): void {
  const path = localPath(url, repo.worktree ?? repo.gitDir);
  const git = path === undefined ? undefined : gitDirectoryOf(path);
  if (git === undefined) return;
  try {
    const uuid = /^\[annex\][^[]*?^\s*uuid\s*=\s*(\S+)\s*$/m.exec(readFileSync(join(git, 'config'), 'utf8'))?.[1];
    if (uuid !== undefined) {
      editConfig(join(repo.commonDir, 'config'), [{ name: 'remote.origin.annex-uuid', value: uuid }]);
      repo.reloadConfig();
    }
  } catch (error) {
    if (isDStoreError(error)) throw error;
  }
}

async function checkOutCommit(repo: GitRepository, commit: string, op: Op): Promise<void> {
  if (repo.head().oid === commit) return;
  await repo.checkoutCommit(commit, op);
}
