/** Exchange with other repositories through the git program, with its URLs, credentials, proxies and ssh settings. */
import { gitError, gitOutput, refuseOption, runGit } from './program.ts';
import type { PushResult, Transport, TransportSource } from './transport.ts';

export function programTransport(source: TransportSource): Transport {
  const cwd = source.worktree ?? source.gitDir;
  const base = ['--git-dir', source.gitDir];
  const check = (remote: string, refspecs: readonly string[]): void => {
    refuseOption(remote, 'a remote');
    for (const refspec of refspecs) refuseOption(refspec, 'a refspec');
  };
  return {
    async fetch(remote, refspecs, op, options = {}) {
      check(remote, refspecs);
      const allow = options.allowFileProtocol === true ? ['-c', 'protocol.file.allow=always'] : [];
      await gitOutput([...allow, ...base, 'fetch', '--quiet', '--no-recurse-submodules', '--', remote, ...refspecs], { cwd, op }, `cannot fetch from ${remote}`);
    },

    async push(remote, refspecs, op) {
      check(remote, refspecs);
      const result = await runGit([...base, 'push', '--porcelain', '--no-recurse-submodules', '--', remote, ...refspecs], { cwd, op });
      const results = parsePush(result.stdout.toString());
      // Without a line per reference the other side was not reached; with lines they say what happened.
      if (result.status !== 0 && !results.some(({ status }) => status === 'rejected' || status === 'error')) {
        throw gitError(result, `cannot push to ${remote}`);
      }
      const remoteSays = result.stderr.split('\n').filter((line) => /^remote: (?:error|fatal)?/.test(line)).map((line) => line.slice(8).trim()).filter((line) => line !== '');
      return results.map((item) => (item.status === 'error' && remoteSays.length > 0 ? { ...item, message: `${item.message}: ${remoteSays.slice(0, 3).join('; ')}` } : item));
    },

    async listRemoteRefs(remote, op) {
      check(remote, []);
      const output = await gitOutput([...base, 'ls-remote', '--quiet', '--', remote], { cwd, op }, `cannot ask ${remote}`);
      return parseRemoteRefs(output.toString());
    },
  };
}

/** `OID TAB NAME` lines; peeled tags (`^{}`) are left out. */
export function parseRemoteRefs(text: string): Map<string, string> {
  const refs = new Map<string, string>();
  for (const line of text.split('\n')) {
    const match = /^([0-9a-f]{40})\t(.+)$/.exec(line);
    if (match !== null && !(match[2] as string).endsWith('^{}')) refs.set(match[2] as string, match[1] as string);
  }
  return refs;
}

/** `FLAG TAB FROM:TO TAB SUMMARY (REASON)` lines (git-push(1), "Output"). */
export function parsePush(text: string): PushResult[] {
  const results: PushResult[] = [];
  for (const line of text.split('\n')) {
    const match = /^([ +\-*=!])\t[^\t]*?:([^\t:]+)\t(.*)$/.exec(line);
    if (match === null) continue;
    const summary = match[3] as string;
    const status = match[1] === '=' ? 'uptodate' : match[1] !== '!' ? 'ok' : summary.startsWith('[rejected]') ? 'rejected' : 'error';
    results.push({ ref: match[2] as string, status, message: summary });
  }
  return results;
}
