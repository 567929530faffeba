import { slsErrors } from '@sampan/sls-wire';

const projectName = /^[a-z0-9](?:[a-z0-9-]{1,61})[a-z0-9]$/;
const logstoreName = /^[a-z0-9](?:[a-z0-9_-]{1,61})[a-z0-9]$/;

/** Taken by the service itself. */
const reservedProjects: readonly string[] = ['logtail'];

/** 3 to 63 lower-case letters, digits and hyphens, beginning and ending with a letter or digit. */
export function isProjectName(name: string): boolean {
  return projectName.test(name) && !reservedProjects.includes(name);
}

/** As a project's name, with underscores allowed. */
export function isLogstoreName(name: string): boolean {
  return logstoreName.test(name);
}

export function checkProjectName(name: string): void {
  if (!isProjectName(name)) {
    throw slsErrors.parameterInvalid(
      'Project name length should be 3~63, and must be lowercase character, digit and - only',
    );
  }
}

export function checkLogstoreName(name: string): void {
  if (!isLogstoreName(name)) throw slsErrors.logStoreInfoInvalid(`logstore name ${name} is invalid`);
}
