/** Running the git program: its environment, and what its messages mean. */
import { DStoreError } from '../core/errors.ts';
import type { ErrorCode } from '../core/errors.ts';
import type { Op } from '../core/op.ts';
import type { ProcessResult } from '../io/subprocess.ts';
import { findProgram, runProcess } from '../io/subprocess.ts';

/** Path of the git program; undefined when there is none or DSTORE_GIT=none. */
export function gitProgram(): string | undefined {
  return process.env['DSTORE_GIT'] === 'none' ? undefined : findProgram('git');
}

/** Variables that would make git work on another repository than the one it is started in. */
const FOREIGN = [
  'GIT_DIR', 'GIT_WORK_TREE', 'GIT_INDEX_FILE', 'GIT_OBJECT_DIRECTORY', 'GIT_ALTERNATE_OBJECT_DIRECTORIES', 'GIT_COMMON_DIR', 'GIT_NAMESPACE',
  'GIT_PREFIX', 'GIT_SHALLOW_FILE', 'GIT_GRAFT_FILE', 'GIT_QUARANTINE_PATH', 'GIT_LITERAL_PATHSPECS', 'GIT_GLOB_PATHSPECS',
  'GIT_NOGLOB_PATHSPECS', 'GIT_ICASE_PATHSPECS', 'GIT_TRACE',
];

/** The environment of every git call: messages to parse, our repository only, the user's prompts and credentials untouched. */
export function gitEnvironment(extra: Readonly<Record<string, string | undefined>> = {}): Record<string, string | undefined> {
  const environment: Record<string, string | undefined> = { ...process.env, LC_ALL: 'C', LANGUAGE: 'C' };
  for (const name of FOREIGN) environment[name] = undefined;
  return { ...environment, ...extra };
}

export interface GitCall { readonly cwd: string; readonly op: Op; readonly input?: Uint8Array | string; readonly env?: Readonly<Record<string, string | undefined>> }

/** Runs git to its end, whatever its status. @throws TOOL_MISSING, ABORTED */
export function runGit(args: readonly string[], call: GitCall): Promise<ProcessResult> {
  return runProcess(gitProgram() ?? 'git', args, {
    cwd: call.cwd, op: call.op, env: gitEnvironment(call.env), ...(call.input === undefined ? {} : { input: call.input }),
  });
}

/** Runs git and gives its output. @param doing for the message: `cannot fetch from origin` */
export async function gitOutput(args: readonly string[], call: GitCall, doing: string): Promise<Buffer> {
  const result = await runGit(args, call);
  if (result.status !== 0) throw gitError(result, doing);
  return result.stdout;
}

const MEANINGS: readonly (readonly [RegExp, ErrorCode, string | undefined])[] = [
  [/detected dubious ownership|unsafe repository/, 'PERMISSION', undefined],
  [/No space left on device|Disk quota exceeded/, 'NO_SPACE', 'free some space, for example with: dstore drop PATH'],
  [/Authentication failed|Permission denied|could not read (?:Username|Password)|returned error: 40[13]|Access denied|insufficient permission/i, 'PERMISSION', undefined],
  [/index\.lock': File exists|cannot lock ref|Unable to create '.*\.lock': File exists/, 'LOCKED', undefined],
  [/Read-only file system/, 'READ_ONLY', undefined],
  [/does not appear to be a git repository|Could not read from remote repository|unable to access|Could not resolve|Connection (?:refused|timed out|reset)|repository .* (?:not found|does not exist)|Repository not found|unable to connect|early EOF|hung up unexpectedly|unable to look up|No route to host|not a valid (?:bundle|repository)/i, 'REMOTE_UNAVAILABLE', undefined],
  [/is corrupt|loose object .* corrupt|bad object|unable to read [0-9a-f]{40}|inflate: data stream error/, 'GIT_CORRUPT', 'see what is affected with: git fsck'],
  [/transport '.*' not allowed/, 'PERMISSION', undefined],
];

/** What a failed call means. */
export function gitError(result: Pick<ProcessResult, 'status' | 'stderr'>, doing: string): DStoreError {
  const lines = result.stderr.split('\n').map((line) => line.trim()).filter((line) => line !== '');
  const telling = lines.filter((line) => /^(?:fatal|error|remote: (?:error|fatal)): /.test(line)).map((line) => line.replace(/^(?:fatal|error|remote: \w+): /, ''));
  const reason = (telling.length > 0 ? telling : lines).slice(0, 3).join('; ') || `git ended with status ${result.status}`;
  const meaning = MEANINGS.find(([pattern]) => pattern.test(result.stderr));
  const suggested = /^\s*(git (?:config|remote|pull|stash|commit)\b.*)$/m.exec(result.stderr)?.[1];
  return new DStoreError(meaning?.[1] ?? 'GIT', `${doing}: ${reason}`, {
    hint: meaning?.[2] ?? suggested, retryable: meaning?.[1] === 'LOCKED',
  });
}

/** Refuses what git would take for an option. @throws URL_INVALID */
export function refuseOption(text: string, what: string): void {
  if (text.startsWith('-') || text === '' || text.includes('\0')) {
    throw new DStoreError('URL_INVALID', `${JSON.stringify(text)} cannot be ${what}`);
  }
}
