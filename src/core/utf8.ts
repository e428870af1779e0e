/**
 * Orders two strings as their UTF-8 bytes are ordered, which is how git and git-annex sort.
 * @returns negative, zero or positive
 */
export function compareUtf8(a: string, b: string): number {
  const end = Math.min(a.length, b.length);
  for (let i = 0; i < end; i++) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x === y) continue;
    // A surrogate pair stands for a code point above U+FFFF, so it sorts after the units U+E000…U+FFFF.
    const xIsSurrogate = x >= 0xd800 && x <= 0xdfff;
    const yIsSurrogate = y >= 0xd800 && y <= 0xdfff;
    if (xIsSurrogate !== yIsSurrogate) {
      if (xIsSurrogate) return y >= 0xe000 ? 1 : x - y;
      return x >= 0xe000 ? -1 : x - y;
    }
    return x - y;
  }
  return a.length - b.length;
}

/** Number of bytes of the string in UTF-8. */
export function utf8Length(text: string): number {
  return Buffer.byteLength(text, 'utf8');
}
