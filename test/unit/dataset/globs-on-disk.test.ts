// fast-glob is the judge of what a glob means: whatever it finds on disk, the selection over tracked paths must find, and nothing else.
import { mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';

import fastGlob from 'fast-glob';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { selectPaths } from '../../../src/dataset/select-paths.ts';
import { judgeRepository } from '../support/judges.ts';
import type { Judge } from '../support/judges.ts';

const FILES = ['.hidden', 'B.txt', 'a.txt', 'file (1).txt', 'file 1.txt', 'sub/.x/y', 'sub/b.txt', 'é.txt'];
const PATTERNS = ['*', '*.txt', '**/*.txt', 'file \\(1\\)*', '{a,B}.*', 'sub/**', '?.txt', '[ab]*', 'sub/*', '.*', '**', '*/.x'];

describe('globs', () => {
  let judge: Judge;
  beforeAll(() => {
    judge = judgeRepository();
    for (const file of FILES) judge.write(file, '');
    mkdirSync(join(judge.directory, 'empty'));
    symlinkSync('nowhere', join(judge.directory, 'broken.txt'));
  });
  afterAll(() => judge.remove());

  it.each(PATTERNS)('%s selects what fast-glob finds, and all below a folder that it finds', async (pattern) => {
    const found = await fastGlob([pattern, `${pattern}/**`], { cwd: judge.directory, dot: true, ignore: ['**/.git/**'], onlyFiles: false, followSymbolicLinks: false });
    const plain = new Set(found.map((path) => path.replace(/^\.\//, '')));
    const selection = selectPaths([pattern], '');
    for (const path of [...FILES, 'broken.txt']) expect([path, selection.matches(path)]).toEqual([path, plain.has(path)]);
  });
});
