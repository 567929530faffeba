/** A value inside a ROS template, in the long form of its functions. */
export type RosValue =
  | string
  | number
  | boolean
  | null
  | readonly RosValue[]
  | { readonly [key: string]: RosValue };

export const ref = (name: string): RosValue => ({ Ref: name });
export const getAtt = (resource: string, attribute: string): RosValue => ({
  'Fn::GetAtt': [resource, attribute],
});

/** A text with parts that are known at deployment only. */
export type TextPart = string | { readonly name: string; readonly value: RosValue };

/** Joins parts with `Fn::Sub`; a text without variable parts stays a text. */
export function substitute(parts: readonly TextPart[]): RosValue {
  const [only] = parts;
  if (parts.length === 1 && typeof only === 'object') return only.value;
  const variables = new Map<string, RosValue>();
  let text = '';
  for (const part of parts) {
    if (typeof part === 'string') {
      text += part.replaceAll('${', '${!');
    } else {
      text += `\${${part.name}}`;
      variables.set(part.name, part.value);
    }
  }
  if (variables.size === 0) return parts.join('');
  return { 'Fn::Sub': [text, Object.fromEntries(variables)] };
}

export interface RosResource {
  readonly Type: string;
  readonly DependsOn?: readonly string[];
  readonly Properties: Readonly<Record<string, RosValue>>;
}

export interface RosParameter {
  readonly Type: 'String' | 'Number';
  readonly [attribute: string]: RosValue;
}

export interface RosTemplate {
  readonly ROSTemplateFormatVersion: '2015-09-01';
  readonly Description: RosValue;
  readonly Parameters: Readonly<Record<string, RosParameter>>;
  readonly Resources: Readonly<Record<string, RosResource>>;
  readonly Outputs: Readonly<Record<string, RosValue>>;
  readonly Metadata: RosValue;
}

/** `plugin_daemon` → `PluginDaemon`: logical ids of ROS are letters and digits. */
export function logicalId(name: string): string {
  return name
    .split(/[^A-Za-z0-9]+/)
    .map((word) => word.charAt(0).toUpperCase() + word.slice(1))
    .join('');
}
