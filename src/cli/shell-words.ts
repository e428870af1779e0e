/** Reads a command line as bash shows it to completion functions: unexpanded, quotes and backslashes in place. */

interface Word {
  text: string;
  /** Where, in `text`, the part begins that readline replaces. */
  replacedFrom: number;
}

function read(line: string, breaks: string): Word[] {
  const words: Word[] = [];
  let word: Word | undefined;
  let quote: '"' | "'" | undefined;
  for (let index = 0; index < line.length; index++) {
    const character = line.charAt(index);
    if (quote === undefined && /\s/.test(character)) {
      if (word !== undefined) words.push(word);
      word = undefined;
      continue;
    }
    word ??= { text: '', replacedFrom: 0 };
    if (quote === undefined && (character === '"' || character === "'")) {
      quote = character;
      // Readline takes what follows an open quote for the word.
      word.replacedFrom = word.text.length;
    } else if (character === quote) {
      quote = undefined;
    } else if (character === '\\' && quote !== "'" && index + 1 < line.length) {
      index++;
      const next = line.charAt(index);
      word.text += quote === '"' && !/["\\$`]/.test(next) ? `\\${next}` : next;
    } else {
      word.text += character;
      if (quote === undefined && breaks.includes(character)) word.replacedFrom = word.text.length;
    }
  }
  return [...words, word ?? { text: '', replacedFrom: 0 }];
}

/** The words of a line up to the cursor; the last one, perhaps empty, is the one that is typed. */
export function wordsOf(line: string): string[] {
  return read(line, '').map((word) => word.text);
}

/** @param breaks bash's COMP_WORDBREAKS: the part of a word up to the last of them stays when a completion is put in */
export function lastWordOf(line: string, breaks: string): Readonly<Word> {
  return read(line, breaks.replace(/["'\s]/g, '')).at(-1) ?? { text: '', replacedFrom: 0 };
}
