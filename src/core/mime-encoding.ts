/**
 * The character encoding of a file as libmagic (and so git-annex's `mimeencoding=`) names it. Order of the tests and the classes of
 * bytes follow libmagic 5.44; each step accepts or refuses the whole head.
 */

/** libmagic looks at no more than this for the encoding. */
export const MIME_HEAD_BYTES = 65536;

const KIND = { none: 0, text: 1, latin1: 2, extended: 3 } as const;

/** Class of each byte: never in text, ASCII text, ISO-8859 text, text only in other 8-bit sets. */
const CLASS = new Uint8Array(256);
for (let byte = 0x20; byte < 0x7f; byte += 1) CLASS[byte] = KIND.text;
for (const byte of [7, 8, 9, 10, 11, 12, 13, 27, 0x85]) CLASS[byte] = KIND.text;
for (let byte = 0x80; byte < 0xa0; byte += 1) if (byte !== 0x85) CLASS[byte] = KIND.extended;
for (let byte = 0xa0; byte < 0x100; byte += 1) CLASS[byte] = KIND.latin1;

/** Bytes that are text in EBCDIC. */
const EBCDIC = new Uint8Array(256);
for (const byte of [5, 11, 12, 13, 21, 22, 37, 39, 47]) EBCDIC[byte] = 1;
for (let byte = 64; byte < 256; byte += 1) if (byte !== 225) EBCDIC[byte] = 1;

function hasOnly(head: Uint8Array, highest: number): boolean {
  for (const byte of head) {
    const found = CLASS[byte] ?? 0;
    if (found === KIND.none || found > highest) return false;
  }
  return true;
}

function isAscii(head: Uint8Array): boolean {
  // NEL (0x85) counts as ASCII text for libmagic.
  for (const byte of head) if (CLASS[byte] !== KIND.text) return false;
  return true;
}

/** Whether it is UTF-8 text with at least one complete character beyond ASCII; a character cut off at the end is no objection. */
function isUtf8(head: Uint8Array, start: number, needsMultibyte: boolean): boolean {
  let multibyte = false;
  for (let at = start; at < head.length; at += 1) {
    const lead = head[at] ?? 0;
    if (lead < 0x80) {
      if (CLASS[lead] !== KIND.text) return false;
      continue;
    }
    if (lead < 0xc2 || lead > 0xf4) return false;
    const following = lead < 0xe0 ? 1 : lead < 0xf0 ? 2 : 3;
    // The second byte's range keeps out overlong forms, surrogates and what lies beyond U+10FFFF.
    const lowest = lead === 0xe0 ? 0xa0 : lead === 0xf0 ? 0x90 : 0x80;
    const highest = lead === 0xed ? 0x9f : lead === 0xf4 ? 0x8f : 0xbf;
    for (let n = 1; n <= following; n += 1) {
      at += 1;
      const byte = head[at];
      if (byte === undefined) return multibyte || !needsMultibyte;
      if (n === 1 ? byte < lowest || byte > highest : byte < 0x80 || byte > 0xbf) return false;
    }
    multibyte = true;
  }
  return multibyte || !needsMultibyte;
}

/** UTF-32 or UTF-16 with a byte order mark. */
function wideEncoding(head: Uint8Array): string | undefined {
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  const isText = (code: number): boolean => code >= 0x80 || CLASS[code] === KIND.text;
  if (head.length >= 4) {
    const little = head[0] === 0xff && head[1] === 0xfe && head[2] === 0 && head[3] === 0;
    const big = head[0] === 0 && head[1] === 0 && head[2] === 0xfe && head[3] === 0xff;
    if (little || big) {
      let valid = true;
      for (let at = 4; valid && at + 3 < head.length; at += 4) {
        const code = view.getUint32(at, little);
        valid = code !== 0xfffe && isText(code);
      }
      if (valid) return little ? 'utf-32le' : 'utf-32be';
    }
  }
  if (head.length >= 2) {
    const little = head[0] === 0xff && head[1] === 0xfe;
    const big = head[0] === 0xfe && head[1] === 0xff;
    if (little || big) {
      let highSurrogate = false;
      for (let at = 2; at + 1 < head.length; at += 2) {
        const code = view.getUint16(at, little);
        const lowSurrogate = code >= 0xdc00 && code <= 0xdfff;
        const character = code < 0xfdd0 || (code > 0xfdef && code < 0xfffe);
        if (!character || lowSurrogate !== highSurrogate || !isText(code)) return undefined;
        highSurrogate = code >= 0xd800 && code <= 0xdbff;
      }
      return little ? 'utf-16le' : 'utf-16be';
    }
  }
  return undefined;
}

function isUtf7(head: Uint8Array): boolean {
  return head.length > 4 && head[0] === 0x2b && head[1] === 0x2f && head[2] === 0x76 && [0x38, 0x39, 0x2b, 0x2f].includes(head[3] ?? 0);
}

/**
 * `binary`, `us-ascii`, `utf-8`, `utf-16le`, `utf-16be`, `utf-32le`, `utf-32be`, `iso-8859-1`, `unknown-8bit`, `ebcdic` or `utf-7`.
 * Files of no or one byte are `binary`.
 * @param head the first 64 KiB of the file, or all of a shorter one; more is not looked at
 */
export function mimeEncoding(head: Uint8Array): string {
  if (head.length <= 1) return 'binary';
  const bytes = head.length > MIME_HEAD_BYTES ? head.subarray(0, MIME_HEAD_BYTES) : head;
  if (isAscii(bytes)) return isUtf7(bytes) ? 'utf-7' : 'us-ascii';
  if (bytes.length > 2 && bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf && isUtf8(bytes, 3, false)) return 'utf-8';
  if (isUtf8(bytes, 0, true)) return 'utf-8';
  const wide = wideEncoding(bytes);
  if (wide !== undefined) return wide;
  if (hasOnly(bytes, KIND.latin1)) return 'iso-8859-1';
  if (hasOnly(bytes, KIND.extended)) return 'unknown-8bit';
  for (const byte of bytes) if (EBCDIC[byte] === 0) return 'binary';
  return 'ebcdic';
}
