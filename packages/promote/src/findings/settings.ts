import type { ComposeService } from '../compose/model.ts';
import type { Role } from '../mapping/roles.ts';
import type { Promotion } from '../mapping/want.ts';

/** A setting as the input has it, empty text included. */
export function settingOf(service: ComposeService, name: string): string | undefined {
  return service.environment.find((variable) => variable.name === name)?.value ?? undefined;
}

export function servicesOf(promotion: Promotion, ...roles: Role[]): ComposeService[] {
  return promotion.services.filter((service) => roles.includes(promotion.roles.get(service.name) ?? 'app'));
}
