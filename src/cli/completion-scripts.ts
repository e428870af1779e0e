export function completionHelp(): string { return ''; }
export function completionScript(_words: readonly string[]): string { return ''; }
