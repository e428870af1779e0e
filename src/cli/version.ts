import { existsSync, readFileSync } from 'node:fs';

/** `dstore 0.1.0`: bin/dstore.js answers this by itself in the usual form `dstore --version`. */
export function versionText(): string {
  // One folder up from the built program, two from the source.
  const file = ['../package.json', '../../package.json'].map((path) => new URL(path, import.meta.url)).find((url) => existsSync(url));
  const version = file === undefined ? undefined : (JSON.parse(readFileSync(file, 'utf8')) as { version?: string }).version;
  return `dstore ${version ?? 'of unknown version'}\n`;
}
