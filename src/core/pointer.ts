/** The two forms in which git stores an annexed file: symbolic link (locked) and pointer file (unlocked). */
import { fileNameToKey, hashDirMixed, keyToFileName, normalizeKey } from './key.ts';
import type { KeyText } from './key.ts';

const MARK = '/annex/objects/';

/** A larger file is never a pointer. Unit: bytes. */
export const MAX_POINTER_BYTES: number = 32768;

function keyOfFileName(name: string): KeyText | undefined {
  return normalizeKey(fileNameToKey(name));
}

/**
 * Target of the symbolic link of a locked file: `../../.git/annex/objects/xX/yY/F/F`.
 * @param pathInRepository path of the link from the top of the work tree, `/`-separated
 */
export function symlinkTarget(pathInRepository: string, key: KeyText): string {
  let up = '';
  for (let slash = pathInRepository.indexOf('/'); slash >= 0; slash = pathInRepository.indexOf('/', slash + 1)) up += '../';
  const name = keyToFileName(key);
  return `${up}.git${MARK}${hashDirMixed(key)}/${name}/${name}`;
}

/**
 * Key that a symbolic link with this target stands for, undefined when the link does not lead into an annex.
 * Depth and hash directories do not matter.
 */
export function keyOfSymlink(target: string): KeyText | undefined {
  if (!target.includes(MARK)) return undefined;
  return keyOfFileName(target.slice(target.lastIndexOf('/') + 1));
}

/** Content of the pointer file of an unlocked file. */
export function pointerText(key: KeyText): string {
  return `${MARK}${keyToFileName(key)}\n`;
}

/**
 * Key that a file with this content points to, undefined when it is ordinary content. Also accepts the target of an annex link as
 * content (file systems without symbolic links). A key that is not valid UTF-8 is not recognised.
 * @param content whole file, or at least its first {@link MAX_POINTER_BYTES} + 1 bytes
 */
export function keyOfPointer(content: Uint8Array): KeyText | undefined {
  if (content.length > MAX_POINTER_BYTES || content.length < MARK.length) return undefined;
  const bytes = Buffer.from(content.buffer, content.byteOffset, content.byteLength);
  const newline = bytes.indexOf(10);
  const lineEnd = newline < 0 ? bytes.length : newline;
  const mark = bytes.indexOf(MARK, 0, 'latin1');
  if (mark < 0 || mark > lineEnd) return undefined;
  if (newline >= 0) {
    const rest = bytes.toString('latin1', newline + 1);
    if (rest !== '') {
      if (!rest.endsWith('\n')) return undefined;
      if (!rest.slice(0, -1).split('\n').every(line => line.includes('/annex/'))) return undefined;
    }
  }
  let first: string;
  try {
    first = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes.subarray(0, lineEnd));
  } catch {
    return undefined;
  }
  if (first.endsWith('\r')) first = first.slice(0, -1);
  return keyOfFileName(first.slice(first.lastIndexOf('/') + 1));
}
