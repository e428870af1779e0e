/** Writes one pack and its version 2 index (gitformat-pack(5)) into an object directory. */
import { createHash } from 'node:crypto';
import { closeSync, fchmodSync, fsyncSync, ftruncateSync, openSync, readSync, renameSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { randomName } from '../io/clock.ts';
import type { SharedMode } from '../io/durable.ts';
import { makeDirectory, syncFileSystem } from '../io/durable.ts';
import { deflate, DeflateStream, storedInto, storedLength } from './deflate.ts';
import type { ObjectType } from './objects.ts';

const TYPE_CODES: Readonly<Record<ObjectType, number>> = { commit: 1, tree: 2, blob: 3, tag: 4 };
const BUFFER_BYTES = 1024 * 1024;

/** Mode of files in the object directory, before the umask (or exactly, when shared). */
export function objectFileMode(shared: SharedMode): number {
  return shared === 'group' ? 0o440 : 0o444;
}

export class PackWriter {
  readonly #directory: string;
  readonly #shared: SharedMode;
  readonly #temporary: string;
  readonly #file: number;
  readonly #buffer = Buffer.allocUnsafe(BUFFER_BYTES);
  #filled = 12;
  #written = 0;
  readonly #oids: string[] = [];
  #crcs = new Uint32Array(1024);
  #offsets = new Float64Array(1024);
  #crc = 0;

  /** @param objects the repository's `objects` directory */
  constructor(objects: string, shared: SharedMode) {
    this.#directory = join(objects, 'pack');
    this.#shared = shared;
    makeDirectory(this.#directory, shared);
    // git gc removes stale files of this name.
    this.#temporary = join(this.#directory, `tmp_pack_${randomName()}`);
    this.#file = openSync(this.#temporary, 'wx+', 0o644);
    this.#buffer.write('PACK', 0, 'latin1');
    this.#buffer.writeUInt32BE(2, 4);
  }

  get count(): number {
    return this.#oids.length;
  }

  /** Adds an object whose oid the caller has computed and not added before. */
  add(oid: string, type: ObjectType, data: Uint8Array): void {
    this.#begin(oid, type, data.length);
    const stored = storedLength(data.length);
    if (stored === undefined) {
      this.#append(deflate(data));
    } else {
      if (this.#filled + stored > BUFFER_BYTES) this.#drain();
      storedInto(data, this.#buffer, this.#filled);
      this.#crc = crc32(this.#buffer.subarray(this.#filled, this.#filled + stored), this.#crc);
      this.#filled += stored;
    }
    this.#end();
  }

  /**
   * Adds a large object from pieces. Its oid is asked for when all of them have been seen; an object that is `known` by then, or
   * whose pieces fail, leaves the pack as it was before.
   */
  addStream(type: ObjectType, size: number, pieces: Iterable<Uint8Array>, oidOf: () => string, known: (oid: string) => boolean): string {
    this.#drain();
    const start = this.#written;
    const position = this.#oids.length;
    let keep = false;
    try {
      this.#begin('', type, size);
      const stream = new DeflateStream();
      this.#append(stream.head());
      for (const piece of pieces) this.#append(stream.piece(piece));
      this.#append(stream.tail());
      const oid = oidOf();
      keep = !known(oid);
      this.#oids[position] = oid;
      this.#end();
      return oid;
    } finally {
      if (!keep) {
        this.#filled = 0;
        this.#written = start;
        this.#oids.length = position;
      }
    }
  }

  /** Completes pack and index, makes them durable, and puts them in place, index last. */
  async finish(): Promise<void> {
    try {
      this.#drain();
      const head = Buffer.alloc(4);
      head.writeUInt32BE(this.#oids.length);
      writeSync(this.#file, head, 0, 4, 8);
      ftruncateSync(this.#file, this.#written);
      const checksum = this.#checksum();
      writeSync(this.#file, checksum, 0, 20, this.#written);
      const mode = objectFileMode(this.#shared);
      if (this.#shared !== 'private') fchmodSync(this.#file, mode);
      else fchmodSync(this.#file, mode & ~process.umask());
      fsyncSync(this.#file);
      closeSync(this.#file);
      const index = this.#printIndex(checksum);
      const temporaryIndex = join(this.#directory, `tmp_idx_${randomName()}`);
      const indexFile = openSync(temporaryIndex, 'wx', mode);
      for (let at = 0; at < index.length;) at += writeSync(indexFile, index, at);
      if (this.#shared !== 'private') fchmodSync(indexFile, mode);
      fsyncSync(indexFile);
      closeSync(indexFile);
      const name = join(this.#directory, `pack-${checksum.toString('hex')}`);
      renameSync(this.#temporary, `${name}.pack`);
      renameSync(temporaryIndex, `${name}.idx`);
      await syncDirectory(this.#directory);
    } catch (error) {
      rmSync(this.#temporary, { force: true });
      throw error;
    }
  }

  /** Removes what was written. */
  discard(): void {
    closeSync(this.#file);
    rmSync(this.#temporary, { force: true });
  }

  #begin(oid: string, type: ObjectType, size: number): void {
    const position = this.#oids.length;
    if (position === this.#crcs.length) {
      const crcs = new Uint32Array(position * 2);
      crcs.set(this.#crcs);
      this.#crcs = crcs;
      const offsets = new Float64Array(position * 2);
      offsets.set(this.#offsets);
      this.#offsets = offsets;
    }
    this.#oids.push(oid);
    this.#offsets[position] = this.#written + this.#filled;
    this.#crc = 0;
    if (this.#filled + 16 > BUFFER_BYTES) this.#drain();
    const start = this.#filled;
    let rest = Math.floor(size / 16);
    let byte = (TYPE_CODES[type] << 4) | (size % 16);
    while (rest > 0) {
      this.#buffer[this.#filled++] = byte | 0x80;
      byte = rest % 128;
      rest = Math.floor(rest / 128);
    }
    this.#buffer[this.#filled++] = byte;
    this.#crc = crc32(this.#buffer.subarray(start, this.#filled), 0);
  }

  #end(): void {
    this.#crcs[this.#oids.length - 1] = this.#crc;
  }

  #append(data: Uint8Array): void {
    this.#crc = crc32(data, this.#crc);
    if (this.#filled + data.length > BUFFER_BYTES) this.#drain();
    if (data.length > BUFFER_BYTES) {
      this.#write(data);
    } else {
      this.#buffer.set(data, this.#filled);
      this.#filled += data.length;
    }
  }

  #drain(): void {
    this.#write(this.#buffer.subarray(0, this.#filled));
    this.#filled = 0;
  }

  #write(data: Uint8Array): void {
    for (let at = 0; at < data.length;) at += writeSync(this.#file, data, at, data.length - at, this.#written + at);
    this.#written += data.length;
  }

  #checksum(): Buffer {
    const hash = createHash('sha1');
    for (let at = 0; at < this.#written;) {
      const got = readSync(this.#file, this.#buffer, 0, BUFFER_BYTES, at);
      hash.update(this.#buffer.subarray(0, got));
      at += got;
    }
    return hash.digest();
  }

  #printIndex(packChecksum: Buffer): Buffer {
    const count = this.#oids.length;
    const order = Array.from({ length: count }, (_, index) => index)
      .sort((a, b) => ((this.#oids[a] as string) < (this.#oids[b] as string) ? -1 : 1));
    const large = order.filter((index) => (this.#offsets[index] as number) >= 0x80000000);
    const index = Buffer.alloc(1032 + count * 28 + large.length * 8 + 40);
    index.writeUInt32BE(0xff744f63, 0);
    index.writeUInt32BE(2, 4);
    const counts = new Uint32Array(256);
    const crcStart = 1032 + count * 20;
    const offsetStart = crcStart + count * 4;
    let largeSeen = 0;
    for (let position = 0; position < count; position += 1) {
      const object = order[position] as number;
      index.write(this.#oids[object] as string, 1032 + position * 20, 20, 'hex');
      const first = index[1032 + position * 20] as number;
      counts[first] = (counts[first] as number) + 1;
      index.writeUInt32BE(this.#crcs[object] as number, crcStart + position * 4);
      const offset = this.#offsets[object] as number;
      if (offset < 0x80000000) {
        index.writeUInt32BE(offset, offsetStart + position * 4);
      } else {
        index.writeUInt32BE(0x80000000 + largeSeen, offsetStart + position * 4);
        index.writeBigUInt64BE(BigInt(offset), offsetStart + count * 4 + largeSeen * 8);
        largeSeen += 1;
      }
    }
    let total = 0;
    for (let first = 0; first < 256; first += 1) {
      total += counts[first] as number;
      index.writeUInt32BE(total, 8 + first * 4);
    }
    packChecksum.copy(index, index.length - 40);
    createHash('sha1').update(index.subarray(0, index.length - 20)).digest().copy(index, index.length - 20);
    return index;
  }
}

/** Makes renames in a directory durable. */
export async function syncDirectory(directory: string): Promise<void> {
  let descriptor: number;
  try {
    descriptor = openSync(directory, 'r');
  } catch {
    await syncFileSystem(directory);
    return;
  }
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
