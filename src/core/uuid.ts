/** A UUID as git-annex and DataLad write it: lower case, with hyphens. DataLad recognises no other form in store addresses. */
export const UUID_PATTERN: RegExp = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** Whether the text is a UUID in lower case with hyphens. */
export function isUuid(text: string): boolean {
  return UUID_PATTERN.test(text);
}
