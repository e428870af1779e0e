/** Names of references (git-check-ref-format(1)) and where they are kept (gitrepository-layout(5)). */

/** Whether git accepts the full name of a reference (`HEAD`, `refs/heads/main`). */
export function isValidRefName(name: string): boolean {
  if (!name.includes('/')) return /^[A-Z_]+$/.test(name);
  if (/[\u0000-\u0020\u007f~^:?*[\\]|\.\.|@\{/.test(name) || name.endsWith('.')) return false;
  return name.split('/').every((part) => part !== '' && !part.startsWith('.') && !part.endsWith('.lock'));
}

/** References that every work tree has for itself. */
export function isPerWorktree(name: string): boolean {
  return !name.startsWith('refs/') || /^refs\/(?:bisect|worktree|rewritten)\//.test(name);
}
