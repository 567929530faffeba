import { PgError } from './pg-error.ts';

/** `%` of a LIKE pattern. */
const anything = 0;
/** `_` of a LIKE pattern. */
const anyOne = 1;
type PatternStep = typeof anything | typeof anyOne | string;

/** SQL LIKE. Takes time proportional to the product of both lengths at worst. */
export function likeMatches(text: string, pattern: string, escapeLetter = '\\'): boolean {
  const steps = patternSteps(pattern, escapeLetter);
  let at = 0;
  let step = 0;
  let retryStep = -1;
  let retryAt = 0;
  while (at < text.length) {
    const wanted = steps[step];
    if (wanted === anything) {
      step += 1;
      retryStep = step;
      retryAt = at;
    } else if (wanted === anyOne || wanted === text.charAt(at)) {
      at += 1;
      step += 1;
    } else if (retryStep >= 0) {
      retryAt += 1;
      at = retryAt;
      step = retryStep;
    } else {
      return false;
    }
  }
  return steps.slice(step).every((left) => left === anything);
}

function patternSteps(pattern: string, escapeLetter: string): PatternStep[] {
  const steps: PatternStep[] = [];
  for (let at = 0; at < pattern.length; at += 1) {
    const letter = pattern.charAt(at);
    if (letter === escapeLetter && at + 1 < pattern.length) {
      at += 1;
      steps.push(pattern.charAt(at));
    } else if (letter === '%') steps.push(anything);
    else steps.push(letter === '_' ? anyOne : letter);
  }
  return steps;
}

/**
 * The two kinds of regular expression that tools send: `^(name)$` for a whole name and `^name` for its beginning.
 * General ones are refused, because a hostile one would keep this thread busy for ever.
 */
export function simplePattern(pattern: string): (text: string) => boolean {
  const found = /^\^(?:\(([\w:-]*)\)|([\w:-]*))(\$?)$/.exec(pattern);
  if (found === null) {
    throw new PgError('0A000', 'only regular expressions of the form ^name and ^(name)$ are supported');
  }
  const name = found[1] ?? found[2] ?? '';
  return found[3] === '$' ? (text) => text === name : (text) => text.startsWith(name);
}
