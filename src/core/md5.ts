import * as crypto from 'node:crypto';
import { md5 } from '@noble/hashes/legacy.js';
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js';

function nativeMd5(text: string): string {
  return crypto.hash('md5', text, 'hex');
}

function portableMd5(text: string): string {
  return bytesToHex(md5(utf8ToBytes(text)));
}

function choose(): (text: string) => string {
  try {
    nativeMd5('');
    return nativeMd5;
  } catch {
    // OpenSSL in FIPS mode refuses MD5; here it only names directories.
    return portableMd5;
  }
}

/** MD5 of the UTF-8 bytes of a text, in lower-case hexadecimal. */
export const md5Hex: (text: string) => string = choose();
