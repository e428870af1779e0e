import { join } from 'node:path';

import { describe, expect, it } from 'vitest';

import { mimeEncoding } from '../../../src/core/mime-encoding.ts';
import { installed, judgeRepository } from '../support/judges.ts';

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');
const wide = (text: string): Buffer => Buffer.from(`\ufeff${text}`, 'utf16le');

const HEADS: Readonly<Record<string, readonly [string, Buffer]>> = {
  empty: ['binary', Buffer.alloc(0)],
  'one byte': ['binary', Buffer.from('a')],
  ascii: ['us-ascii', Buffer.from('hello\tworld\r\n\x1b[1m\x07')],
  json: ['us-ascii', Buffer.from('{"a": 1}')],
  'control character': ['binary', Buffer.from('hello\x01')],
  'NUL at the end': ['binary', Buffer.from('hello\0')],
  'NUL after 64 KiB': ['us-ascii', Buffer.concat([Buffer.alloc(65536, 0x61), Buffer.alloc(1)])],
  'NUL within 64 KiB': ['binary', Buffer.concat([Buffer.alloc(65535, 0x61), Buffer.alloc(1)])],
  utf8: ['utf-8', Buffer.from('grüße 😀')],
  'utf8 with mark': ['utf-8', Buffer.from('\ufeffhello')],
  'utf8 with a control character': ['binary', Buffer.from('é\x01')],
  'utf8 cut after a whole character': ['utf-8', hex('c3a9 41 c3')],
  'utf8 cut in its only character': ['iso-8859-1', hex('41 c3')],
  'overlong utf8': ['unknown-8bit', hex('61 c080 62')],
  'surrogate in utf8': ['unknown-8bit', hex('61 eda080 62')],
  latin1: ['iso-8859-1', Buffer.from('gr\xfc\xdfe', 'latin1')],
  'windows text': ['unknown-8bit', Buffer.from('a\x93b\x94', 'latin1')],
  'next line': ['us-ascii', Buffer.from('a\x85b', 'latin1')],
  'utf16 little': ['utf-16le', wide('hello 😀')],
  'utf16 big': ['utf-16be', wide('hello').swap16()],
  'utf16 lone surrogate': ['iso-8859-1', hex('feff d8a0 e1e1')],
  'utf16 without mark': ['binary', Buffer.from('hello', 'utf16le')],
  utf32: ['utf-32le', hex('fffe0000 41000000')],
  'utf32 big': ['utf-32be', hex('0000feff 00000041')],
  utf7: ['utf-7', Buffer.from('+/v8-hello')],
  ebcdic: ['ebcdic', hex('c8 85 93 93 96 15')],
  png: ['binary', hex('89504e470d0a1a0a0000000d49484452')],
  gzip: ['binary', hex('1f8b0800000000000003')],
  nifti: ['binary', Buffer.concat([hex('5c010000'), Buffer.alloc(344), Buffer.from('n+1\0')])],
  pdf: ['us-ascii', Buffer.from('%PDF-1.4\n')],
};

describe('mimeEncoding', () => {
  it.each(Object.entries(HEADS))('%s', (_, [encoding, head]) => {
    expect(mimeEncoding(head)).toBe(encoding);
  });

  it.skipIf(!installed('file'))('agrees with libmagic, also on every single byte in text and on mixtures', () => {
    const heads: Buffer[] = Object.values(HEADS).map(([, head]) => head);
    for (let byte = 0; byte < 256; byte += 1) heads.push(Buffer.from([0x61, byte, 0x62, 0x0a]), Buffer.from([0xc8, 0x15, 0x05, byte]));
    // A fixed pseudo-random walk over pieces that are close to the borders between encodings.
    const pieces = ['c3a9', '41', '0a', '00', 'fffe', 'feff', 'e282ac', 'f09f9880', '80', '85', 'a0', '1b', '05', '15', 'eda0', 'c8', 'efbbbf', '2b2f7638', '4100'];
    let state = 12345;
    const next = (below: number): number => {
      state = (state * 1103515245 + 12345) % 2147483648;
      return Math.floor(state / 65536) % below;
    };
    for (let i = 0; i < 400; i += 1) {
      const start = ['', '', 'fffe', 'feff', 'efbbbf'][next(5)] ?? '';
      heads.push(hex(start + Array.from({ length: 1 + next(6) }, () => pieces[next(pieces.length)] ?? '').join('')));
    }
    const judge = judgeRepository();
    try {
      for (const [i, head] of heads.entries()) judge.write(`heads/${i}`, head);
      const names = heads.map((_, i) => join(judge.directory, 'heads', String(i)));
      const answers = judge.run('file', ['--brief', '--mime-encoding', ...names]).stdout.trim().split('\n');
      for (const [i, head] of heads.entries()) {
        // libmagic reports a failure of its own for malformed UTF-32.
        if (answers[i]?.startsWith('ERROR') === true) continue;
        expect([head.subarray(0, 40).toString('hex'), mimeEncoding(head)]).toEqual([head.subarray(0, 40).toString('hex'), answers[i]]);
      }
    } finally {
      judge.remove();
    }
  });
});
