/**
 * Paths are bytes in git and strings here. Valid UTF-8 maps to itself; any other byte maps to a lone surrogate U+DC80..U+DCFF
 * (as Python's surrogateescape does), so that a foreign name survives reading and writing unchanged.
 */

const LONE = /[\udc80-\udcff]/;
const LONE_SURROGATE = /(?<![\ud800-\udbff])[\udc00-\udfff]/;
const HIGH = /[\ud800-\uffff]/;
const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** The path in `buffer[start, end)`. */
export function decodePath(buffer: Buffer, start: number, end: number): string {
  const text = buffer.toString('utf8', start, end);
  return text.includes('\ufffd') ? decodeEscaped(buffer.subarray(start, end), text) : text;
}

function decodeEscaped(bytes: Buffer, decoded: string): string {
  if (Buffer.from(decoded).equals(bytes)) return decoded;
  let text = '';
  for (let at = 0; at < bytes.length;) {
    const first = bytes[at] ?? 0;
    const length = first < 0x80 ? 1 : first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
    let part: string | undefined;
    try {
      part = strict.decode(bytes.subarray(at, at + length));
    } catch {
      part = undefined;
    }
    text += part ?? String.fromCharCode(0xdc00 + first);
    at += part === undefined ? 1 : length;
  }
  return text;
}

/** The bytes of a path made by {@link decodePath}. */
export function encodePath(path: string): Buffer {
  if (!LONE.test(path) || !LONE_SURROGATE.test(path)) return Buffer.from(path);
  const parts: Buffer[] = [];
  for (const character of path) {
    const code = character.length === 1 ? character.charCodeAt(0) : 0;
    parts.push(code >= 0xdc80 && code <= 0xdcff ? Buffer.of(code - 0xdc00) : Buffer.from(character));
  }
  return Buffer.concat(parts);
}

/** Length of the path in bytes. */
export function pathLength(path: string): number {
  return LONE.test(path) && LONE_SURROGATE.test(path) ? encodePath(path).length : Buffer.byteLength(path);
}

/** Writes the bytes of a path into a buffer and says how many they were. */
export function writePath(buffer: Buffer, path: string, offset: number): number {
  if (LONE.test(path) && LONE_SURROGATE.test(path)) return encodePath(path).copy(buffer, offset);
  return buffer.write(path, offset);
}

/** False when a name is not valid UTF-8, so that no path given to the operating system can mean it. */
export function isRepresentable(path: string): boolean {
  return !LONE_SURROGATE.test(path);
}

/** Order of the bytes, which is git's order of paths; differs from string order beyond U+D7FF only. */
export function comparePaths(a: string, b: string): number {
  if (a === b) return 0;
  if (HIGH.test(a) || HIGH.test(b)) return Buffer.compare(encodePath(a), encodePath(b));
  return a < b ? -1 : 1;
}

/** Sorts in place by {@link comparePaths} of each item's path. */
export function sortByPath<T>(items: T[], pathOf: (item: T) => string): T[] {
  if (items.some((item) => HIGH.test(pathOf(item)))) {
    return items.sort((a, b) => comparePaths(pathOf(a), pathOf(b)));
  }
  return items.sort((a, b) => {
    const left = pathOf(a);
    const right = pathOf(b);
    return left < right ? -1 : left > right ? 1 : 0;
  });
}
