/**
 * A store on one filesystem shard: a RIA store root as DataLad writes and reads it. Specified in store-layout/SPEC.md.
 */
import { chmodSync, existsSync, lstatSync, readFileSync, readdirSync, readlinkSync, realpathSync, renameSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { DStoreError, isDStoreError, toDStoreError } from '../core/errors.ts';
import { parseLayoutVersion } from '../core/layout-version.ts';
import type { StoreAddress } from '../core/ria-url.ts';
import { datasetDirectory, fileStoreUrl } from '../core/ria-url.ts';
import { isUuid } from '../core/uuid.ts';
import { editConfig } from '../git/config.ts';
import { initRepository } from '../git/repository.ts';
import { randomName } from '../io/clock.ts';
import { makeDirectory, syncDirectory, syncFileSystem, writeFileAtomic } from '../io/durable.ts';
import type { SharedMode } from '../io/durable.ts';

/** Layout of the dataset tree that this program reads and writes. */
const STORE_VERSION = '1';
/** Object layout of new dataset directories: its first hash level is the partition. */
const NEW_DATASET_VERSION = '1';
/** As the kernel: more links than this are a loop. */
const MAX_LINKS = 40;

export interface DatasetInStore {
  readonly id: string;
  /** Absolute path of the dataset directory: a bare git repository with `annex/objects`. */
  readonly directory: string;
  readonly aliases: readonly string[];
  /** Object layout, `1` or `2`; other versions are readable at best. */
  readonly layoutVersion: string;
  /** UUID of the storage special remote, when recorded in the dataset directory's configuration. */
  readonly storageUuid: string | undefined;
}

export class Store {
  /** Absolute path of the root. */
  readonly path: string;
  /** `ria+file://…`, as recorded in datasets. */
  readonly url: string;
  readonly version: string;

  constructor(path: string, version: string) {
    this.path = path;
    this.version = version;
    this.url = fileStoreUrl(path);
  }

  /** Sharing of new directories follows the root: group-writable and setgid means everybody in the group may write. */
  get shared(): SharedMode {
    const { mode } = statSync(this.path);
    if ((mode & 0o020) === 0) return 'private';
    return (mode & 0o007) === 0o005 || (mode & 0o007) === 0o007 ? 'all' : 'group';
  }

  /** @throws STORE_VERSION when the tree is laid out in a way this program does not write */
  requireWritable(): void {
    if (this.version !== STORE_VERSION) {
      throw new DStoreError('STORE_VERSION', `${this.path}: store layout version ${this.version} is not one this program writes (${STORE_VERSION})`, {
        hint: 'use a newer dstore for this store',
      });
    }
  }

  directoryOf(id: string): string {
    return join(this.path, datasetDirectory(id));
  }

  /** @throws PERMISSION, IO when it cannot be found out */
  has(id: string): boolean {
    const file = join(this.directoryOf(id), 'ria-layout-version');
    try {
      return statSync(file, { throwIfNoEntry: false }) !== undefined;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOTDIR') return false;
      throw toDStoreError(error, `cannot look for ${file}`);
    }
  }

  /** @throws DATASET_UNKNOWN; STORE_CORRUPT when the directory is there without its version file */
  dataset(id: string): DatasetInStore {
    const directory = this.directoryOf(id);
    if (!existsSync(directory)) {
      throw new DStoreError('DATASET_UNKNOWN', `${this.path} has no dataset ${id}`, { hint: `see what it has with: dstore store list ${this.path}` });
    }
    return this.#describe(id, directory, this.#aliases());
  }

  /** The dataset that an alias names; aliases of aliases are followed, but never out of the store. */
  resolveAlias(alias: string): string {
    checkFileName(alias);
    const link = join(this.path, 'alias', alias);
    if (lstatSync(link, { throwIfNoEntry: false }) === undefined) {
      throw new DStoreError('DATASET_UNKNOWN', `${this.path} has no alias ${alias}`, { hint: `see what it has with: dstore store list ${this.path}` });
    }
    let target: string;
    try {
      target = realpathSync(link);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code !== 'ENOENT' && code !== 'ENOTDIR' && code !== 'ELOOP') throw toDStoreError(error, `cannot follow the alias ${link}`);
      throw new DStoreError('STORE_CORRUPT', `${link}: the alias leads nowhere`, { cause: error, hint: 'remove the link, or give the alias again with: dstore store add-dataset --alias' });
    }
    // A dataset directory may itself be a link to where there is room; what counts is the place in the store that the alias names.
    const id = this.#idOfLink(link) ?? idOfDirectory(realpathSync(this.path), target);
    if (id === undefined) {
      throw new DStoreError('STORE_CORRUPT', `${link}: the alias leads out of the store, to ${target}`, { hint: 'remove the link' });
    }
    return id;
  }

  #idOfLink(link: string): string | undefined {
    let path = link;
    for (let count = 0; count < MAX_LINKS; count++) {
      const stat = lstatSync(path, { throwIfNoEntry: false });
      if (stat === undefined || (path === link && !stat.isSymbolicLink())) return undefined;
      const id = idOfDirectory(this.path, path);
      if (id !== undefined || !stat.isSymbolicLink()) return id;
      path = resolve(dirname(path), readlinkSync(path));
    }
    return undefined;
  }

  datasets(): DatasetInStore[] {
    const aliases = this.#aliases();
    const found: DatasetInStore[] = [];
    for (const first of readDirectory(this.path)) {
      if (first.length !== 3) continue;
      for (const rest of readDirectory(join(this.path, first))) {
        const id = first + rest;
        if (isUuid(id)) found.push(this.#describe(id, join(this.path, first, rest), aliases, true));
      }
    }
    return found.sort((a, b) => (a.id < b.id ? -1 : 1));
  }

  /**
   * Makes the directory of a new dataset, complete and durable under another name first, so that nobody sees half of one and of several
   * publishers one wins: the caller goes on with the `storageUuid` of the answer, which may be another publisher's.
   * @param storageUuid UUID of the special remote that will be recorded in the dataset
   * @throws ALREADY_EXISTS; STORE_CORRUPT when there are objects of unknown layout; PERMISSION, NO_SPACE, …
   */
  async createDataset(id: string, storageUuid: string, shared: SharedMode): Promise<DatasetInStore> {
    this.requireWritable();
    const directory = this.directoryOf(id);
    if (this.has(id)) throw new DStoreError('ALREADY_EXISTS', `${this.path} has the dataset ${id} already`, { hint: `push to it with: dstore push --to ${this.path}` });
    const temporary = join(dirname(directory), `.dstore-${randomName()}.tmp`);
    try {
      makeDirectory(dirname(directory), shared);
      if (lstatSync(directory, { throwIfNoEntry: false }) === undefined) {
        fillDatasetDirectory(temporary, storageUuid, shared);
        await syncFileSystem(temporary);
        try {
          renameSync(temporary, directory);
        } catch (error) {
          // Somebody else has published it in this moment.
          if (!this.has(id)) throw error;
        }
        syncDirectory(dirname(directory));
      } else completeDatasetDirectory(directory, storageUuid, shared);
    } catch (error) {
      throw toDStoreError(error, `cannot make the dataset directory ${directory}`);
    } finally {
      rmSync(temporary, { recursive: true, force: true });
    }
    return this.dataset(id);
  }

  /** @throws ALIAS_TAKEN when it names another dataset; naming the same one again is fine */
  setAlias(alias: string, id: string, shared: SharedMode): void {
    this.requireWritable();
    checkNewAlias(alias);
    const link = join(this.path, 'alias', alias);
    if (lstatSync(link, { throwIfNoEntry: false }) !== undefined) {
      const owner = this.resolveAlias(alias);
      if (owner === id) return;
      throw new DStoreError('ALIAS_TAKEN', `the alias ${alias} names the dataset ${owner} already`, { hint: 'choose another alias' });
    }
    makeDirectory(join(this.path, 'alias'), shared);
    try {
      symlinkSync(`../${datasetDirectory(id)}`, link);
    } catch (error) {
      // Two publishers at once: the link of the first stands.
      if ((error as NodeJS.ErrnoException).code === 'EEXIST') return this.setAlias(alias, id, shared);
      throw toDStoreError(error, `cannot make the alias ${alias}`);
    }
  }

  /** @throws ALIAS_TAKEN before anything is made */
  checkAliasFree(alias: string, id: string): void {
    checkNewAlias(alias);
    if (lstatSync(join(this.path, 'alias', alias), { throwIfNoEntry: false }) === undefined) return;
    const owner = this.resolveAlias(alias);
    if (owner !== id) throw new DStoreError('ALIAS_TAKEN', `the alias ${alias} names the dataset ${owner} already`, { hint: 'choose another alias' });
  }

  #aliases(): Map<string, string[]> {
    const byId = new Map<string, string[]>();
    for (const alias of readDirectory(join(this.path, 'alias'))) {
      let id: string;
      try {
        id = this.resolveAlias(alias);
      } catch (error) {
        if (isDStoreError(error)) continue;
        throw error;
      }
      byId.set(id, [...(byId.get(id) ?? []), alias]);
    }
    return byId;
  }

  #describe(id: string, directory: string, aliases: Map<string, string[]>, lenient = false): DatasetInStore {
    let layoutVersion = 'unknown';
    try {
      const file = join(directory, 'ria-layout-version');
      const version = readVersion(file);
      if (version === undefined) {
        throw new DStoreError('STORE_CORRUPT', `${file} is missing`, { hint: 'the directory was not made completely, or was damaged; publish the dataset again or restore the file' });
      }
      layoutVersion = version;
    } catch (error) {
      if (!lenient) throw error;
    }
    return { id, directory, aliases: aliases.get(id) ?? [], layoutVersion, storageUuid: readStorageUuid(directory) };
  }
}

