/** The object directory of a repository, read by ourselves: loose objects, packs, alternates (gitrepository-layout(5)). */
import { createHash } from 'node:crypto';
import { readFileSync, readdirSync, statSync } from 'node:fs';
import { isAbsolute, join, resolve } from 'node:path';
import { inflateSync } from 'node:zlib';
import { DStoreError, toDStoreError } from '../core/errors.ts';
import type { GitObject, ObjectType } from './objects.ts';
import { applyDelta, PackFile } from './pack-file.ts';

const MAX_CACHED_BYTES = 32 * 1024 * 1024;
const EMPTY_TREE = '4b825dc642cb6eb9a060e54bf8d69288fbee4904';

/** Looks up and reads objects. What cannot be read is an error, never absent. */
export class ObjectStore {
  readonly #directory: string;
  #directories: string[] | undefined;
  readonly #packs = new Map<string, PackFile>();
  readonly #bases = new Map<string, GitObject>();
  #cachedBytes = 0;

  /** @param directory the repository's `objects` directory */
  constructor(directory: string) {
    this.#directory = directory;
  }

  /** The directory itself and its alternates. */
  get directories(): readonly string[] {
    if (this.#directories === undefined) {
      this.#directories = [];
      this.#addDirectory(resolve(this.#directory), 0);
    }
    return this.#directories;
  }

