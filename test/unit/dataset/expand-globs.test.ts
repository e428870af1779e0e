import { mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { expandGlobsOnDisk } from '../../../src/dataset/expand-globs.ts';
import { selectPaths } from '../../../src/dataset/select-paths.ts';
import { judgeRepository } from '../support/judges.ts';
import type { Judge } from '../support/judges.ts';

describe('expandGlobsOnDisk', () => {
  let judge: Judge;
  const files = ['.hidden', 'B.txt', 'a.txt', 'file (1).txt', 'file 1.txt', 'sub/.x/y', 'sub/b.txt', 'é.txt'];
  beforeAll(() => {
    judge = judgeRepository();
    for (const file of files) judge.write(file, '');
    judge.write('sub/nested/.git/config', '');
    mkdirSync(join(judge.directory, 'empty'));
    symlinkSync('nowhere', join(judge.directory, 'broken.txt'));
    symlinkSync('sub', join(judge.directory, 'link'));
  });
  afterAll(() => judge.remove());

  it('finds files, dotfiles and links, and nothing of .git', async () => {
    expect(await expandGlobsOnDisk(['**'], judge.directory))
      .toEqual(['.hidden', 'B.txt', 'a.txt', 'broken.txt', 'file (1).txt', 'file 1.txt', 'link', 'sub/.x/y', 'sub/b.txt', 'é.txt']);
  });

  it('takes a folder for all below it, and names each path once', async () => {
    expect(await expandGlobsOnDisk(['s*', 'sub/*.txt', './a.txt'], judge.directory)).toEqual(['a.txt', 'sub/.x/y', 'sub/b.txt']);
    expect(await expandGlobsOnDisk(['broken*', 'gone*'], judge.directory)).toEqual(['broken.txt']);
    expect(await expandGlobsOnDisk([], judge.directory)).toEqual([]);
  });

  it('agrees with selectPaths', async () => {
    const all = await expandGlobsOnDisk(['**'], judge.directory);
    for (const pattern of ['*', '*.txt', '**/*.txt', 'file (1)*', '{a,B}.*', 'sub/**', '?.txt', '[ab]*', 'sub/*', '.*', 'sub/']) {
      const selection = selectPaths([pattern], '');
      expect([pattern, await expandGlobsOnDisk([pattern], judge.directory)]).toEqual([pattern, all.filter((path) => selection.matches(path))]);
    }
  });
});
