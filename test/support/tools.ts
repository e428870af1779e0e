import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { describe } from 'vitest';

/**
 * Real programs that tests use as judges. `DSTORE_TEST_REQUIRE` names those that must be there (`git-annex,datalad` or `all`):
 * tests that need a missing one fail instead of being skipped.
 */
const required = (process.env['DSTORE_TEST_REQUIRE'] ?? '').split(',').map((name) => name.trim()).filter((name) => name !== '');

export function hasTool(name: string): boolean {
  return (process.env['PATH'] ?? '').split(delimiter).some((directory) => {
    try {
      accessSync(join(directory, name), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** Whether a missing `what` must fail instead of skipping. */
export function isRequired(what: string): boolean {
  return required.includes('all') || required.includes(what);
}

/** True when the program is installed; throws when it is not and `DSTORE_TEST_REQUIRE` asks for it. */
export function requireTool(name: string): boolean {
  if (hasTool(name)) return true;
  if (isRequired(name)) throw new Error(`${name} is not installed and DSTORE_TEST_REQUIRE=${required.join(',')} asks for it`);
  return false;
}

/** True when this process may add users to the machine. */
export function isRoot(): boolean {
  return process.getuid?.() === 0;
}

/** `describe` for tests that need real programs; without them it is skipped and its name says why. */
export function describeWith(tools: readonly string[], name: string, body: () => void): void {
  const missing = tools.filter((tool) => !requireTool(tool));
  if (missing.length === 0) describe(name, body);
  else describe.skip(`${name} (${missing.join(', ')} not installed)`, body);
}
