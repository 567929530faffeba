/** Credentials of a local stack, for callers that want them written out. */
export interface StackSecrets {
  readonly postgresPassword: string;
  readonly accessKeyId: string;
  readonly accessKeySecret: string;
}

/** Variables that stand for the credentials in generated files; their values are in `.sampan/secrets.json`. */
export const secretVariables = {
  postgresPassword: 'SAMPAN_POSTGRES_PASSWORD',
  accessKeyId: 'SAMPAN_SLS_ACCESS_KEY_ID',
  accessKeySecret: 'SAMPAN_SLS_ACCESS_KEY_SECRET',
} as const satisfies Record<keyof StackSecrets, string>;

/** The credentials themselves when the caller passes them, else `${NAME}` references. */
export function secretsOrReferences(secrets: StackSecrets | undefined): StackSecrets {
  const reference = (name: keyof StackSecrets) => secrets?.[name] ?? `\${${secretVariables[name]}}`;
  return {
    postgresPassword: reference('postgresPassword'),
    accessKeyId: reference('accessKeyId'),
    accessKeySecret: reference('accessKeySecret'),
  };
}
