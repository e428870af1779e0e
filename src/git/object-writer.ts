/** Gathers new objects: a few become loose files, many become one pack. */
import { createHash } from 'node:crypto';
import * as crypto from 'node:crypto';
import { closeSync, fchmodSync, fstatSync, fsyncSync, openSync, readSync, renameSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { DStoreError, toDStoreError } from '../core/errors.ts';
import { randomName } from '../io/clock.ts';
import type { SharedMode } from '../io/durable.ts';
import { makeDirectory, syncFileSystem } from '../io/durable.ts';
import { deflate } from './deflate.ts';
import type { CommitFields, ObjectType, ObjectWriter } from './objects.ts';
import { printCommit } from './objects.ts';
import { objectFileMode, PackWriter, syncDirectory } from './pack-writer.ts';
import { printTree } from './tree-format.ts';

const MAX_LOOSE_OBJECTS = 100;
const MAX_LOOSE_BYTES = 4 * 1024 * 1024;
const PIECE_BYTES = 4 * 1024 * 1024;
const SCRATCH_BYTES = 16 * 1024;

interface Pending { readonly oid: string; readonly type: ObjectType; readonly data: Uint8Array }

/** @param objects the repository's `objects` directory */
export function createObjectWriter(objects: string, shared: SharedMode): ObjectWriter {
  return new BatchWriter(objects, shared);
}

class BatchWriter implements ObjectWriter {
  readonly #objects: string;
  readonly #shared: SharedMode;
  readonly #scratch = Buffer.allocUnsafe(SCRATCH_BYTES);
  #seen = new Set<string>();
  #pending: Pending[] = [];
  #pendingBytes = 0;
  #pack: PackWriter | undefined;

  constructor(objects: string, shared: SharedMode) {
    this.#objects = objects;
    this.#shared = shared;
  }

  get count(): number {
    return this.#seen.size;
  }

  blob(data: Uint8Array | string): string {
    return this.raw('blob', typeof data === 'string' ? Buffer.from(data) : data);
  }

  tree(entries: readonly { readonly mode: string; readonly name: string; readonly oid: string }[]): string {
    return this.raw('tree', printTree(entries));
  }

  commit(fields: CommitFields): string {
    return this.raw('commit', Buffer.from(printCommit(fields)));
  }

  raw(type: ObjectType, data: Uint8Array): string {
    const oid = this.#hash(type, data);
    if (this.#seen.has(oid)) return oid;
    this.#seen.add(oid);
    if (this.#pack !== undefined) {
      this.#pack.add(oid, type, data);
      return oid;
    }
    // The caller may use its buffer again.
    this.#pending.push({ oid, type, data: Uint8Array.prototype.slice.call(data) });
    this.#pendingBytes += data.length;
    if (this.#pending.length >= MAX_LOOSE_OBJECTS || this.#pendingBytes > MAX_LOOSE_BYTES) this.#openPack();
    return oid;
  }

  blobFile(path: string): string {
    let file: number;
    try {
      file = openSync(path, 'r');
    } catch (error) {
      throw toDStoreError(error, `cannot read ${path}`);
    }
    try {
      const before = fstatSync(file, { bigint: true });
      const size = Number(before.size);
      const changed = (): DStoreError => new DStoreError('CONTENT_CHANGED', `${path} changed while it was read`, { retryable: true });
      if (size <= PIECE_BYTES) {
        const data = Buffer.allocUnsafe(size + 1);
        let length = 0;
        for (let got = -1; got !== 0 && length <= size; length += got) got = readSync(file, data, length, size + 1 - length, null);
        if (length !== size) throw changed();
        return this.raw('blob', data.subarray(0, size));
      }
      const hash = createHash('sha1').update(`blob ${size}\0`);
      const pieces = function* (): Generator<Uint8Array> {
        const buffer = Buffer.allocUnsafe(PIECE_BYTES);
        let total = 0;
        for (;;) {
          const got = readSync(file, buffer, 0, PIECE_BYTES, null);
          if (got === 0) break;
          total += got;
          const piece = buffer.subarray(0, got);
          hash.update(piece);
          yield piece;
        }
        const after = fstatSync(file, { bigint: true });
        if (total !== size || after.mtimeNs !== before.mtimeNs || after.size !== before.size) throw changed();
      };
      return this.#stream(size, pieces(), () => hash.digest('hex'), path);
    } finally {
      closeSync(file);
    }
  }

  async flush(): Promise<void> {
    const pack = this.#pack;
    const pending = this.#pending;
    this.#reset();
    try {
      if (pack !== undefined) await pack.finish();
      else if (pending.length > 0) await this.#writeLoose(pending);
    } catch (error) {
      throw toDStoreError(error, `cannot write git objects to ${this.#objects}`);
    }
  }

  discard(): void {
    this.#pack?.discard();
    this.#reset();
  }

  #reset(): void {
    this.#pack = undefined;
    this.#pending = [];
    this.#pendingBytes = 0;
    this.#seen = new Set();
  }

  #hash(type: ObjectType, data: Uint8Array): string {
    const head = `${type} ${data.length}\0`;
    if (data.length + 32 > SCRATCH_BYTES || typeof crypto.hash !== 'function') {
      return createHash('sha1').update(head, 'latin1').update(data).digest('hex');
    }
    const length = this.#scratch.write(head, 0, 'latin1');
    this.#scratch.set(data, length);
    return crypto.hash('sha1', this.#scratch.subarray(0, length + data.length), 'hex');
  }

  #openPack(): PackWriter {
    if (this.#pack === undefined) {
      this.#pack = new PackWriter(this.#objects, this.#shared);
      for (const { oid, type, data } of this.#pending) this.#pack.add(oid, type, data);
      this.#pending = [];
      this.#pendingBytes = 0;
    }
    return this.#pack;
  }

  #stream(size: number, pieces: Iterable<Uint8Array>, oid: () => string, path: string): string {
    try {
      const result = this.#openPack().addStream('blob', size, pieces, oid, (candidate) => this.#seen.has(candidate));
      this.#seen.add(result);
      return result;
    } catch (error) {
      throw toDStoreError(error, `cannot store ${path} in git`);
    }
  }

  /** Temporary files first, then durable, then under their names: a crash never leaves a torn object in place. */
  async #writeLoose(objects: readonly Pending[]): Promise<void> {
    const mode = objectFileMode(this.#shared);
    const renames: [string, string][] = [];
    const syncEach = objects.length <= 4;
    try {
      for (const { oid, type, data } of objects) {
        const directory = join(this.#objects, oid.slice(0, 2));
        makeDirectory(directory, this.#shared);
        const temporary = join(directory, `tmp_obj_${randomName()}`);
        const file = openSync(temporary, 'wx', mode);
        renames.push([temporary, join(directory, oid.slice(2))]);
        try {
          const bytes = deflate(Buffer.concat([Buffer.from(`${type} ${data.length}\0`), data]));
          for (let at = 0; at < bytes.length;) at += writeSync(file, bytes, at, bytes.length - at);
          if (this.#shared !== 'private') fchmodSync(file, mode);
          if (syncEach) fsyncSync(file);
        } finally {
          closeSync(file);
        }
      }
      if (!syncEach) await syncFileSystem(this.#objects);
      for (const [temporary, target] of renames) renameSync(temporary, target);
      if (syncEach) for (const { oid } of objects) await syncDirectory(join(this.#objects, oid.slice(0, 2)));
    } catch (error) {
      for (const [temporary] of renames) rmSync(temporary, { force: true });
      throw error;
    }
  }
}
