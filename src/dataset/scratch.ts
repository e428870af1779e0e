/**
 * Where a running command keeps what is not complete yet: a folder of its own in `.git/annex/dstore/running`, under a lock that ends with
 * the process. Nothing half done lies in the work tree, where the next `save` would take it for somebody's file, nor in git-annex's
 * `othertmp`, which every git-annex process may empty when it ends.
 *
 * `NAME/unrecorded` lists the keys whose content is being put in place or removed: what a crash leaves there is compared with the
 * location log by the next command that changes something.
 */
import { copyFileSync, lstatSync, readlinkSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { DStoreError, isDStoreError, toDStoreError } from '../core/errors.ts';
import type { KeyText } from '../core/key.ts';
import { randomName } from '../io/clock.ts';
import type { SharedMode } from '../io/durable.ts';
import { openLockedFolder } from '../io/locked-folder.ts';
import type { LockedFolder } from '../io/locked-folder.ts';

/** Name of the list in a scratch folder. */
export const UNRECORDED: string = 'unrecorded';

export function runningFolder(annexDirectory: string): string {
  return join(annexDirectory, 'dstore', 'running');
}

export class Scratch {
  readonly #running: string;
  readonly #shared: SharedMode;
  readonly #realFolders = new Set<string>();
  #folder: LockedFolder | undefined;
  #unrecorded = false;
  #names = 0;

  constructor(annexDirectory: string, shared: SharedMode) {
    this.#running = runningFolder(annexDirectory);
    this.#shared = shared;
  }

  /** The folder, made when it is first asked for. @throws PERMISSION, READ_ONLY, NO_SPACE, IO */
  folder(): string {
    try {
      this.#folder ??= openLockedFolder(this.#running, this.#shared);
    } catch (error) {
      if (!isDStoreError(error) || (error.code !== 'PERMISSION' && error.code !== 'READ_ONLY')) throw error;
      throw new DStoreError(error.code, `this clone cannot be changed: ${error.message}`, {
        cause: error, hint: 'ask its owner for access, or work in a clone of your own: dstore clone SOURCE DIR',
      });
    }
    return this.#folder.path;
  }

  /** Path for a new file. */
  name(): string {
    return `${this.folder()}/${this.#names++}`;
  }

  /** To be called before content of these keys appears or disappears here. */
  willChange(keys: readonly KeyText[]): void {
    if (keys.length === 0) return;
    const path = join(this.folder(), UNRECORDED);
    try {
      writeFileSync(path, `${keys.join('\n')}\n`, { flag: 'a' });
    } catch (error) {
      throw toDStoreError(error, `cannot write ${path}`);
    }
    this.#unrecorded = true;
  }

  /** To be called when the location log has all of it. */
  recorded(): void {
    if (!this.#unrecorded || this.#folder === undefined) return;
    rmSync(join(this.#folder.path, UNRECORDED), { force: true });
    this.#unrecorded = false;
  }

  /**
   * Puts a complete file or link in the place of a path of the work tree.
   * @throws MODIFIED when a folder of the path has become a link: what it leads to is not the dataset's
   */
  putInPlace(top: string, path: string, temporary: string): void {
    this.requireRealFolders(top, path);
    const target = join(top, path);
    try {
      try {
        renameSync(temporary, target);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EXDEV') throw error;
        // A part of the work tree on another file system.
        const beside = join(dirname(target), `.dstore-${randomName()}`);
        if (lstatSync(temporary).isSymbolicLink()) symlinkSync(readlinkSync(temporary), beside);
        else copyFileSync(temporary, beside);
        renameSync(beside, target);
        rmSync(temporary, { force: true });
      }
    } catch (error) {
      rmSync(temporary, { force: true });
      throw toDStoreError(error, `cannot write ${path}`);
    }
  }

  /** @throws MODIFIED when a folder above the path is a link */
  requireRealFolders(top: string, path: string): void {
    const link = this.#linkAbove(top, path);
    if (link === undefined) return;
    throw new DStoreError('MODIFIED', `${path}: the folder ${link} has been replaced by a link`, { hint: `put the folder back: git checkout -- '${link}'` });
  }

  /** Whether a folder above the path is a link: what is seen at the path is then not a file of the work tree. */
  isBehindLink(top: string, path: string): boolean {
    return this.#linkAbove(top, path) !== undefined;
  }

  #linkAbove(top: string, path: string): string | undefined {
    const above: string[] = [];
    for (let slash = path.lastIndexOf('/'); slash > 0; slash = path.lastIndexOf('/', slash - 1)) {
      const folder = path.slice(0, slash);
      if (this.#realFolders.has(folder)) break;
      if (lstatSync(join(top, folder), { throwIfNoEntry: false })?.isSymbolicLink() === true) return folder;
      above.push(folder);
    }
    for (const folder of above) this.#realFolders.add(folder);
    return undefined;
  }

  /** Removes the folder, unless something was done that the location log does not have yet. */
  close(): void {
    this.#folder?.close(!this.#unrecorded);
    this.#folder = undefined;
  }
}