/** Makes a new store; an existing one at the same place is left as it is and reported. */
export function initStore(path: string, shared: SharedMode): { store: Store; created: boolean } {
  const root = resolve(path);
  const versionFile = join(root, 'ria-layout-version');
  if (existsSync(versionFile)) return { store: openStore(root), created: false };
  // What an interrupted attempt left is gone on with.
  const own = new Set(['error_logs', 'alias']);
  const found = readDirectory(root).filter((name) => !own.has(name) || readDirectory(join(root, name)).length > 0);
  if (found.some((name) => !/^\.dstore-.*\.tmp$/.test(name))) {
    throw new DStoreError('ALREADY_EXISTS', `${root} is not empty and is no store`, { hint: 'choose an empty or new folder: dstore store init PATH' });
  }
  try {
    makeDirectory(root, shared);
    // The folder may have been made by somebody with a narrower umask.
    if (shared !== 'private') chmodSync(root, shared === 'all' ? 0o2775 : 0o2770);
    makeDirectory(join(root, 'error_logs'), shared);
    makeDirectory(join(root, 'alias'), shared);
    writeFileAtomic(versionFile, `${STORE_VERSION}\n`, { mode: shared === 'private' ? 0o644 : 0o664 });
  } catch (error) {
    throw toDStoreError(error, `cannot make a store at ${root}`);
  }
  return { store: new Store(root, STORE_VERSION), created: true };
}

