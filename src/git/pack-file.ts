/** One pack and its index (gitformat-pack(5)), read in place: nothing but the parts that are asked for is loaded. */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { inflateSync } from 'node:zlib';
import { DStoreError, toDStoreError } from '../core/errors.ts';
import type { ObjectType } from './objects.ts';

/** What a pack entry says about itself: a whole object, or a delta against a base in the same pack or by oid. */
export interface PackEntry {
  readonly type: ObjectType | 'delta';
  /** Size in bytes of the inflated data (for a delta: of the delta). */
  readonly size: number;
  readonly dataOffset: number;
  readonly baseOffset?: number;
  readonly baseOid?: string;
}

const TYPES: readonly (ObjectType | undefined)[] = [undefined, 'commit', 'tree', 'blob', 'tag'];

/** An open pack. */
export class PackFile {
  readonly path: string;
  readonly count: number;
  readonly #index: number;
  readonly #version: 1 | 2;
  readonly #fanout: Buffer;
  readonly #buckets = new Map<number, Buffer>();
  #pack: number | undefined;
  #packSize = 0;

  /** @param path without `.pack` */
  constructor(path: string) {
    this.path = path;
    try {
      this.#index = openSync(`${path}.idx`, 'r');
    } catch (error) {
      throw toDStoreError(error, `cannot open ${path}.idx`);
    }
    const head = this.#readIndex(0, 8);
    this.#version = head.readUInt32BE(0) === 0xff744f63 ? 2 : 1;
    if (this.#version === 2 && head.readUInt32BE(4) !== 2) throw new DStoreError('GIT_UNSUPPORTED', `${path}.idx has an unknown version`);
    this.#fanout = this.#readIndex(this.#version === 2 ? 8 : 0, 1024);
    this.count = this.#fanout.readUInt32BE(1020);
  }

  close(): void {
    closeSync(this.#index);
    if (this.#pack !== undefined) closeSync(this.#pack);
    this.#pack = undefined;
    this.#buckets.clear();
  }

  /** Offset of an object in the pack; undefined when it is not here. */
  find(oid: string): number | undefined {
    const first = Number.parseInt(oid.slice(0, 2), 16);
    const target = Buffer.from(oid, 'hex');
    const bucket = this.#bucket(first);
    const width = this.#version === 2 ? 20 : 24;
    const skip = width - 20;
    let low = 0;
    let high = bucket.length / width - 1;
    while (low <= high) {
      const middle = (low + high) >>> 1;
      const order = target.compare(bucket, middle * width + skip, middle * width + width);
      if (order === 0) return this.#offset(first, middle, bucket);
      if (order < 0) high = middle - 1;
      else low = middle + 1;
    }
    return undefined;
  }

  /** Oids in the pack that start with these hex digits (at least two). */
  findPrefix(prefix: string): string[] {
    const bucket = this.#bucket(Number.parseInt(prefix.slice(0, 2), 16));
    const width = this.#version === 2 ? 20 : 24;
    const found: string[] = [];
    for (let at = width - 20; at < bucket.length; at += width) {
      const oid = bucket.toString('hex', at, at + 20);
      if (oid.startsWith(prefix)) found.push(oid);
    }
    return found;
  }

  /** Head of the entry at an offset. @throws GIT_CORRUPT */
  entry(offset: number): PackEntry {
    const head = this.#readPack(offset, 64);
    let at = 0;
    let byte = head[at++] ?? 0;
    const code = (byte >> 4) & 7;
    let size = byte & 15;
    for (let factor = 16; (byte & 0x80) !== 0; factor *= 128) {
      byte = head[at++] ?? 0;
      size += (byte & 0x7f) * factor;
    }
    if (code === 6) {
      byte = head[at++] ?? 0;
      let distance = byte & 0x7f;
      while ((byte & 0x80) !== 0) {
        byte = head[at++] ?? 0;
        distance = (distance + 1) * 128 + (byte & 0x7f);
      }
      if (distance <= 0 || distance > offset) throw this.#corrupt(offset);
      return { type: 'delta', size, dataOffset: offset + at, baseOffset: offset - distance };
    }
    if (code === 7) return { type: 'delta', size, dataOffset: offset + at + 20, baseOid: head.toString('hex', at, at + 20) };
    const type = TYPES[code];
    if (type === undefined) throw this.#corrupt(offset);
    return { type, size, dataOffset: offset + at };
  }

  /** Inflated data of an entry. @throws GIT_CORRUPT */
  data(entry: PackEntry): Buffer {
    if (entry.size === 0) return Buffer.alloc(0);
    // Enough for incompressible data; anything longer is tried again with the rest of the pack.
    const likely = entry.size + (entry.size >>> 8) + 1024;
    for (const length of [likely, Number.MAX_SAFE_INTEGER]) {
      try {
        const data = inflateSync(this.#readPack(entry.dataOffset, length));
        if (data.length !== entry.size) throw this.#corrupt(entry.dataOffset);
        return data;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'Z_BUF_ERROR' && length === likely) continue;
        throw (error as NodeJS.ErrnoException).code?.startsWith('Z_') === true ? this.#corrupt(entry.dataOffset) : error;
      }
    }
    throw this.#corrupt(entry.dataOffset);
  }

  #corrupt(offset: number): DStoreError {
    return new DStoreError('GIT_CORRUPT', `${this.path}.pack is damaged near byte ${offset}`, {
      hint: 'see what is affected with: git fsck',
    });
  }

  #bucket(first: number): Buffer {
    let bucket = this.#buckets.get(first);
    if (bucket === undefined) {
      const from = first === 0 ? 0 : this.#fanout.readUInt32BE(first * 4 - 4);
      const to = this.#fanout.readUInt32BE(first * 4);
      const width = this.#version === 2 ? 20 : 24;
      bucket = this.#readIndex((this.#version === 2 ? 1032 : 1024) + from * width, (to - from) * width);
      this.#buckets.set(first, bucket);
    }
    return bucket;
  }

  #offset(first: number, position: number, bucket: Buffer): number {
    if (this.#version === 1) return bucket.readUInt32BE(position * 24);
    const index = (first === 0 ? 0 : this.#fanout.readUInt32BE(first * 4 - 4)) + position;
    const offsets = 1032 + this.count * 24;
    const small = this.#readIndex(offsets + index * 4, 4).readUInt32BE(0);
    if (small < 0x80000000) return small;
    return Number(this.#readIndex(offsets + this.count * 4 + (small - 0x80000000) * 8, 8).readBigUInt64BE(0));
  }

  #readIndex(position: number, length: number): Buffer {
    const buffer = Buffer.allocUnsafe(length);
    if (length > 0 && readSync(this.#index, buffer, 0, length, position) !== length) {
      throw new DStoreError('GIT_CORRUPT', `${this.path}.idx is too short`, { hint: `git index-pack ${this.path}.pack` });
    }
    return buffer;
  }

  #readPack(position: number, length: number): Buffer {
    if (this.#pack === undefined) {
      try {
        this.#pack = openSync(`${this.path}.pack`, 'r');
        this.#packSize = fstatSync(this.#pack).size;
      } catch (error) {
        throw toDStoreError(error, `cannot open ${this.path}.pack`);
      }
    }
    const wanted = Math.max(0, Math.min(length, this.#packSize - position));
    const buffer = Buffer.allocUnsafe(wanted);
    let at = 0;
    while (at < wanted) {
      const got = readSync(this.#pack, buffer, at, wanted - at, position + at);
      if (got === 0) break;
      at += got;
    }
    return buffer.subarray(0, at);
  }
}

/** Applies a pack delta (gitformat-pack(5), "Deltified representation"); undefined when it does not fit the base. */
export function applyDelta(base: Buffer, delta: Buffer): Buffer | undefined {
  let at = 0;
  const readSize = (): number => {
    let size = 0;
    let factor = 1;
    for (;;) {
      const byte = delta[at++] ?? 0;
      size += (byte & 0x7f) * factor;
      if ((byte & 0x80) === 0) return size;
      factor *= 128;
    }
  };
  if (readSize() !== base.length) return undefined;
  const result = Buffer.allocUnsafe(readSize());
  let end = 0;
  while (at < delta.length) {
    const code = delta[at++] as number;
    if ((code & 0x80) !== 0) {
      let offset = 0;
      let size = 0;
      for (let bit = 0; bit < 4; bit += 1) if ((code & (1 << bit)) !== 0) offset += (delta[at++] ?? 0) * 2 ** (8 * bit);
      for (let bit = 0; bit < 3; bit += 1) if ((code & (16 << bit)) !== 0) size += (delta[at++] ?? 0) * 2 ** (8 * bit);
      if (size === 0) size = 0x10000;
      if (offset + size > base.length || end + size > result.length) return undefined;
      base.copy(result, end, offset, offset + size);
      end += size;
    } else {
      if (code === 0 || at + code > delta.length || end + code > result.length) return undefined;
      delta.copy(result, end, at, at + code);
      at += code;
      end += code;
    }
  }
  return end === result.length ? result : undefined;
}
