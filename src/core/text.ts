const UNSAFE = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]/g;
const URL_SECRET = /([a-z][a-z0-9+.-]*:\/\/[^\s/:@]*):[^\s/@]*@/gi;

/** Text of somebody else (file names, server messages) made harmless for a terminal: control characters are shown escaped, passwords in URLs hidden. */
export function sanitize(text: string): string {
  const safe = text.replace(UNSAFE, (character) => {
    const code = character.codePointAt(0) ?? 0;
    return code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u${code.toString(16).padStart(4, '0')}`;
  });
  return safe.includes('://') ? redactUrl(safe) : safe;
}

/** Hides the password of every URL in the text. */
export function redactUrl(url: string): string {
  return url.replace(URL_SECRET, '$1:***@');
}

/** A path for one line of text: quoted the way git does when it holds control characters, quotes or a backslash. */
export function quotePath(path: string): string {
  if (!/["\\\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]/.test(path)) return path;
  const escaped = path.replace(/["\\]/g, '\\$&').replace(/\n/g, '\\n').replace(/\t/g, '\\t');
  return `"${sanitize(escaped)}"`;
}
