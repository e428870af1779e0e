/** Attributes of paths, as gitattributes(5) and `git check-attr` decide them. */

import { byteText, compilePathPattern, unquote } from './wildmatch.ts';
import type { PathPattern } from './wildmatch.ts';

export interface AttributeFile {
  /** Folder of the `.gitattributes` file, '' for the top of the work tree. */
  readonly directory: string;
  readonly content: string;
}

/** `undefined` is both "not mentioned" and an explicit `!attribute`. */
type AttributeValue = string | true | false | undefined;

interface Assignment { readonly name: string; readonly value: AttributeValue }
interface Rule { readonly pattern: PathPattern; readonly assignments: readonly Assignment[] }
interface Macro { readonly name: string; readonly assignments: readonly Assignment[] }
interface Source {
  /** Characters of a path before the part that the patterns are held against. */
  readonly baseLength: number;
  readonly rules: readonly Rule[];
  readonly macros: readonly Macro[];
}

const NAME = /^[0-9A-Za-z_.][-0-9A-Za-z_.]*$/;
const MACRO_PREFIX = '[attr]';
/** git ignores longer lines. */
const MAX_LINE_BYTES = 2048;

/** The assignments of one line; undefined when a name is invalid, in which case git ignores the line. */
function parseAssignments(text: string): Assignment[] | undefined {
  const assignments: Assignment[] = [];
  for (const token of text.split(/[ \t\r]+/)) {
    if (token === '') continue;
    const sign = token.charAt(0);
    const signed = sign === '-' || sign === '!';
    const body = signed ? token.slice(1) : token;
    const equals = body.indexOf('=');
    const name = equals === -1 ? body : body.slice(0, equals);
    if (!NAME.test(name)) return undefined;
    const value: AttributeValue = sign === '-' ? false : sign === '!' ? undefined : equals === -1 ? true : body.slice(equals + 1);
    assignments.push({ name, value });
  }
  return assignments;
}

/** Parses one file. Rules and the assignments in them are in the order they take effect: the last one first. */
function parseFile(content: string, directory: string, macrosAllowed: boolean): Source {
  const rules: Rule[] = [];
  const macros: Macro[] = [];
  for (const rawLine of content.replace(/^\uFEFF/, '').split('\n')) {
    if (rawLine.length > MAX_LINE_BYTES / 4 && Buffer.byteLength(rawLine) >= MAX_LINE_BYTES) continue;
    const line = rawLine.replace(/^[ \t\r]+/, '');
    if (line === '' || line.startsWith('#')) continue;
    const quoted = line.startsWith('"') ? unquote(line) : undefined;
    let name: string;
    let rest: string;
    if (quoted !== undefined) {
      name = quoted.value;
      rest = line.slice(quoted.next);
    } else {
      const end = line.search(/[ \t\r]/);
      name = end === -1 ? line : line.slice(0, end);
      rest = end === -1 ? '' : line.slice(end);
    }
    const macroName = name.length > MACRO_PREFIX.length && name.startsWith(MACRO_PREFIX) ? name.slice(MACRO_PREFIX.length) : undefined;
    if (macroName !== undefined && (!macrosAllowed || !NAME.test(macroName))) continue;
    const assignments = parseAssignments(rest)?.reverse();
    if (assignments === undefined) continue;
    if (macroName !== undefined) macros.push({ name: macroName, assignments });
    else {
      const pattern = compilePathPattern(name);
      // git refuses negative patterns here.
      if (!pattern.negated) rules.push({ pattern, assignments });
    }
  }
  return { baseLength: directory === '' ? 0 : byteText(directory).length + 1, rules: rules.reverse(), macros: macros.reverse() };
}

const BUILT_IN = parseFile('[attr]binary -diff -merge -text\n', '', true);

/** A rule as far as it concerns one attribute, with where its file is. */
interface RelevantRule { readonly pattern: PathPattern; readonly baseLength: number; readonly assignments: readonly Assignment[] }

/** What is known about one attribute across all files. */
interface Plan {
  /** The attribute and all macros that can set it. */
  readonly relevant: ReadonlySet<string>;
  readonly byDirectory: Map<string, readonly RelevantRule[]>;
}

