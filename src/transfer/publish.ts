/** Connecting a dataset to a store: its directory there, the storage special remote, the git remote. */
import { existsSync, realpathSync } from 'node:fs';
import { basename, join } from 'node:path';
import { parseUuidLog, setUuidLog } from '../core/annex-log.ts';
import { DStoreError } from '../core/errors.ts';
import type { Op } from '../core/op.ts';
import { parseRemoteConfig, printRemoteConfig } from '../core/remote-log.ts';
import { isSameStore } from '../core/ria-url.ts';
import type { Dataset } from '../dataset/dataset.ts';
import { gitDirectoryOf, localPath } from '../dataset/remotes.ts';
import { editConfig } from '../git/config.ts';
import { annexClock, randomUuid } from '../io/clock.ts';
import type { SharedMode } from '../io/durable.ts';
import { storeOfDirectory } from '../store/store.ts';
import type { Store } from '../store/store.ts';

export interface PublishOptions {
  readonly alias?: string | undefined;
  readonly shared?: SharedMode | undefined;
  /** Name wished for the git remote. */
  readonly name?: string | undefined;
}

/** Name of the git remote that reaches the dataset's directory in this store, when there is one. */
export function remoteForStore(dataset: Dataset, store: Store): string | undefined {
  const { config } = dataset.repo;
  const root = realpathSync(store.path);
  for (const name of config.sections('remote')) {
    const url = config.get(`remote.${name}.url`);
    const path = url === undefined ? undefined : localPath(url, dataset.top);
    const found = path === undefined ? undefined : storeOfDirectory(path);
    if (found !== undefined && found.store.path === root && found.id === dataset.id) return name;
  }
  return undefined;
}

/**
 * Makes the dataset known to the store and the store to the dataset; what exists already is used. Returns the git remote's name.
 * @throws ALIAS_TAKEN, STORE_VERSION before anything is made
 */
export async function connectToStore(dataset: Dataset, store: Store, options: PublishOptions, op: Op): Promise<string> {
  const { id, repo } = dataset;
  if (id === undefined) {
    throw new DStoreError('NO_ANNEX', `${dataset.top} has no dataset ID, by which stores know datasets`, { hint: 'give it one with: dstore create --force .' });
  }
  if (repo.head().oid === undefined) throw new DStoreError('USAGE', 'nothing is saved yet', { hint: 'save first: dstore save' });
  store.requireWritable();
  if (options.alias !== undefined) store.checkAliasFree(options.alias, id);
  const known = remoteForStore(dataset, store);
  const shared = options.shared ?? store.shared;
  const newUuid = randomUuid();
  const there = store.has(id) ? store.dataset(id) : await store.createDataset(id, newUuid, shared);
  if (options.alias !== undefined) store.setAlias(options.alias, id, shared);
  const name = known ?? freeRemoteName(dataset, options.name ?? basename(store.path));
  // Connected in all parts already: only an interruption leaves some.
  if (known !== undefined && isConnected(dataset, store, known, there.storageUuid)) return known;
  if (known === undefined) addGitRemote(dataset, name, there.directory);
  // Where it was published from another clone, its history names the storage remote, so it is fetched before anything is written.
  if (there.storageUuid !== newUuid) {
    await repo.fetch(name, [`+refs/heads/*:refs/remotes/${name}/*`], op);
    await dataset.branch.mergeRefs(op);
  }
  if (there.storageUuid !== undefined) {
    const storage = await enableStorage(dataset, store, there.storageUuid, name, op);
    editConfig(join(repo.commonDir, 'config'), [
      // The bare repository must not be taken for an annex of its own.
      { name: `remote.${name}.annex-ignore`, value: 'true' },
      { name: `remote.${name}.datalad-publish-depends`, value: storage },
    ]);
  }
  repo.reloadConfig();
  return name;
}

