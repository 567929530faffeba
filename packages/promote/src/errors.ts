import { defineErrors } from '@sampan/base';

/** Why a promotion could not even be planned. What was planned but must not be deployed is a finding. */
export const promoteErrors = defineErrors({
  PROMOTE_COMPOSE_SYNTAX: { family: 'user', summary: 'A Compose file is not valid YAML.' },
  PROMOTE_COMPOSE_TOO_LARGE: {
    family: 'user',
    summary: 'A Compose file, or what its aliases expand to, exceeds the size limit.',
  },
  PROMOTE_COMPOSE_TOO_DEEP: { family: 'user', summary: 'A Compose file is nested too deeply.' },
  PROMOTE_COMPOSE_SHAPE: {
    family: 'user',
    summary: 'A Compose key has a value of the wrong kind, for example a text where a mapping belongs.',
  },
  PROMOTE_COMPOSE_EMPTY: { family: 'user', summary: 'No service is left to promote.' },
  PROMOTE_INTERPOLATION: {
    family: 'user',
    summary: 'A `${…}` expression of a Compose or env file cannot be read.',
  },
  PROMOTE_VARIABLE_REQUIRED: {
    family: 'user',
    summary: 'A variable that the Compose file requires with `${NAME:?…}` is not set.',
  },
  PROMOTE_ENV_FILE: { family: 'user', summary: 'A line of an env file cannot be read.' },
  PROMOTE_INCLUDE: {
    family: 'user',
    summary: 'The Compose file uses `include`, which promotion does not follow.',
  },
  PROMOTE_EXTENDS: {
    family: 'user',
    summary: 'A service uses `extends`, which promotion does not follow.',
  },
});

export type PromoteErrorCode = keyof typeof promoteErrors.specs;
