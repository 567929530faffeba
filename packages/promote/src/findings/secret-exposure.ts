import { isPlaceholder, isSecretName } from '../mapping/secret-values.ts';
import type { FindingDraft, FindingRule } from './finding.ts';

/** A template is read by many; secrets belong into NoEcho parameters only. */
export const secretExposureRule: FindingRule = {
  code: 'SECRET_EXPOSED',
  title: 'A secret would stand in the template in plain text',
  severity: 'block',
  check({ promotion, templateText, secretValues, weakValues }) {
    const findings: FindingDraft[] = promotion.exposedSecrets.map(({ service, where, position }) => ({
      severity: 'block',
      message: `the ${where} of ${service} holds a secret in plain text`,
      hint: 'Let the program read it from a variable.',
      path: `services.${service}.${where}`,
      position,
    }));
    for (const application of promotion.want.applications) {
      for (const { name, value, isSecret } of application.variables) {
        if (
          isSecret ||
          typeof value !== 'string' ||
          !weakValues.has(value) ||
          !isSecretName(name) ||
          isPlaceholder(value)
        )
          continue;
        findings.push({
          severity: 'block',
          message: `${name} of ${application.service} carries a secret of the input as a plain setting`,
          hint: `Rename the variable so that its name says it is a secret, or give ${name} another value.`,
          path: `services.${application.service}.environment`,
        });
      }
    }
    if (secretValues.some((value) => value.length >= 6 && templateText.includes(value))) {
      findings.push({
        severity: 'block',
        message: 'the template contains the value of a secret',
        hint: 'Find the variable, file or label that repeats the secret and remove it there.',
      });
    }
    return findings;
  },
};