/** @throws NOT_A_STORE when there is none; PERMISSION and others when it cannot be read */
export function openStore(path: string): Store {
  const root = resolve(path);
  let stat;
  try {
    stat = statSync(root, { throwIfNoEntry: false });
  } catch (error) {
    throw toDStoreError(error, `cannot open the store ${root}`);
  }
  if (stat === undefined) throw new DStoreError('NOT_A_STORE', `there is no store at ${root}: no such folder`, { hint: `make one with: dstore store init ${path}` });
  const version = readVersion(join(root, 'ria-layout-version'));
  if (version === undefined) {
    throw new DStoreError('NOT_A_STORE', `${root} is not a store: it has no ria-layout-version`, { hint: 'make a new one with: dstore store init PATH' });
  }
  return new Store(root, version);
}

/** The store and dataset that an address names. */
export function locateDataset(address: StoreAddress): { store: Store; dataset: DatasetInStore } {
  const store = openStore(address.path);
  if (address.alias !== undefined) return { store, dataset: store.dataset(store.resolveAlias(address.alias)) };
  if (address.dataset !== undefined) return { store, dataset: store.dataset(address.dataset) };
  throw new DStoreError('URL_INVALID', `${address.path} names a store, not a dataset`, {
    hint: `append #ID or #~ALIAS; see what it has with: dstore store list ${address.path}`,
  });
}

