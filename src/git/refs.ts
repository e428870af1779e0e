/** References kept in files: reading, and changing several at once under git's own locks with compare-and-swap. */
import type { Dirent } from 'node:fs';
import { appendFileSync, existsSync, lstatSync, readFileSync, readdirSync, readlinkSync, rmdirSync, unlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { DStoreError, isDStoreError, toDStoreError } from '../core/errors.ts';
import type { SharedMode } from '../io/durable.ts';
import { makeDirectory, sharedPermissions } from '../io/durable.ts';
import type { LockFile } from '../io/lock-file.ts';
import { takeLockFile } from '../io/lock-file.ts';
import type { GitConfig } from './config.ts';
import { printIdentity, reflogIdentity } from './objects.ts';
import { PackedRefsFile, printPackedRefs } from './packed-refs.ts';
import { isPerWorktree, isValidRefName } from './ref-name.ts';

const ZERO = '0'.repeat(40);
const LOCK_WAIT_MILLISECONDS = 1000;

/** `to` undefined deletes. `from`: the value it must have now; null: it must not exist; undefined: whatever it is. */
export interface RefChange { readonly name: string; readonly to: string | undefined; readonly from?: string | null }

export interface Head {
  /** `main`; undefined when detached, or when HEAD points outside refs/heads. */
  readonly branch: string | undefined;
  /** `refs/heads/main`; undefined when detached. */
  readonly ref: string | undefined;
  /** undefined before the first commit. */
  readonly oid: string | undefined;
}

export interface RefStoreOptions {
  readonly gitDir: string;
  readonly commonDir: string;
  readonly bare: boolean;
  readonly shared: SharedMode;
  config(): GitConfig;
}

/** A value as it stands in a file. */
type RawRef = { readonly oid: string } | { readonly symbolic: string };

export class RefStore {
  readonly #options: RefStoreOptions;
  readonly #packed: PackedRefsFile;

  constructor(options: RefStoreOptions) {
    this.#options = options;
    this.#packed = new PackedRefsFile(join(options.commonDir, 'packed-refs'));
  }

  /** Oid of a reference, symbolic ones followed; undefined when it does not exist. @throws GIT_CORRUPT, PERMISSION, IO */
  read(name: string): string | undefined {
    let current = name;
    for (let depth = 0; depth < 6; depth += 1) {
      const raw = this.#readRaw(current);
      if (raw === undefined) return undefined;
      if ('oid' in raw) return raw.oid;
      current = raw.symbolic;
    }
    throw new DStoreError('GIT_CORRUPT', `git reference ${name} points to itself`, { hint: `git symbolic-ref ${name}` });
  }

  /** References whose name starts with `prefix`, e.g. `refs/remotes/`, sorted, symbolic ones followed. */
  list(prefix: string): Map<string, string> {
    const found = new Map<string, string>();
    // Loose first: packing a reference writes packed-refs before it removes the loose file.
    const slash = prefix.lastIndexOf('/');
    const start = slash < 0 ? 'refs' : prefix.slice(0, slash);
    const names = new Set<string>();
    this.#listLoose(this.#options.commonDir, start, (name) => !isPerWorktree(name), names);
    if (this.#options.gitDir !== this.#options.commonDir || /^refs(?:\/(?:bisect|worktree|rewritten))?(?:\/|$)/.test(start)) {
      this.#listLoose(this.#options.gitDir, start, isPerWorktree, names);
    }
    for (const name of names) {
      const oid = name.startsWith(prefix) ? this.read(name) : undefined;
      if (oid !== undefined) found.set(name, oid);
    }
    for (const [name, oid] of this.#packed.read().refs) if (name.startsWith(prefix) && !found.has(name)) found.set(name, oid);
    return new Map([...found].sort(([a], [b]) => (a < b ? -1 : 1)));
  }

  head(): Head {
    const raw = this.#readRaw('HEAD');
    if (raw === undefined || 'oid' in raw) return { branch: undefined, ref: undefined, oid: raw?.oid };
    const branch = raw.symbolic.startsWith('refs/heads/') ? raw.symbolic.slice('refs/heads/'.length) : undefined;
    return { branch, ref: raw.symbolic, oid: this.read(raw.symbolic) };
  }

  /** Points HEAD to a branch, born or not. */
  setHead(ref: string): void {
    this.setSymbolic('HEAD', ref);
  }

  /** Makes one reference stand for another. */
  setSymbolic(name: string, target: string): void {
    for (const ref of [name, target]) {
      if (!isValidRefName(ref) || (ref === target && !ref.startsWith('refs/'))) {
        throw new DStoreError('GIT', `${JSON.stringify(ref)} is no valid name of a reference`);
      }
    }
    const lock = this.#lock(name);
    try {
      lock.write(`ref: ${target}\n`);
      lock.commit();
    } catch (error) {
      lock.rollback();
      throw toDStoreError(error, `cannot change ${name}`);
    }
  }

  /** Makes HEAD name a commit and no branch. */
  detachHead(oid: string, reason: string): void {
    const lock = this.#lock('HEAD');
    try {
      this.#log('HEAD', this.read('HEAD'), oid, reason);
      lock.write(`${oid}\n`);
      lock.commit();
    } catch (error) {
      lock.rollback();
      throw toDStoreError(error, 'cannot change HEAD');
    }
  }

  /**
   * Applies all changes or, when one of them does not fit what is there, none. Symbolic references are followed.
   * @param reason goes to the reflogs
   * @throws CONFLICT when a value is not the expected one or names collide, LOCKED, PERMISSION, IO
   */
  update(changes: readonly RefChange[], reason: string): void {
    const wanted = changes.map((change) => ({ ...change, name: this.#target(change.name), as: change.name }))
      .sort((a, b) => (a.name < b.name ? -1 : 1));
    for (const [index, change] of wanted.entries()) {
      if (!isValidRefName(change.name) || (!change.name.startsWith('refs/') && change.to === undefined)) {
        throw new DStoreError('GIT', `${JSON.stringify(change.name)} is no valid name of a reference`);
      }
      if (change.to !== undefined && !/^[0-9a-f]{40}$/.test(change.to)) throw new DStoreError('INTERNAL', `${change.to} is no object name`);
      if (wanted[index + 1]?.name === change.name) throw new DStoreError('INTERNAL', `${change.name} is changed twice`);
    }
    const locks: LockFile[] = [];
    try {
      const old: (string | undefined)[] = [];
      for (const change of wanted) {
        this.#refuseCollision(change.name, change.to, wanted);
        locks.push(this.#lock(change.name));
        const current = this.read(change.name);
        old.push(current);
        if (change.from !== undefined && (change.from ?? undefined) !== current) {
          throw new DStoreError('CONFLICT', `${change.as} is at ${current ?? 'nothing'}, expected ${change.from ?? 'nothing'}`, { retryable: true });
        }
      }
      const head = this.#readRaw('HEAD');
      const headRef = head !== undefined && 'symbolic' in head ? head.symbolic : undefined;
      this.#removePacked(wanted.filter((change) => change.to === undefined).map((change) => change.name));
      for (const [index, change] of wanted.entries()) {
        const lock = locks[index] as LockFile;
        if (change.to === undefined) {
          this.#removeLoose(change.name);
          lock.rollback();
          this.#removeEmptyParents(change.name);
          continue;
        }
        if (change.to !== old[index] || change.as !== change.name) {
          this.#log(change.name, old[index], change.to, reason);
          if (headRef === change.name) this.#log('HEAD', old[index], change.to, reason);
        }
        if (change.to === old[index]) {
          lock.rollback();
          continue;
        }
        lock.write(`${change.to}\n`);
        this.#removeEmptyDirectory(this.#path(change.name));
        lock.commit();
      }
    } catch (error) {
      throw toDStoreError(error, 'cannot change git references');
    } finally {
      for (const lock of locks) lock.rollback();
    }
  }

  /** Writes many new references into packed-refs at once, as after a clone. Existing ones of the same name are replaced. */
  writePacked(refs: ReadonlyMap<string, string>): void {
    this.#changePacked((current) => {
      for (const [name, oid] of refs) current.set(name, oid);
      return refs.size > 0;
    }, [...refs.keys()]);
  }

  #path(name: string): string {
    return join(isPerWorktree(name) ? this.#options.gitDir : this.#options.commonDir, name);
  }

  #target(name: string): string {
    let current = name;
    for (let depth = 0; depth < 6; depth += 1) {
      const raw = isValidRefName(current) ? this.#readRaw(current) : undefined;
      if (raw === undefined || 'oid' in raw) return current;
      current = raw.symbolic;
    }
    return current;
  }

  #readRaw(name: string): RawRef | undefined {
    const path = this.#path(name);
    let text: string;
    try {
      text = readFileSync(path, 'utf8');
      // Very old repositories have a symbolic link as HEAD.
      if (name === 'HEAD' && lstatSync(path).isSymbolicLink()) {
        const target = readlinkSync(path);
        if (target.startsWith('refs/')) return { symbolic: target };
      }
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code;
      if (code === 'ENOENT' || code === 'EISDIR' || code === 'ENOTDIR') return this.#readPackedRef(name, path);
      throw toDStoreError(error, `cannot read git reference ${name}`);
    }
    const symbolic = /^ref:\s*(.*?)\s*$/s.exec(text)?.[1];
    if (symbolic !== undefined && symbolic !== '') return { symbolic };
    const oid = /^([0-9a-f]{40})(?:\s|$)/.exec(text)?.[1];
    if (oid === undefined) throw new DStoreError('GIT_CORRUPT', `git reference ${name} is damaged: ${path} holds no object name`, {
      hint: 'see what is affected with: git fsck',
    });
    return { oid };
  }

  #readPackedRef(name: string, path: string): RawRef | undefined {
    if (name === 'HEAD') {
      // A link to a branch that is not born cannot be read through.
      try {
        const target = readlinkSync(path);
        if (target.startsWith('refs/')) return { symbolic: target };
      } catch {
        return undefined;
      }
    }
    const oid = name.startsWith('refs/') ? this.#packed.read().refs.get(name) : undefined;
    return oid === undefined ? undefined : { oid };
  }

  #listLoose(root: string, directory: string, wanted: (name: string) => boolean, names: Set<string>): void {
    let entries: Dirent[];
    try {
      entries = readdirSync(join(root, directory), { withFileTypes: true });
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code;
      if (code === 'ENOENT' || code === 'ENOTDIR') return;
      throw toDStoreError(error, `cannot list ${join(root, directory)}`);
    }
    for (const entry of entries) {
      const name = `${directory}/${entry.name}`;
      if (entry.isDirectory()) this.#listLoose(root, name, wanted, names);
      else if (wanted(name) && isValidRefName(name)) names.add(name);
    }
  }

  #lock(name: string): LockFile {
    const path = this.#path(name);
    for (let attempt = 0; ; attempt += 1) {
      try {
        makeDirectory(dirname(path), this.#options.shared);
        return takeLockFile(path, { waitMilliseconds: LOCK_WAIT_MILLISECONDS, ...(this.#options.shared === 'private' ? {}
          : { mode: sharedPermissions(0o644, this.#options.shared, false) }) });
      } catch (error) {
        const code = systemCode(error);
        // Whoever deletes the last reference of a directory removes the directory, too.
        if (code === 'ENOENT' && attempt < 5) continue;
        if (code === 'ENOTDIR' || code === 'EEXIST') {
          throw new DStoreError('CONFLICT', `cannot create ${name}: a part of its name is a reference`);
        }
        throw error;
      }
    }
  }

  /** A reference cannot be a directory for others. */
  #refuseCollision(name: string, to: string | undefined, changes: readonly RefChange[]): void {
    if (to === undefined) return;
    const gone = new Set(changes.filter((change) => change.to === undefined).map((change) => change.name));
    const packed = this.#packed.read().refs;
    for (let slash = name.lastIndexOf('/'); slash > 4; slash = name.lastIndexOf('/', slash - 1)) {
      const parent = name.slice(0, slash);
      const path = this.#path(parent);
      const loose = existsSync(path) && lstatSync(path).isFile();
      const coming = changes.some((change) => change.name === parent && change.to !== undefined);
      if (coming || loose || (packed.has(parent) && !gone.has(parent))) {
        throw new DStoreError('CONFLICT', `cannot create ${name}: ${parent} exists`, { hint: 'use another name' });
      }
    }
    if (this.#readRaw(name) !== undefined) return;
    const below = `${name}/`;
    for (const other of this.list(below).keys()) {
      if (!gone.has(other)) throw new DStoreError('CONFLICT', `cannot create ${name}: ${other} exists`, { hint: 'use another name' });
    }
  }

  #removePacked(names: readonly string[]): void {
    if (!names.some((name) => this.#packed.read().refs.has(name))) return;
    this.#changePacked((refs) => names.map((name) => refs.delete(name)).includes(true), names);
  }

  #changePacked(change: (refs: Map<string, string>) => boolean, names: readonly string[]): void {
    const lock = takeLockFile(this.#packed.path, { waitMilliseconds: LOCK_WAIT_MILLISECONDS });
    try {
      const { refs, peeled } = this.#packed.read();
      const edited = new Map(refs);
      if (!change(edited)) return;
      const keptPeeled = new Map([...peeled].filter(([name]) => edited.has(name) && !names.includes(name)));
      lock.write(printPackedRefs({ refs: edited, peeled: keptPeeled }));
      lock.commit();
    } finally {
      lock.rollback();
    }
  }

  #removeLoose(name: string): void {
    for (const path of [this.#path(name), this.#logPath(name)]) {
      try {
        unlinkSync(path);
      } catch (error) {
        const code = (error as NodeJS.ErrnoException).code;
        if (code !== 'ENOENT' && code !== 'EISDIR' && code !== 'ENOTDIR' && code !== 'EPERM') throw error;
      }
    }
  }

  #removeEmptyParents(name: string): void {
    const directory = isPerWorktree(name) ? this.#options.gitDir : this.#options.commonDir;
    for (const root of [directory, join(directory, 'logs')]) {
      const parts = name.split('/');
      // refs/heads and the like stay.
      for (parts.pop(); parts.length > 2; parts.pop()) {
        try {
          rmdirSync(join(root, ...parts));
        } catch {
          break;
        }
      }
    }
  }

  /** An empty directory in the place of a reference is a left-over. */
  #removeEmptyDirectory(path: string): void {
    let entries: Dirent[];
    try {
      entries = readdirSync(path, { withFileTypes: true });
    } catch {
      return;
    }
    for (const entry of entries) if (entry.isDirectory()) this.#removeEmptyDirectory(join(path, entry.name));
    try {
      rmdirSync(path);
    } catch {
      // Then renaming over it fails and says why.
    }
  }

  #logPath(name: string): string {
    return join(isPerWorktree(name) ? this.#options.gitDir : this.#options.commonDir, 'logs', name);
  }

  #log(name: string, from: string | undefined, to: string, reason: string): void {
    const config = this.#options.config();
    const setting = config.get('core.logallrefupdates')?.toLowerCase();
    const all = setting === 'always';
    const usual = all || (setting === undefined ? !this.#options.bare : config.getBoolean('core.logallrefupdates') === true);
    const creates = all || (usual && (name === 'HEAD' || /^refs\/(?:heads|remotes|notes)\//.test(name)));
    const path = this.#logPath(name);
    if (!creates && !existsSync(path)) return;
    if (creates) {
      this.#removeEmptyDirectory(path);
      makeDirectory(dirname(path), this.#options.shared);
    }
    const message = reason.replace(/\s+/g, ' ').trim();
    const line = `${from ?? ZERO} ${to} ${printIdentity(reflogIdentity(config))}${message === '' ? '' : `\t${message}`}\n`;
    appendFileSync(path, line, { mode: this.#options.shared === 'private' ? 0o666 : 0o664 });
  }
}

function systemCode(error: unknown): string | undefined {
  const source = isDStoreError(error) ? (error as Error).cause : error;
  return (source as { code?: string } | undefined)?.code;
}
