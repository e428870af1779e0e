// Makes a checkout ready to run: npm packages as package-lock.json names them, and an up-to-date dist/. Does nothing when both are.
// `node bin/prepare.js` does it from the shell; bin/quickstart, bin/test and the tests' set-up import it.
import { spawnSync } from 'node:child_process';
import { existsSync, lstatSync, readFileSync, readdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));

function run(command, args) {
  // Progress goes to stderr: the callers' own output stays theirs.
  const result = spawnSync(command, args, { cwd: root, stdio: ['ignore', process.stderr, process.stderr] });
  if (result.error) throw result.error;
  if (result.status !== 0) throw new Error(`${[command, ...args].join(' ')} ended with ${result.status ?? result.signal}`);
}

/** True when every package that package-lock.json asks for lies in node_modules in that version. */
export function packagesAreCurrent() {
  const installedFile = join(root, 'node_modules/.package-lock.json');
  if (!existsSync(installedFile)) return false;
  const wanted = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')).packages;
  const installed = JSON.parse(readFileSync(installedFile, 'utf8')).packages;
  return Object.entries(wanted).every(
    ([path, entry]) => path === '' || entry.optional || installed[path]?.version === entry.version,
  );
}

/** Installs the npm packages when they are missing or stale. @returns whether anything was done */
export function ensurePackages() {
  if (packagesAreCurrent()) return false;
  const modules = join(root, 'node_modules');
  if (lstatSync(modules, { throwIfNoEntry: false })?.isSymbolicLink()) {
    // npm would empty the folder that several checkouts share.
    throw new Error(`${modules} is a link and its packages are not those of package-lock.json; run npm ci where it leads`);
  }
  run('npm', ['ci', '--no-audit', '--no-fund']);
  return true;
}

function newestChange(directory) {
  let newest = 0;
  for (const entry of readdirSync(directory, { withFileTypes: true, recursive: true })) {
    if (entry.isFile()) newest = Math.max(newest, statSync(join(entry.parentPath ?? entry.path, entry.name)).mtimeMs);
  }
  return newest;
}

/** True when dist/ is newer than everything it is built from. */
export function buildIsCurrent() {
  const built = join(root, 'dist/cli.js');
  if (!existsSync(built)) return false;
  const inputs = ['package-lock.json', 'package.json', 'tsconfig.json', 'bin/build.js'].map((name) => statSync(join(root, name)).mtimeMs);
  return statSync(built).mtimeMs >= Math.max(newestChange(join(root, 'src')), ...inputs);
}

/** Builds dist/ when it is missing or stale. @returns whether anything was done */
export function ensureBuilt() {
  if (buildIsCurrent()) return false;
  run(process.execPath, [join(root, 'bin/build.js')]);
  return true;
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  ensurePackages();
  ensureBuilt();
}
