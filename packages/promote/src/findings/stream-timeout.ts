import type { FindingRule } from './finding.ts';
import { servicesOf, settingOf } from './settings.ts';

const ingressSecondsMax = 180;
const graceSecondsMax = 300;

/** Streams outlive the limits of SAE's HTTP ingress and of its grace period. */
export const streamTimeoutRule: FindingRule = {
  code: 'STREAM_TIMEOUT',
  title: 'Answers may take longer than SAE lets an ingress request or a stop take',
  severity: 'info or warn',
  check({ promotion }) {
    const streams = servicesOf(promotion, 'api').flatMap((service) => {
      const seconds = Number(
        settingOf(service, 'GUNICORN_TIMEOUT') ?? settingOf(service, 'APP_MAX_EXECUTION_TIME') ?? 0,
      );
      if (!(seconds > ingressSecondsMax)) return [];
      return [
        {
          severity: 'info' as const,
          message: `${service.name} may stream for ${seconds} s; an SAE ingress ends requests after ${ingressSecondsMax} s, so the load balancer listens with TCP`,
          hint: 'Keep the TCP listener, or put an ALB with its own request timeout before it.',
          path: service.path,
          position: service.position,
        },
      ];
    });
    const stops = promotion.services.flatMap((service) =>
      service.stopGraceSeconds === undefined || service.stopGraceSeconds <= graceSecondsMax
        ? []
        : [
            {
              severity: 'warn' as const,
              message: `${service.name} asks for ${service.stopGraceSeconds} s to stop; SAE allows ${graceSecondsMax} s`,
              hint: 'Let requests end earlier, or expect the longest ones to be cut at a deployment.',
              path: `${service.path}.stop_grace_period`,
              position: service.position,
            },
          ],
    );
    return [...streams, ...stops];
  },
};
