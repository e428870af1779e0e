/** Foreign text made fit for a terminal, a log or an error message: nothing in it can move the cursor, hide, or leak a password. */

/** Escape sequences of terminals: CSI, OSC and other strings with their terminator, and the short ones; 7- and 8-bit forms. */
const TERMINAL_SEQUENCE = new RegExp(
  [
    '(?:\\x1b\\[|\\x9b)[\\x30-\\x3f]*[\\x20-\\x2f]*[\\x40-\\x7e]',
    '(?:\\x1b[\\]PX^_]|[\\x9d\\x90\\x98\\x9e\\x9f])[^\\x07\\x1b\\x9c\\n]*(?:\\x07|\\x1b\\\\|\\x9c)',
    '\\x1b[\\x20-\\x2f]*[\\x30-\\x5a\\x5c\\x60-\\x7e]',
  ].join('|'),
  'g',
);

/**
 * Characters that steer a display: C0 and C1 controls, DEL, line and paragraph separators, and the marks that reorder or hide text, with
 * which a name can pose as another.
 */
const STEERING = '\\x00-\\x1f\\x7f-\\x9f\\u061c\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u2069\\ufeff';
const STEERING_CHARACTER = new RegExp(`[${STEERING}]`);
const STEERING_EXCEPT_LAYOUT = new RegExp(`(?![\\t\\n])[${STEERING}]`, 'g');

function escapeCharacter(character: string): string {
  const code = character.charCodeAt(0);
  return code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u${code.toString(16).padStart(4, '0')}`;
}

/**
 * Text of another program, server or file, safe to show: terminal sequences are removed, other control characters are shown as `\x07`
 * or `\u202e`. Newlines and tabs stay, and a carriage return before a newline goes.
 */
export function sanitize(text: string): string {
  if (!STEERING_CHARACTER.test(text)) return text;
  return text
    .replaceAll('\r\n', '\n')
    .replace(TERMINAL_SEQUENCE, '')
    .replace(STEERING_EXCEPT_LAYOUT, escapeCharacter);
}

const QUOTED_BY_GIT: Readonly<Record<string, string>> = {
  '\x07': '\\a', '\b': '\\b', '\t': '\\t', '\n': '\\n', '\v': '\\v', '\f': '\\f', '\r': '\\r', '"': '\\"', '\\': '\\\\',
};
const NEEDS_QUOTES = new RegExp(`["\\\\${STEERING}]`);
const QUOTED_CHARACTER = new RegExp(`["\\\\${STEERING}]`, 'g');

/**
 * A path as shown to people: as it is, or in git's C-style quotes (as with core.quotePath=false) when it has a quote, a backslash,
 * or a character that would steer the display. Other characters beyond ASCII are shown as they are.
 */
export function quotePath(path: string): string {
  if (!NEEDS_QUOTES.test(path)) return path;
  const inner = path.replace(QUOTED_CHARACTER, (character) => QUOTED_BY_GIT[character]
    ?? [...Buffer.from(character, 'utf8')].map((byte) => `\\${byte.toString(8).padStart(3, '0')}`).join(''));
  return `"${inner}"`;
}

const REDACTED = '***';
/** Words of a parameter's name that mark its value as a secret: `access_token`, `X-Amz-Signature`, `apiKey`, `sig`. */
const SECRET_WORD =
  /^(?:token|key|apikey|accesskey|accesskeyid|awsaccesskeyid|secret|signature|sig|password|passwd|pass|passphrase|pwd|auth|authorization|credentials?|session|sessionid|jwt|code)$/;

function isSecretName(name: string): boolean {
  let decoded = name;
  try {
    decoded = decodeURIComponent(name);
  } catch {
    // Not percent-encoding; judged as written.
  }
  const words = decoded.replace(/([a-z0-9])([A-Z])/g, '$1 $2').toLowerCase().split(/[^a-z0-9]+/);
  return words.some((word) => SECRET_WORD.test(word)) || SECRET_WORD.test(words.join(''));
}

/** A user name that is itself a credential: what GitHub, GitLab and others put in place of user and password. */
function isTokenUser(user: string): boolean {
  return /^(?:gh[a-z]_|github_pat_|glpat-|hf_|x-token-)/.test(user) || /^[\w-]{32,}$/.test(user);
}

function redactUserinfo(userinfo: string): string {
  const colon = userinfo.indexOf(':');
  const user = colon === -1 ? userinfo : userinfo.slice(0, colon);
  const shown = isTokenUser(user) ? REDACTED : user;
  return colon === -1 ? shown : `${shown}:${REDACTED}`;
}

function redactParameters(text: string): string {
  return text.replace(/([?&#;])([^=&#;?\s]+)=([^&#;\s]*)/g, (whole, separator: string, name: string) =>
    (isSecretName(name) ? `${separator}${name}=${REDACTED}` : whole));
}

/**
 * A URL (or text with URLs in it) without its secrets: passwords, user names that are tokens, and parameters of the query or fragment
 * whose names say that they are secret become `***`. Everything else stays, so that the place can still be recognised.
 */
export function redactUrl(url: string): string {
  return url.replace(/([A-Za-z][A-Za-z0-9+.-]*:\/\/)([^\s"'<>]*)/g, (_, scheme: string, rest: string) => {
    const end = rest.search(/[/?#]/);
    const authority = end === -1 ? rest : rest.slice(0, end);
    const at = authority.lastIndexOf('@');
    const host = at === -1 ? authority : `${redactUserinfo(authority.slice(0, at))}@${authority.slice(at + 1)}`;
    return `${scheme}${host}${end === -1 ? '' : redactParameters(rest.slice(end))}`;
  });
}
