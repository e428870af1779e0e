// Benchmark input: folders of pseudo-random files, the same bytes for the same seed.
import { mkdirSync, openSync, writeSync, closeSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Fills `buffer` from a 32-bit xorshift generator; bytes that neither compress nor repeat. */
export function pseudoRandom(seed) {
  let state = (seed * 2654435761 + 1) >>> 0 || 1;
  return (buffer) => {
    const words = new Uint32Array(buffer.buffer, buffer.byteOffset, buffer.byteLength >>> 2);
    for (let index = 0; index < words.length; index++) {
      state ^= state << 13;
      state >>>= 0;
      state ^= state >>> 17;
      state ^= state << 5;
      state >>>= 0;
      words[index] = state;
    }
    return buffer;
  };
}

/** Name of the n-th folder of the fixture. */
export function folderName(index) {
  return `folder_${String(index).padStart(4, '0')}`;
}

/** Writes `files` files of `bytes` bytes, spread evenly over `folders` folders below `directory`. */
export function writeFiles(directory, { files, folders, bytes, seed = 1 }) {
  const fill = pseudoRandom(seed);
  const buffer = Buffer.from(new ArrayBuffer(Math.ceil(bytes / 4) * 4 || 4));
  const perFolder = Math.ceil(files / folders);
  for (let index = 0; index < files; index++) {
    const folder = join(directory, folderName(Math.floor(index / perFolder)));
    if (index % perFolder === 0) mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, `file_${String(index % perFolder).padStart(5, '0')}.dat`), fill(buffer).subarray(0, bytes));
  }
}

/** Writes one file of `bytes` bytes. */
export function writeLargeFile(path, bytes, seed = 2) {
  const fill = pseudoRandom(seed);
  const buffer = Buffer.from(new ArrayBuffer(4 << 20));
  const handle = openSync(path, 'wx');
  for (let left = bytes; left > 0; left -= buffer.length) writeSync(handle, fill(buffer), 0, Math.min(left, buffer.length));
  closeSync(handle);
}
