export function completeWords(_words: readonly string[], _cwd: string, _env: Readonly<Record<string, string | undefined>>): string { return ''; }
