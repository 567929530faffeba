import { defineErrors } from '@sampan/base';

/** What can go wrong around a PostgreSQL server of ours. Each code has its row in docs/errors.md. */
export const postgresErrors = defineErrors({
  POSTGRES_ACCOUNT_MISSING: {
    family: 'environment',
    summary: 'run as root, and no unprivileged account exists to run PostgreSQL',
  },
  POSTGRES_BINARIES_UNSAFE: {
    family: 'environment',
    summary: 'the shared copy of the PostgreSQL programs may be changed by someone else',
  },
  POSTGRES_COPY_FAILED: {
    family: 'environment',
    summary: 'the PostgreSQL programs could not be copied to where their account reaches them',
  },
  POSTGRES_FAILED: {
    family: 'environment',
    summary: 'PostgreSQL ended before or after it was ready, or did not become ready in time',
  },
  POSTGRES_FOLDER_UNREADABLE: {
    family: 'environment',
    summary: 'a file of the database cluster could not be read',
  },
  POSTGRES_INIT_FAILED: {
    family: 'environment',
    summary: 'initdb could not create the database cluster',
  },
  POSTGRES_MISSING: {
    family: 'environment',
    summary: 'no PostgreSQL programs are installed for this platform',
  },
  POSTGRES_STUCK: {
    family: 'environment',
    summary: 'a PostgreSQL left over from an earlier run does not end',
  },
  POSTGRES_VERSION: {
    family: 'environment',
    summary: 'the database cluster was made by another major version of PostgreSQL',
  },
});
