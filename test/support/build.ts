import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { PROJECT } from './project.ts';

/** vitest's global set-up: the tests run the built program, so it must be the one of these sources. */
export function setup(): void {
  if (!existsSync(join(PROJECT, 'src/cli/main.ts'))) return;
  try {
    execFileSync(process.execPath, [join(PROJECT, 'bin/prepare.js')], { cwd: PROJECT, stdio: ['ignore', 'inherit', 'inherit'] });
  } catch {
    // A failed build leaves no program: tests that run it fail, tests of single modules can still be run.
    process.stderr.write('the program could not be built\n');
  }
}
