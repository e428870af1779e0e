import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { backendOf, hashKey, wormKey } from '../../../src/core/backend.ts';
import { hashDirLower, hashDirMixed, normalizeKey, printKey, tryParseKey } from '../../../src/core/key.ts';
import type { Backend } from '../../../src/core/backend.ts';

const missing = spawnSync('git-annex', ['version', '--raw']).status !== 0;

describe.skipIf(missing)('agreement with the installed git-annex', () => {
  let repository = '';
  const run = (...args: string[]): string =>
    execFileSync('git', ['-C', repository, ...args], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });

  beforeAll(() => {
    repository = mkdtempSync(join(tmpdir(), 'dstore-core-'));
    run('init', '-q');
    run('-c', 'user.name=t', '-c', 'user.email=t@example.org', 'annex', 'init', '-q', 'test');
  }, 60_000);
  afterAll(() => rmSync(repository, { recursive: true, force: true }));

  it('on a sample of keys, valid and not', () => {
    const texts = ['SHA256E-s5--a.tar.gz', 'MD5E-s007--d41d8cd98f00b204e9800998ecf8427e.nii.gz', 'WORM-s1-m2--a,32b/c&d%e:f',
      'URL--http://example.com/ü?x=1',
      'SHA256-s10-S4-C3--aa', 'SHA256E-C000--x', 'NEW_1-m5--', 'A--b--c-s1', 'SHA256E-s5-m3-S1-C2--x.y'];
    for (const text of texts) {
      const [key, lower, mixed] = run('annex', 'examinekey', '--format=${key}\\n${hashdirlower}\\n${hashdirmixed}', text).split('\n');
      expect(normalizeKey(text)).toBe(key);
      expect(`${hashDirLower(key as string)}/`).toBe(lower);
      expect(`${hashDirMixed(key as string)}/`).toBe(mixed);
    }
    for (const text of ['SHA256E', 'A-s--x', 'A-C1-S1--x', 'A-s1-x', `AE--a.${'e'.repeat(64)}`]) {
      expect(() => run('annex', 'examinekey', text)).toThrow();
      expect(tryParseKey(text)).toBeUndefined();
    }
  }, 60_000);

  it('on the keys of files', () => {
    const content = 'some content\n';
    const files = ['plain', 'data.nii.gz', 'sub-01/ses-1_T1w.json', 'v1.2.3-final.TXT', 'a b/.hidden.parquet', 'x.é',
      'long name, with (signs) and more than sixty-four bytes of text in it.dat'];
    for (const file of files) {
      const path = join(repository, file);
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, content);
      utimesSync(path, 1_700_000_000.75, 1_700_000_000.75);
      for (const [name, hash] of [['SHA256E', 'sha256'], ['MD5E', 'md5'], ['SHA3_256', 'sha3-256']] as const) {
        const digest = createHash(hash).update(content).digest('hex');
        const key = hashKey(backendOf(name) as Backend, digest, content.length, file);
        expect(key).toBe(run('annex', 'calckey', `--backend=${name}`, file).trimEnd());
        expect(printKey(tryParseKey(key) as NonNullable<ReturnType<typeof tryParseKey>>)).toBe(key);
      }
      expect(wormKey(file, content.length, 1_700_000_000.75)).toBe(run('annex', 'calckey', '--backend=WORM', file).trimEnd());
    }
  }, 120_000);
});
