/** The remotes of a clone: which exist, what they are, and opening those that hold content. */
import { existsSync, readFileSync } from 'node:fs';
import { isAbsolute, join, resolve } from 'node:path';
import { DStoreError } from '../core/errors.ts';
import { parseLayoutVersion } from '../core/layout-version.ts';
import type { RemoteConfig } from '../core/remote-log.ts';
import { datasetDirectory, parseRiaUrl } from '../core/ria-url.ts';
import { redactUrl } from '../core/text.ts';
import { createConfig, parseConfigText } from '../git/config.ts';
import type { GitConfig } from '../git/config.ts';
import { openAnnexLocks } from '../io/annex-locks.ts';
import { openAnnexRepository } from '../remote/annex-repository.ts';
import type { Remote } from '../remote/remote.ts';
import { openRiaDirectory } from '../remote/ria-directory.ts';
import { openStore } from '../store/store.ts';
import type { Dataset } from './dataset.ts';
import { lockOptions, sharedMode } from './dataset.ts';
import type { PlaceBook } from './places.ts';

export interface ContentRemote {
  readonly name: string;
  readonly uuid: string;
  /** git-annex's name of the type: `ora`, `git`, `directory`, `S3`, … */
  readonly type: string;
  readonly where: string;
  readonly cost: number;
  /** Why it cannot be used by this program, when it cannot. */
  readonly unusable?: string;
  /** @throws REMOTE_UNAVAILABLE, UNSUPPORTED */
  open(): Remote;
}

/** All remotes that hold content, cheapest first. Opening is left to the caller: a remote that is not needed is not touched. */
export function contentRemotes(dataset: Dataset, book: PlaceBook): ContentRemote[] {
  const { config } = dataset.repo;
  const found: ContentRemote[] = [];
  for (const name of config.sections('remote')) {
    if (config.getBoolean(`remote.${name}.annex-ignore`) === true) continue;
    const remote = describeSpecial(dataset, book, name) ?? describeRepository(dataset, name);
    if (remote !== undefined) found.push(remote);
  }
  return found.sort((a, b) => a.cost - b.cost || (a.name < b.name ? -1 : 1));
}

/** @throws REMOTE_UNKNOWN */
export function findContentRemote(dataset: Dataset, book: PlaceBook, name: string): ContentRemote {
  const all = contentRemotes(dataset, book);
  const storage = dataset.repo.config.get(`remote.${name}.datalad-publish-depends`);
  const found = all.find((remote) => remote.name === name || remote.uuid === name) ?? all.find((remote) => remote.name === storage);
  if (found === undefined) {
    throw new DStoreError('REMOTE_UNKNOWN', `${name}: no such remote with content`, { hint: 'see the remotes with: dstore remote list' });
  }
  return found;
}

function describeSpecial(dataset: Dataset, book: PlaceBook, name: string): ContentRemote | undefined {
  const { config } = dataset.repo;
  const uuid = config.get(`remote.${name}.annex-uuid`);
  if (uuid === undefined) return undefined;
  const special = book.specialRemotes.get(config.get(`remote.${name}.annex-config-uuid`) ?? uuid);
  if (special === undefined) return undefined;
  const cost = configuredCost(dataset, name) ?? 200;
  const type = special['type'] === 'external' ? special['externaltype'] ?? 'external' : special['type'] ?? 'unknown';
  if (type !== 'ora' && type !== 'ria') return unusable({ name, uuid, type, where: special['url'] ?? '', cost }, `remotes of type ${type} are not supported by this version of dstore`);
  return describeOra(dataset, name, uuid, special);
}

