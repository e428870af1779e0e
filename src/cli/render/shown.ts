import { redactUrl, sanitize } from '../../core/text.ts';

/** Text that may come from elsewhere, fit for a terminal: no control characters, no passwords. */
export function shown(text: string): string {
  const safe = sanitize(text);
  return safe.includes('://') ? redactUrl(safe) : safe;
}

/** The same in one line. */
export function shownInLine(text: string): string {
  return shown(text).replace(/\s*[\n\t]\s*/g, ' ');
}
