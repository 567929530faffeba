import { defineErrors } from '@sampan/base';

/** What can go wrong around the local stack. Each code has its row in docs/errors.md. */
export const devstackErrors = defineErrors({
  DEVSTACK_ALREADY_RUNNING: {
    family: 'environment',
    summary: 'another process runs the stack of this directory',
  },
  DEVSTACK_BACKEND_NOT_SUPPORTED: {
    family: 'user',
    summary: 'the named backend does not exist in this release',
  },
  DEVSTACK_COMMAND_NOT_FOUND: {
    family: 'user',
    summary: 'the program given to `sampan exec` could not be started',
  },
  DEVSTACK_COMPONENT_UNKNOWN: {
    family: 'user',
    summary: 'no component of that name takes part in the running stack',
  },
  DEVSTACK_FILE_UNREADABLE: {
    family: 'user',
    summary: 'a file named on the command line could not be read',
  },
  DEVSTACK_DATABASE_FAILED: {
    family: 'environment',
    summary: 'a database of the stack could not be created or reached',
  },
  DEVSTACK_DIRECTORY_UNUSABLE: {
    family: 'environment',
    summary: "the stack's directory could not be created, read or written",
  },
  DEVSTACK_NOT_RUNNING: {
    family: 'environment',
    summary: 'the command needs a running stack and there is none',
  },
  DEVSTACK_PORT_BUSY: {
    family: 'environment',
    summary: 'a port of the stack is in use',
  },
  DEVSTACK_PORT_REFUSED: {
    family: 'environment',
    summary: 'the system does not let this user listen on a port of the stack',
  },
  DEVSTACK_PRELOAD_MISSING: {
    family: 'bug',
    summary: 'the name-resolution preload files were not found',
  },
  DEVSTACK_SECRETS_DAMAGED: {
    family: 'environment',
    summary: 'the file of local secrets is not what the stack wrote',
  },
});
