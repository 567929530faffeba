/** A source of made-up numbers, as the test kit's. */
export interface Random {
  integer(below: number): number;
}

export const corpusKeys = {
  level: 'text',
  message: 'text',
  whole: 'text',
  exact: 'text',
  zh: 'text',
  size: 'long',
  cost: 'double',
} as const;

const words = [
  'error',
  'Error',
  'warn',
  'time-out',
  'disk',
  'full',
  'a.b',
  'x_y',
  '42',
  '4.2',
  '日志',
  '服务',
  '日志服务',
  'ID',
  'é',
];
const separators = [' ', ',', '-', '/', ':', '.', '', '  ', '=', '"', '\n'];

function pick<T>(random: Random, items: readonly T[]): T {
  const item = items[random.integer(items.length)];
  if (item === undefined) throw new Error('nothing to pick from');
  return item;
}

/** A value made of words and separators; sometimes empty. */
export function randomValue(random: Random): string {
  let value = '';
  for (let count = random.integer(4); count > 0; count -= 1)
    value += pick(random, words) + pick(random, separators);
  return value;
}

/** A log with some of the corpus's fields, and some fields without an index. */
export function randomLog(random: Random): Record<string, string> {
  const log: Record<string, string> = {};
  for (const key of ['level', 'message', 'whole', 'exact', 'zh', 'free', 'ID', 'disk-name']) {
    if (random.integer(3) > 0) log[key] = randomValue(random);
  }
  if (random.integer(3) > 0)
    log['size'] = pick(random, [
      '0',
      '7',
      '42',
      '-3',
      '1.5',
      '',
      'many',
      '9223372036854775807',
      ' 7',
      '1e3',
      '+5',
    ]);
  if (random.integer(3) > 0) log['cost'] = pick(random, ['0', '7', '4.2', '-0.5', '', 'much', '1e3', '42']);
  return log;
}

function quote(text: string): string {
  return `"${text.replaceAll(/(["\\])/g, '\\$1')}"`;
}

function randomText(random: Random): string {
  switch (random.integer(4)) {
    case 0:
      return quote(randomValue(random).replaceAll('\n', ' '));
    case 1: {
      const word = pick(random, words);
      return `${word.slice(0, 1 + random.integer(word.length))}*`;
    }
    case 2: {
      const [first = '', ...rest] = pick(random, words);
      return `${first}${rest.length > 0 ? '?' : ''}${rest.slice(1).join('')}`;
    }
    default:
      return pick(random, words);
  }
}

function randomCondition(random: Random): string {
  const textKey = pick(random, ['level', 'MESSAGE', 'whole', 'exact', 'zh']);
  const numberKey = pick(random, ['size', 'Cost']);
  switch (random.integer(9)) {
    case 0:
      return randomText(random);
    case 1:
      return `${numberKey} ${pick(random, ['>', '>=', '<', '<=', '='])} ${pick(random, ['0', '7', '-3', '4.2', '42'])}`;
    case 2:
      return `${numberKey} in ${pick(random, ['[', '('])}${pick(random, ['-5', '0', '7'])} ${pick(random, ['7', '42', '9e9'])}${pick(random, [']', ')'])}`;
    case 3:
      return `${pick(random, [textKey, numberKey])}:*`;
    case 4:
      return `${textKey}:""`;
    case 5:
      return `${numberKey}:${pick(random, ['7', '42', '4.2', 'many'])}`;
    default:
      return `${textKey}${pick(random, [':', ' : '])}${randomText(random)}`;
  }
}

/** A search over the corpus's fields, with every construct of the grammar. */
export function randomSearch(random: Random, depth = 0): string {
  const choice = random.integer(depth > 2 ? 3 : 8);
  if (choice < 3) return randomCondition(random);
  const left = randomSearch(random, depth + 1);
  const right = randomSearch(random, depth + 1);
  if (choice === 3) return `not (${left})`;
  if (choice === 4) return `(${left}) or (${right})`;
  if (choice === 5) return `(${left}) and (${right})`;
  if (choice === 6) return `${left} ${right}`;
  return `${left} or ${right}`;
}