/**
 * Compiles attribute files into a look-up (path relative to the top with `/`, attribute) → value.
 *
 * Precedence, highest first: `override` (info/attributes), the file deepest in the tree, …, the top's file, `base` (core.attributesFile);
 * within a file the last line. A path that ends in `/` is a directory. Malformed lines are ignored, as git does.
 */
export function compileAttributes(
  files: readonly AttributeFile[],
  options: { base?: string; override?: string } = {},
): (path: string, attribute: string) => string | true | false | undefined {
  const inTree = new Map<string, Source>();
  for (const file of files) {
    const directory = byteText(file.directory);
    inTree.set(directory, parseFile(file.content, file.directory, directory === ''));
  }
  const override = options.override === undefined ? undefined : parseFile(options.override, '', true);
  const base = options.base === undefined ? undefined : parseFile(options.base, '', true);
  const top = inTree.get('');

  const macros = new Map<string, readonly Assignment[]>();
  for (const source of [override, top, base, BUILT_IN]) {
    for (const macro of source?.macros ?? []) if (!macros.has(macro.name)) macros.set(macro.name, macro.assignments);
  }

  /** Sources that apply below a directory, highest precedence first. */
  const sourcesOf = (directory: string): Source[] => {
    const sources: Source[] = override === undefined ? [] : [override];
    for (let end = directory.length; end > 0; end = directory.lastIndexOf('/', end - 1)) {
      const source = inTree.get(directory.slice(0, end));
      if (source !== undefined) sources.push(source);
    }
    if (top !== undefined) sources.push(top);
    if (base !== undefined) sources.push(base);
    return sources;
  };

  const relevantTo = (attribute: string): Set<string> => {
    const relevant = new Set([attribute]);
    for (let size = 0; size !== relevant.size;) {
      size = relevant.size;
      for (const [name, assignments] of macros) {
        if (assignments.some((assignment) => relevant.has(assignment.name))) relevant.add(name);
      }
    }
    return relevant;
  };

  const rulesFor = (plan: Plan, directory: string): readonly RelevantRule[] => {
    const rules: RelevantRule[] = [];
    for (const source of sourcesOf(directory)) {
      for (const rule of source.rules) {
        const assignments = rule.assignments.filter((assignment) => plan.relevant.has(assignment.name));
        if (assignments.length === 0) continue;
        rules.push({ pattern: rule.pattern, baseLength: source.baseLength, assignments });
        // Without macros nothing below a rule for every path can be reached.
        if (rule.pattern.matchesAll && plan.relevant.size === 1) return rules;
      }
    }
    return rules;
  };

  const plans = new Map<string, Plan>();

  /** Applies assignments in order; the first that names an attribute decides, and a macro that becomes true brings its own along. */
  const fill = (values: Map<string, AttributeValue>, assignments: readonly Assignment[], attribute: string): boolean => {
    for (const assignment of assignments) {
      if (values.has(assignment.name)) continue;
      values.set(assignment.name, assignment.value);
      if (assignment.name === attribute) return true;
      const macro = assignment.value === true ? macros.get(assignment.name) : undefined;
      if (macro !== undefined && fill(values, macro, attribute)) return true;
    }
    return false;
  };

  return (path, attribute) => {
    let plan = plans.get(attribute);
    if (plan === undefined) {
      plan = { relevant: relevantTo(attribute), byDirectory: new Map() };
      plans.set(attribute, plan);
    }
    const bytes = byteText(path);
    const directory = bytes.endsWith('/');
    const target = directory ? bytes.slice(0, -1) : bytes;
    const nameStart = target.lastIndexOf('/') + 1;
    const parent = nameStart === 0 ? '' : target.slice(0, nameStart - 1);
    let rules = plan.byDirectory.get(parent);
    if (rules === undefined) {
      rules = rulesFor(plan, parent);
      plan.byDirectory.set(parent, rules);
    }
    let values: Map<string, AttributeValue> | undefined;
    for (const rule of rules) {
      const { pattern, baseLength } = rule;
      if (pattern.directoryOnly && !directory) continue;
      const relative = baseLength === 0 ? target : target.slice(baseLength);
      if (!pattern.matchesAll && !pattern.matches(relative, nameStart - baseLength)) continue;
      if (plan.relevant.size === 1) return rule.assignments[0]?.value;
      values ??= new Map();
      if (fill(values, rule.assignments, attribute)) break;
    }
    return values?.get(attribute);
  };
}