  /** Which of the oids exist. */
  present(oids: readonly string[]): Set<string> {
    const found = new Set<string>();
    let missing: string[] = [];
    const look = (oid: string): boolean => oid === EMPTY_TREE || this.#locate(oid) !== undefined || this.#hasLoose(oid);
    for (const oid of oids) if (look(oid)) found.add(oid); else missing.push(oid);
    if (missing.length > 0 && this.#refreshPacks()) missing = missing.filter((oid) => !look(oid) || !found.add(oid));
    return found;
  }

  /** Reads an object; undefined when it is in none of the places. @throws GIT_CORRUPT, PERMISSION, IO */
  read(oid: string): GitObject | undefined {
    const object = this.#readOnce(oid) ?? (this.#refreshPacks() ? this.#readOnce(oid) : undefined);
    if (object === undefined) return oid === EMPTY_TREE ? { type: 'tree', data: Buffer.alloc(0) } : undefined;
    if (createHash('sha1').update(`${object.type} ${object.data.length}\0`).update(object.data).digest('hex') !== oid) {
      throw new DStoreError('GIT_CORRUPT', `git object ${oid} is damaged: its content has another hash`, {
        hint: 'see what is affected with: git fsck',
      });
    }
    return object;
  }

  /** Oids that start with these hex digits (at least four). */
  findPrefix(prefix: string): string[] {
    this.#refreshPacks();
    const found = new Set<string>();
    for (const pack of this.#packs.values()) for (const oid of pack.findPrefix(prefix)) found.add(oid);
    for (const directory of this.directories) {
      for (const name of listDirectory(join(directory, prefix.slice(0, 2)))) {
        if (/^[0-9a-f]{38}$/.test(name) && name.startsWith(prefix.slice(2))) found.add(prefix.slice(0, 2) + name);
      }
    }
    return [...found];
  }

  close(): void {
    for (const pack of this.#packs.values()) pack.close();
    this.#packs.clear();
    this.#bases.clear();
    this.#cachedBytes = 0;
    this.#directories = undefined;
  }

  #addDirectory(directory: string, depth: number): void {
    if (depth > 5 || this.#directories?.includes(directory) === true) return;
    this.#directories?.push(directory);
    let text: string;
    try {
      text = readFileSync(join(directory, 'info/alternates'), 'utf8');
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code;
      if (code === 'ENOENT' || code === 'ENOTDIR') return;
      throw toDStoreError(error, `cannot read ${directory}/info/alternates`);
    }
    for (const line of text.split('\n')) {
      if (line === '' || line.startsWith('#')) continue;
      this.#addDirectory(isAbsolute(line) ? resolve(line) : resolve(directory, line), depth + 1);
    }
  }

  /** Learns which packs there are now; true when one is new. */
  #refreshPacks(): boolean {
    const names = new Set<string>();
    let added = false;
    for (const directory of this.directories) {
      for (const name of listDirectory(join(directory, 'pack'))) {
        if (!name.endsWith('.idx')) continue;
        const path = join(directory, 'pack', name.slice(0, -4));
        names.add(path);
        if (this.#packs.has(path)) continue;
        try {
          this.#packs.set(path, new PackFile(path));
          added = true;
        } catch (error) {
          // Repacked away since it was listed: its objects are in a newer pack.
          if ((error as { cause?: { code?: string } }).cause?.code !== 'ENOENT') throw error;
        }
      }
    }
    for (const [path, pack] of this.#packs) {
      if (names.has(path)) continue;
      pack.close();
      this.#packs.delete(path);
    }
    return added;
  }

  #locate(oid: string): { pack: PackFile; offset: number } | undefined {
    if (this.#packs.size === 0) this.#refreshPacks();
    for (const pack of this.#packs.values()) {
      const offset = pack.find(oid);
      if (offset !== undefined) return { pack, offset };
    }
    return undefined;
  }

  #hasLoose(oid: string): boolean {
    return this.directories.some((directory) => {
      const path = join(directory, oid.slice(0, 2), oid.slice(2));
      try {
        return statSync(path, { throwIfNoEntry: false }) !== undefined;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOTDIR') return false;
        throw toDStoreError(error, `cannot look for ${path}`);
      }
    });
  }

  #readOnce(oid: string): GitObject | undefined {
    const place = this.#locate(oid);
    if (place !== undefined) {
      try {
        return this.#readPacked(place.pack, place.offset);
      } catch (error) {
        // Repacked away while its index was open.
        if ((error as { cause?: { code?: string } }).cause?.code !== 'ENOENT') throw error;
        place.pack.close();
        this.#packs.delete(place.pack.path);
        this.#refreshPacks();
        return this.#readOnce(oid);
      }
    }
    for (const directory of this.directories) {
      const path = join(directory, oid.slice(0, 2), oid.slice(2));
      let bytes: Buffer;
      try {
        bytes = readFileSync(path);
      } catch (error) {
        const code = (error as NodeJS.ErrnoException).code;
        if (code === 'ENOENT' || code === 'ENOTDIR') continue;
        throw toDStoreError(error, `cannot read ${path}`);
      }
      return parseLoose(bytes, path);
    }
    return undefined;
  }

  #readPacked(pack: PackFile, start: number): GitObject {
    const deltas: Buffer[] = [];
    const offsets: number[] = [];
    let offset = start;
    let object: GitObject | undefined;
    for (;;) {
      object = this.#bases.get(`${pack.path}:${offset}`);
      if (object !== undefined) break;
      const entry = pack.entry(offset);
      const data = pack.data(entry);
      if (entry.type !== 'delta') {
        object = { type: entry.type, data };
        if (deltas.length > 0) this.#remember(`${pack.path}:${offset}`, object);
        break;
      }
      deltas.push(data);
      offsets.push(offset);
      if (entry.baseOffset !== undefined) {
        offset = entry.baseOffset;
      } else {
        object = this.#readOnce(entry.baseOid ?? '');
        if (object === undefined) throw new DStoreError('GIT_CORRUPT', `${pack.path}.pack needs ${entry.baseOid}, which is missing`, {
          hint: 'git fsck',
        });
        break;
      }
    }
    for (let index = deltas.length - 1; index >= 0; index -= 1) {
      const data = applyDelta(object.data, deltas[index] as Buffer);
      if (data === undefined) throw new DStoreError('GIT_CORRUPT', `${pack.path}.pack is damaged: a delta does not fit its base`, {
        hint: 'git fsck',
      });
      object = { type: object.type, data };
      if (index > 0) this.#remember(`${pack.path}:${offsets[index]}`, object);
    }
    return object;
  }

  #remember(key: string, object: GitObject): void {
    this.#bases.set(key, object);
    this.#cachedBytes += object.data.length;
    for (const [oldest, old] of this.#bases) {
      if (this.#cachedBytes <= MAX_CACHED_BYTES) break;
      this.#bases.delete(oldest);
      this.#cachedBytes -= old.data.length;
    }
  }
}

function parseLoose(bytes: Buffer, path: string): GitObject {
  try {
    const data = inflateSync(bytes);
    const end = data.indexOf(0);
    const head = /^(blob|tree|commit|tag) (\d+)$/.exec(data.toString('latin1', 0, Math.max(end, 0)));
    if (head !== null && Number(head[2]) === data.length - end - 1) return { type: head[1] as ObjectType, data: data.subarray(end + 1) };
  } catch {
    // Reported below.
  }
  throw new DStoreError('GIT_CORRUPT', `git object ${path} is damaged`, { hint: 'see what is affected with: git fsck' });
}

function listDirectory(path: string): string[] {
  try {
    return readdirSync(path);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT' || code === 'ENOTDIR') return [];
    throw toDStoreError(error, `cannot list ${path}`);
  }
}
