/** Zlib streams (RFC 1950) for git objects. Small data is stored: setting up a compressor costs more than it could save. */
import { constants, deflateRawSync, deflateSync } from 'node:zlib';

const STORED_MAX = 1024;

/** Running Adler-32 of RFC 1950; start with 1. */
export function adler32(data: Uint8Array, start: number): number {
  let low = start & 0xffff;
  let high = start >>> 16;
  for (let at = 0; at < data.length;) {
    // The largest run for which the sums cannot overflow 32 bits.
    const end = Math.min(at + 5552, data.length);
    for (; at < end; at += 1) {
      low += data[at] as number;
      high += low;
    }
    low %= 65521;
    high %= 65521;
  }
  return ((high << 16) | low) >>> 0;
}

/** The zlib stream of `data`. */
export function deflate(data: Uint8Array): Uint8Array {
  if (data.length > STORED_MAX) return deflateSync(data, { level: 3 });
  const result = Buffer.allocUnsafe(data.length + 11);
  storedInto(data, result, 0);
  return result;
}

/** Length of what {@link storedInto} writes, or undefined when the data is to be compressed. */
export function storedLength(length: number): number | undefined {
  return length <= STORED_MAX ? length + 11 : undefined;
}

/** Writes a zlib stream with one stored block. */
export function storedInto(data: Uint8Array, target: Buffer, offset: number): number {
  const length = data.length;
  target[offset] = 0x78;
  target[offset + 1] = 0x01;
  target[offset + 2] = 1;
  target[offset + 3] = length & 0xff;
  target[offset + 4] = length >>> 8;
  target[offset + 5] = ~length & 0xff;
  target[offset + 6] = (~length >>> 8) & 0xff;
  target.set(data, offset + 7);
  target.writeUInt32BE(adler32(data, 1), offset + 7 + length);
  return length + 11;
}

/** A zlib stream made piece by piece, so that large content never is in memory as a whole. */
export class DeflateStream {
  #adler = 1;

  head(): Uint8Array {
    return Buffer.of(0x78, 0x01);
  }

  /** Compresses one piece; the output of pieces can be joined. */
  piece(data: Uint8Array): Uint8Array {
    this.#adler = adler32(data, this.#adler);
    return deflateRawSync(data, { level: 3, finishFlush: constants.Z_SYNC_FLUSH });
  }

  /** An empty last block and the checksum. */
  tail(): Uint8Array {
    const end = Buffer.of(0x03, 0x00, 0, 0, 0, 0);
    end.writeUInt32BE(this.#adler, 2);
    return end;
  }
}