/** Whether the git remote leads content to the storage remote of its dataset directory, and that to this store. */
function isConnected(dataset: Dataset, store: Store, name: string, storageUuid: string | undefined): boolean {
  const { config } = dataset.repo;
  if (storageUuid === undefined) return true;
  return config.getAll(`remote.${name}.datalad-publish-depends`).some((storage) => {
    const noted = config.get(`remote.${storage}.ora-url`);
    return config.get(`remote.${storage}.annex-uuid`) === storageUuid && (noted === undefined || isSameStore(noted, store.url));
  });
}

/** Records the storage remote for everybody (remote.log) and enables it here. */
async function enableStorage(dataset: Dataset, store: Store, uuid: string, remote: string, op: Op): Promise<string> {
  const { repo } = dataset;
  const files = await dataset.branch.read(['remote.log'], op);
  const recorded = parseUuidLog(files.get('remote.log') ?? '').get(uuid)?.value;
  const special = recorded === undefined ? undefined : parseRemoteConfig(recorded);
  const remotes = repo.config.sections('remote');
  const wish = special?.['name'] ?? `${remote}-storage`;
  const enabled = remotes.find((other) => repo.config.get(`remote.${other}.annex-uuid`) === uuid);
  const name = enabled ?? (remotes.includes(wish) ? freeRemoteName(dataset, wish) : wish);
  const clock = annexClock();
  if (special === undefined) {
    const config = printRemoteConfig({ 'archive-id': dataset.id!, autoenable: 'true', encryption: 'none', externaltype: 'ora', name, type: 'external', url: store.url });
    await dataset.branch.update([
      { paths: ['remote.log'], edit: (current) => setUuidLog(current, uuid, config, clock) },
      { paths: ['uuid.log'], edit: (current) => setUuidLog(current, uuid, name, clock) },
    ], op);
  }
  editConfig(join(repo.commonDir, 'config'), [
    { name: `remote.${name}.annex-externaltype`, value: 'ora' },
    { name: `remote.${name}.annex-uuid`, value: uuid },
    { name: `remote.${name}.skipfetchall`, value: 'true' },
    { name: `remote.${name}.annex-cost`, value: '100.0' },
    { name: `remote.${name}.annex-availability`, value: 'GloballyAvailable' },
    ...oraUrl(special?.['url'], store.url, repo.config.get(`remote.${name}.ora-url`)).map((value) => ({ name: `remote.${name}.ora-url`, value })),
  ]);
  repo.reloadConfig();
  return name;
}

/** The address to note in this clone: needed where the recorded one, or one noted earlier, leads elsewhere. */
function oraUrl(recorded: string | undefined, actual: string, noted: string | undefined): string[] {
  const used = noted ?? recorded;
  return used === undefined || isSameStore(used, actual) ? [] : [actual];
}

function addGitRemote(dataset: Dataset, name: string, directory: string): void {
  editConfig(join(dataset.repo.commonDir, 'config'), [
    { name: `remote.${name}.annex-ignore`, value: 'true' },
    { name: `remote.${name}.url`, value: directory },
    { name: `remote.${name}.fetch`, value: `+refs/heads/*:refs/remotes/${name}/*` },
  ]);
  dataset.repo.reloadConfig();
}

function freeRemoteName(dataset: Dataset, wish: string): string {
  const base = wish.replaceAll(/[^\w.-]+/g, '-').replaceAll(/^[-.]+|[-.]+$/g, '') || 'store';
  const taken = new Set(dataset.repo.config.sections('remote'));
  for (let number = 1; ; number++) {
    const name = number === 1 ? base : `${base}-${number}`;
    if (!taken.has(name) && !taken.has(`${name}-storage`)) return name;
  }
}

/** Whether a git remote is a repository with a work tree on this machine: its checked-out branch cannot be pushed to. */
export function hasWorkTree(dataset: Dataset, remote: string): boolean {
  const url = dataset.repo.config.get(`remote.${remote}.pushurl`) ?? dataset.repo.config.get(`remote.${remote}.url`);
  const path = url === undefined ? undefined : localPath(url, dataset.top);
  const git = path === undefined ? undefined : gitDirectoryOf(path);
  return git !== undefined && git !== path && existsSync(git);
}