function describeOra(dataset: Dataset, name: string, uuid: string, special: RemoteConfig): ContentRemote {
  const { config } = dataset.repo;
  const url = config.get(`remote.${name}.ora-url`) ?? special['url'] ?? '';
  const base = { name, uuid, type: 'ora', where: redactUrl(url), cost: configuredCost(dataset, name) ?? 100 };
  if (special['encryption'] !== undefined && special['encryption'] !== 'none') return unusable(base, 'encrypted remotes are not supported by this version of dstore');
  if (special['chunk'] !== undefined) return unusable(base, 'chunked remotes are not supported by this version of dstore');
  const archiveId = special['archive-id'] ?? dataset.id;
  if (archiveId === undefined) return unusable(base, 'the remote does not say which dataset it belongs to (archive-id)');
  let address;
  try {
    address = parseRiaUrl(url);
  } catch (error) {
    return unusable(base, `its URL cannot be understood: ${(error as Error).message}`);
  }
  if (address.transport !== 'file') return unusable({ ...base, cost: configuredCost(dataset, name) ?? 200 }, `stores over ${address.transport} are not supported by this version of dstore`);
  const directory = join(address.path, archiveId.length > 3 ? datasetDirectory(archiveId) : archiveId);
  const storePath = address.path;
  return {
    ...base, where: directory,
    open() {
      const unreachable = (why: string, cause?: unknown): DStoreError => new DStoreError('REMOTE_UNAVAILABLE', `${name}: ${why}`, {
        hint: 'check that the file system is mounted; if the store has moved: git config remote.' + name + '.ora-url ria+file:///NEW/PATH', cause, retryable: true,
      });
      let store;
      try {
        store = openStore(storePath);
      } catch (error) {
        throw unreachable((error as Error).message, error);
      }
      const versionFile = join(directory, 'ria-layout-version');
      if (!existsSync(versionFile)) throw unreachable(`the store has no dataset directory ${directory}`);
      const { version } = parseLayoutVersion(readFileSync(versionFile, 'utf8'));
      const known = store.version === '1' ? version : `store ${store.version}`;
      return openRiaDirectory({
        name, uuid, clientUuid: dataset.uuid, directory, layoutVersion: known, shared: store.shared, bulk: dataset.bulk, cost: base.cost,
      });
    },
  };
}

function describeRepository(dataset: Dataset, name: string): ContentRemote | undefined {
  const { config } = dataset.repo;
  const url = config.get(`remote.${name}.url`);
  if (url === undefined) return undefined;
  const path = localPath(url, dataset.top);
  if (path === undefined) {
    const uuid = config.get(`remote.${name}.annex-uuid`);
    if (uuid === undefined) return undefined;
    return unusable({ name, uuid, type: 'git', where: redactUrl(url), cost: configuredCost(dataset, name) ?? 200 }, 'git-annex repositories over the network are not supported by this version of dstore');
  }
  const git = gitDirectoryOf(path);
  const settings = git === undefined ? undefined : readSettings(join(git, 'config'));
  const uuid = settings?.get('annex.uuid') ?? config.get(`remote.${name}.annex-uuid`);
  if (uuid === undefined) return undefined;
  const base = { name, uuid, type: 'git', where: path, cost: configuredCost(dataset, name) ?? 100 };
  return {
    ...base,
    open() {
      if (git === undefined || settings === undefined) {
        throw new DStoreError('REMOTE_UNAVAILABLE', `${name}: there is no repository at ${path}`, { hint: 'check that the file system is mounted, then run the command again', retryable: true });
      }
      return openAnnexRepository({
        name, uuid, gitDirectory: git, bare: settings.getBoolean('core.bare') ?? false, shared: sharedMode(settings.get('core.sharedrepository')),
        bulk: dataset.bulk, cost: base.cost, locks: () => openAnnexLocks(lockOptions(settings, join(git, 'annex'))),
      });
    },
  };
}

/** git-annex writes costs with a fraction (`100.0`). */
function configuredCost(dataset: Dataset, name: string): number | undefined {
  const cost = Number.parseFloat(dataset.repo.config.get(`remote.${name}.annex-cost`) ?? '');
  return Number.isFinite(cost) ? cost : undefined;
}

function unusable(base: { name: string; uuid: string; type: string; where: string; cost: number }, why: string): ContentRemote {
  return {
    ...base, unusable: why,
    open() {
      throw new DStoreError('UNSUPPORTED', `${base.name}: ${why}`, { hint: `use git-annex for this remote: git annex get --from ${base.name}` });
    },
  };
}

/** The path that a git URL means on this machine, or undefined when it leads elsewhere. */
export function localPath(url: string, base: string): string | undefined {
  if (url.startsWith('file://')) {
    try {
      return decodeURIComponent(new URL(url).pathname);
    } catch {
      return undefined;
    }
  }
  if (isAbsolute(url)) return url;
  // `host:path` is ssh, unless a slash comes before the colon, as git reads it.
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(url) || /^[^/]*:/.test(url)) return undefined;
  return resolve(base, url);
}

/** The git directory of a repository at a path: itself when bare, else its `.git`. */
export function gitDirectoryOf(path: string): string | undefined {
  const inside = join(path, '.git');
  if (existsSync(join(inside, 'HEAD'))) return inside;
  if (existsSync(inside)) {
    try {
      const target = /^gitdir: (.+)$/m.exec(readFileSync(inside, 'utf8'))?.[1];
      if (target !== undefined) return resolve(path, target.trim());
    } catch {
      return undefined;
    }
  }
  return existsSync(join(path, 'HEAD')) && existsSync(join(path, 'objects')) ? path : undefined;
}

function readSettings(path: string): GitConfig {
  return createConfig(parseConfigText(readFileSync(path, 'utf8')));
}
