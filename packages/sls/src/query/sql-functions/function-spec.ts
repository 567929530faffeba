import { bigint, double, isNumeric, isTemporal, printType, type SqlType, varchar } from '../sql-type.ts';

/** An expression that is ready for the index engine. */
export interface Bound {
  readonly sql: string;
  readonly type: SqlType;
  /** The text of a string literal, where a function wants a constant. */
  readonly literal?: string | undefined;
}

/** What a function sees of the statement around it. */
export interface CallContext {
  /** IANA name of the zone date and time functions work in. */
  readonly timeZone: string;
  /** A call of the engine's function with the statement's DISTINCT, ORDER BY, FILTER and OVER around `list`. */
  call(engineName: string, list: string): string;
  /** Ends the translation with a sentence placed at the call. */
  fail(message: string): never;
}

export interface FunctionSpec {
  readonly kind: 'scalar' | 'aggregate' | 'window';
  readonly parameters: readonly Parameter[];
  emit(values: readonly Bound[], context: CallContext): Bound;
}

export type ParameterKind =
  | 'any'
  | 'number'
  | 'bigint'
  | 'text'
  | 'boolean'
  | 'time'
  | 'array'
  | 'map'
  | 'json'
  | 'binary';

export interface Parameter {
  readonly kinds: readonly ParameterKind[];
  readonly isOptional: boolean;
  readonly isRepeated: boolean;
}

/** A family's functions under the names users type. */
export type FunctionFamily = Readonly<Record<string, FunctionSpec>>;

const fits: Readonly<Record<ParameterKind, (type: SqlType) => boolean>> = {
  any: () => true,
  number: isNumeric,
  bigint: (type) => type.name === 'bigint',
  text: (type) => type.name === 'varchar',
  boolean: (type) => type.name === 'boolean',
  time: isTemporal,
  array: (type) => type.name === 'array',
  map: (type) => type.name === 'map',
  json: (type) => type.name === 'json',
  binary: (type) => type.name === 'varbinary',
};

/** Reads `text, bigint|time, text?, any*`: kinds joined by `|`, `?` optional, `*` any number of times. */
export function parametersOf(signature: string): Parameter[] {
  if (signature === '') return [];
  return signature.split(',').map((part) => {
    const text = part.trim();
    const mark = text.at(-1);
    const kinds = text.replace(/[?*]$/, '').split('|') as ParameterKind[];
    return { kinds, isOptional: mark === '?' || mark === '*', isRepeated: mark === '*' };
  });
}

type Emit = (values: readonly string[], bound: readonly Bound[], context: CallContext) => string;

function build(
  kind: FunctionSpec['kind'],
  signature: string,
  type: SqlType | ((bound: readonly Bound[]) => SqlType),
  emit: Emit,
): FunctionSpec {
  return {
    kind,
    parameters: parametersOf(signature),
    emit: (bound, context) => ({
      sql: emit(
        bound.map((value) => value.sql),
        bound,
        context,
      ),
      type: typeof type === 'function' ? type(bound) : type,
    }),
  };
}

type Builder = (
  signature: string,
  type: SqlType | ((bound: readonly Bound[]) => SqlType),
  emit: Emit,
) => FunctionSpec;

export const scalar: Builder = (signature, type, emit) => build('scalar', signature, type, emit);
export const aggregate: Builder = (signature, type, emit) => build('aggregate', signature, type, emit);
export const windowOnly: Builder = (signature, type, emit) => build('window', signature, type, emit);

/** Type of the first argument. */
export const sameAsFirst = (bound: readonly Bound[]): SqlType => bound[0]?.type ?? varchar;
/** `bigint` stays `bigint`, everything else becomes `double`. */
export const numberLikeFirst = (bound: readonly Bound[]): SqlType =>
  bound[0]?.type.name === 'bigint' ? bigint : double;

/** The sentence for arguments that do not fit, or undefined when they do. */
export function argumentProblem(
  name: string,
  spec: FunctionSpec,
  bound: readonly Bound[],
): string | undefined {
  const isFitting = bound.every((value, index) => {
    const last = spec.parameters.at(-1);
    const parameter = spec.parameters[index] ?? (last?.isRepeated === true ? last : undefined);
    if (parameter === undefined) return false;
    return value.type.name === 'unknown' || parameter.kinds.some((kind) => fits[kind](value.type));
  });
  const isComplete = spec.parameters.every(
    (parameter, index) => parameter.isOptional || index < bound.length,
  );
  if (isFitting && isComplete) return undefined;
  const have = bound.map((value) => printType(value.type)).join(', ');
  return `Unexpected parameters (${have}) for function ${name}`;
}

/** The constant text a parameter must be. */
export function literalOf(value: Bound | undefined, context: CallContext, what: string): string {
  if (value?.literal === undefined) context.fail(`${what} must be a constant`);
  return value.literal;
}
