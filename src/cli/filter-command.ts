/** `dstore filter-process`, `dstore smudge [--clean] -- FILE`: what git runs for unlocked files where git-annex is not installed. */
import { once } from 'node:events';
import { EXIT } from '../core/errors.ts';

export async function runFilter(words: readonly string[], cwd: string): Promise<number> {
  const { filterOne, filterProcess } = await import('../annex/filter.ts');
  const output = async (data: Uint8Array): Promise<void> => {
    if (!process.stdout.write(data)) await once(process.stdout, 'drain');
  };
  if (words[0] === 'filter-process') await filterProcess(cwd, process.stdin, output);
  else await filterOne(cwd, words.includes('--clean') ? 'clean' : 'smudge', words.at(-1) ?? '', process.stdin, output);
  return EXIT.ok;
}