/** The store that a dataset directory lies in, when it lies in one. */
export function storeOfDirectory(directory: string): { store: Store; id: string } | undefined {
  if (!existsSync(directory)) return undefined;
  // As it is named, since a dataset directory may be a link to another file system; then where it really is.
  for (const path of [resolve(directory), realpathSync(directory)]) {
    const root = dirname(dirname(path));
    if (!existsSync(join(root, 'ria-layout-version'))) continue;
    const id = basename(dirname(path)) === 'alias' ? idOfAlias(root, basename(path)) : idOfDirectory(root, path);
    if (id !== undefined) return { store: openStore(realpathSync(root)), id };
  }
  return undefined;
}

function idOfAlias(root: string, alias: string): string | undefined {
  try {
    return openStore(root).resolveAlias(alias);
  } catch (error) {
    if (isDStoreError(error)) return undefined;
    throw error;
  }
}

function idOfDirectory(root: string, directory: string): string | undefined {
  const id = basename(dirname(directory)) + basename(directory);
  return isUuid(id) && join(root, datasetDirectory(id)) === directory ? id : undefined;
}

/** What a new dataset directory has. The version file is last, since it is what makes readers look. */
function fillDatasetDirectory(directory: string, storageUuid: string, shared: SharedMode): void {
  makeDirectory(directory, shared);
  if (!existsSync(join(directory, 'HEAD'))) void initRepository(directory, { bare: true, shared }).close();
  for (const part of ['annex', 'annex/objects', 'archives']) makeDirectory(join(directory, part), shared);
  if (readStorageUuid(directory) === undefined) editConfig(join(directory, 'config'), [{ name: 'datalad.ora-remote.uuid', value: storageUuid }]);
  writeFileAtomic(join(directory, 'ria-layout-version'), `${NEW_DATASET_VERSION}\n`, { mode: shared === 'private' ? 0o644 : 0o664 });
}

/** Goes on with a directory that has no version file: an interrupted publication, or a repository without content. */
function completeDatasetDirectory(directory: string, storageUuid: string, shared: SharedMode): void {
  // Objects of the other layout would look absent ever after.
  if (readDirectory(join(directory, 'annex', 'objects')).length > 0) {
    throw new DStoreError('STORE_CORRUPT', `${directory} has objects, but no ria-layout-version, so their layout is not known`, {
      hint: `restore the file with: echo 2 > ${join(directory, 'ria-layout-version')} (2 when names in annex/objects have two characters, 1 when three)`,
    });
  }
  fillDatasetDirectory(directory, storageUuid, shared);
}

/** Undefined when there is no such file. */
function readVersion(path: string): string | undefined {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw toDStoreError(error, `cannot read ${path}`);
  }
  return parseLayoutVersion(text).version;
}

function readStorageUuid(directory: string): string | undefined {
  let text: string;
  try {
    text = readFileSync(join(directory, 'config'), 'utf8');
  } catch {
    return undefined;
  }
  const match = /^\[datalad "ora-remote"\][^[]*?^\s*uuid\s*=\s*(\S+)\s*$/m.exec(text);
  return match?.[1];
}

/** An alias is one plain name, a file name in the store. */
function checkFileName(alias: string): void {
  if (alias !== '' && alias !== '.' && alias !== '..' && !/[/\0]/.test(alias)) return;
  throw new DStoreError('USAGE', `${JSON.stringify(alias)} is no alias`, { hint: 'name one that the store has: dstore store list STORE' });
}

/** New aliases can be typed in every address and command. */
function checkNewAlias(alias: string): void {
  if (alias === '' || alias === '.' || alias === '..' || /[/\0@#\n\r]/.test(alias) || alias.startsWith('-')) {
    throw new DStoreError('USAGE', `${JSON.stringify(alias)} cannot be an alias: no /, @, #, line breaks or leading -`, { hint: 'choose a plain name, for example: --alias mydata' });
  }
}

function readDirectory(path: string): string[] {
  try {
    return readdirSync(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return [];
    throw toDStoreError(error, `cannot read ${path}`);
  }
}

