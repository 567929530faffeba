import type { ComponentPlan } from '@sampan/config';
import type { ComposeService, EnvironmentVariable } from '../compose/model.ts';
import { getAtt, type RosValue, ref, substitute } from '../template/ros.ts';
import { uselessIn } from './dify-features.ts';
import { slsKeys, slsSelectors } from './dify-logstore.ts';
import { databasePassword, namedSecret, redisPassword } from './dify-secrets.ts';
import { type Destinations, rewriteAddresses } from './rewrite.ts';
import { difyPythonRoles, type Role } from './roles.ts';
import { isPlaceholder, isSecretVariable, isStandIn, weaknessOf } from './secret-values.ts';
import type { SharedSecrets } from './shared-secrets.ts';
import type { Vault } from './vault.ts';
import type { Ledger, Verdict } from './verdict.ts';
import type { DeadReference, WantVariable, WeakSecret } from './want.ts';

export interface EnvironmentOptions {
  readonly service: ComposeService;
  readonly role: Role;
  readonly isDify: boolean;
  readonly destinations: Destinations;
  readonly vault: Vault;
  readonly sharedSecrets: SharedSecrets;
  readonly component: ComponentPlan | undefined;
  readonly usesSls: boolean;
  readonly usesTablestore: boolean;
  readonly usesRds: boolean;
  readonly ledger: Ledger;
  readonly weakSecrets: WeakSecret[];
  readonly deadReferences: DeadReference[];
}

type Outcome = { readonly variable?: WantVariable; readonly verdict: Verdict };

const configMap = 'SAE::ConfigMap';
const secretMap = 'SAE::Secret';

/** Decides about every variable of one application, adds what the target needs beside them, and fills the ledger. */
export function mapEnvironment(options: EnvironmentOptions): WantVariable[] {
  const wanted = new Map<string, WantVariable>();
  const managed = managedVariables(options);
  for (const variable of options.service.environment) {
    const outcome = decide(variable, options, managed);
    options.ledger.set(variable.path, outcome.verdict);
    if (outcome.variable !== undefined) wanted.set(variable.name, outcome.variable);
  }
  for (const [name, { value, isSecret }] of managed) {
    wanted.set(name, {
      name,
      value,
      isSecret,
      sharedBy: wanted.get(name)?.sharedBy ?? sharedAnchorOf(name, options),
    });
  }
  return [...wanted.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** A value the target sets stays shared when the variable it replaces was. */
function sharedAnchorOf(name: string, options: EnvironmentOptions): string | undefined {
  return options.service.environment.find((variable) => variable.name === name)?.anchor;
}

interface ManagedVariable {
  readonly value: RosValue;
  readonly isSecret: boolean;
  readonly reason: string;
}

/** Variables whose value the target decides, whatever the input says. */
function managedVariables(options: EnvironmentOptions): Map<string, ManagedVariable> {
  const managed = new Map<string, ManagedVariable>();
  const add = (name: string, value: RosValue, reason: string, isSecret = false): void => {
    managed.set(name, { value, isSecret, reason });
  };
  for (const [name, value] of Object.entries(options.component?.variables ?? {})) {
    add(name, value, 'the planner sets it for the load of the target');
  }
  if (!options.isDify || !difyPythonRoles.includes(options.role)) return managed;
  if (options.usesSls) {
    const reason = 'the SLS project of the target';
    add('ALIYUN_SLS_ACCESS_KEY_ID', getAtt('AppAccessKey', 'AccessKeyId'), reason, true);
    add('ALIYUN_SLS_ACCESS_KEY_SECRET', getAtt('AppAccessKey', 'AccessKeySecret'), reason, true);
    const region = { name: 'Region', value: ref('ALIYUN::Region') };
    add('ALIYUN_SLS_ENDPOINT', substitute([region, '-intranet.log.aliyuncs.com']), reason);
    add('ALIYUN_SLS_REGION', ref('ALIYUN::Region'), reason);
    add('ALIYUN_SLS_PROJECT_NAME', getAtt('LogProject', 'Name'), reason);
    for (const [name, value] of Object.entries(slsSelectors)) {
      add(name, value, 'selects SLS for the workflow records');
    }
  }
  if (options.usesTablestore) {
    const reason = 'Tablestore replaces the vector store';
    add('VECTOR_STORE', 'tablestore', reason);
    add('TABLESTORE_ENDPOINT', getAtt('VectorStore', 'VpcEndpoint'), reason);
    add('TABLESTORE_INSTANCE_NAME', ref('VectorStoreName'), reason);
    add('TABLESTORE_ACCESS_KEY_ID', getAtt('AppAccessKey', 'AccessKeyId'), reason, true);
    add('TABLESTORE_ACCESS_KEY_SECRET', getAtt('AppAccessKey', 'AccessKeySecret'), reason, true);
  }
  return managed;
}

function decide(
  variable: EnvironmentVariable,
  options: EnvironmentOptions,
  managed: ReadonlyMap<string, ManagedVariable>,
): Outcome {
  const { name, value } = variable;
  if (value === null) {
    return {
      verdict: {
        status: 'dropped',
        reason: 'it has no value; Compose would take it from the shell that starts it',
        advice: `Give ${name} a value in the env file.`,
      },
    };
  }
  const fixed = managed.get(name);
  if (fixed !== undefined) {
    return {
      verdict: {
        status: 'approximated',
        target: fixed.isSecret ? secretMap : configMap,
        reason: fixed.reason,
      },
    };
  }
  const useless = uselessReason(name, options);
  if (useless !== undefined) return { verdict: { status: 'dropped', reason: useless } };
  if (options.usesRds && options.isDify && name === 'DB_USERNAME') {
    return keep(variable, ref('DatabaseUser'), false, {
      status: 'approximated',
      reason: 'the account of the RDS instance; RDS reserves names such as postgres',
    });
  }
  return secretOutcome(variable, value, options) ?? plainOutcome(variable, value, options);
}

function uselessReason(name: string, options: EnvironmentOptions): string | undefined {
  if (!options.isDify) return undefined;
  const isPython = difyPythonRoles.includes(options.role);
  if (!isPython && options.role !== 'pluginDaemon') return undefined;
  return uselessIn(isPython ? 'python' : 'pluginDaemon', name, (selector) => {
    if (selector === 'VECTOR_STORE' && options.usesTablestore) return 'tablestore';
    return options.service.environment.find((entry) => entry.name === selector)?.value ?? undefined;
  });
}

function keep(
  variable: EnvironmentVariable,
  value: RosValue,
  isSecret: boolean,
  verdict: Omit<Verdict, 'target'>,
): Outcome {
  return {
    variable: { name: variable.name, value, isSecret, sharedBy: variable.anchor },
    verdict: { ...verdict, target: isSecret ? secretMap : configMap },
  };
}

/** The outcome for a variable that is a secret by name; `undefined` for every other. */
function secretOutcome(
  variable: EnvironmentVariable,
  value: string,
  options: EnvironmentOptions,
): Outcome | undefined {
  const { name } = variable;
  const named = namedSecret(name, options.role, options.isDify) ?? storeSecret(name, value, options);
  if (named === undefined && !isSecretVariable(name, value)) return undefined;
  const weakness = value === '' ? 'it is empty' : weaknessOf(value);
  const note = (outcome: WeakSecret['outcome'], slot: string | undefined): void => {
    if (weakness === undefined || isStandIn(value)) return;
    const { path, position } = variable;
    const service = options.service.name;
    options.weakSecrets.push({ variable: name, service, position, path, why: weakness, outcome, slot });
  };
  if (named === undefined && isPlaceholder(value)) {
    note('kept', undefined);
    return keep(variable, value, false, {
      status: 'mapped',
      reason: 'a placeholder, carried over as it is',
      advice: `Set ${name} to your own credential, or switch the feature off.`,
    });
  }
  const claim = named ?? options.sharedSecrets.secretFor(name, value);
  const isOwn = weakness === undefined && options.sharedSecrets.isUsable(value, claim.kind);
  const slot = options.vault.claim({
    name: claim.slot,
    description: claim.description,
    kind: claim.kind,
    ...(isOwn ? { given: value } : {}),
  });
  if (!isOwn) note('replaced', slot.name);
  return keep(variable, ref(slot.name), true, {
    status: 'mapped',
    reason:
      slot.origin === 'given'
        ? `the value of the input, as the NoEcho parameter ${slot.name}`
        : `a value made for this environment, as the NoEcho parameter ${slot.name}`,
  });
}

/** Passwords of data stores under the names that other applications give them. */
function storeSecret(
  name: string,
  value: string,
  options: EnvironmentOptions,
): ReturnType<typeof namedSecret> {
  if (!isSecretVariable(name, value)) return undefined;
  if (/REDIS/.test(name) && options.sharedSecrets.isRedisPassword(value)) return redisPassword;
  if (options.sharedSecrets.isDatabasePassword(value) && /(PG|POSTGRES|DB|DATABASE)/.test(name)) {
    return databasePassword;
  }
  return undefined;
}

function plainOutcome(variable: EnvironmentVariable, value: string, options: EnvironmentOptions): Outcome {
  const rewritten = rewriteAddresses(variable.name, value, {
    destinations: options.destinations,
    secretFor: (password) => {
      const claim = options.sharedSecrets.secretFor(variable.name, password);
      const isOwn =
        weaknessOf(password) === undefined && options.sharedSecrets.isUsable(password, claim.kind);
      const given = isOwn ? { given: password } : {};
      const { slot: name, description, kind } = claim;
      return options.vault.claim({ name, description, kind, ...given }).name;
    },
  });
  if (rewritten.gone.length > 0) {
    options.deadReferences.push({
      variable,
      service: options.service.name,
      names: rewritten.gone,
    });
  }
  if (rewritten.isChanged) {
    return keep(variable, substitute(rewritten.parts), rewritten.isSecret, {
      status: 'approximated',
      reason: rewritten.isSecret
        ? 'the address and the password of the target replace the local ones'
        : 'the address of the target replaces the local one',
    });
  }
  const secret = passwordInUrl(value);
  if (secret !== undefined) {
    const claim = options.sharedSecrets.secretFor(variable.name, value);
    const slot = options.vault.claim({
      name: claim.slot,
      description: claim.description,
      kind: 'external',
      given: value,
    });
    return keep(variable, ref(slot.name), true, {
      status: 'mapped',
      reason: `a URL with a password, as the NoEcho parameter ${slot.name}`,
    });
  }
  const isHalfSwitch = options.isDify && (slsKeys as readonly string[]).includes(variable.name);
  return keep(variable, value, false, {
    status: 'mapped',
    reason: isHalfSwitch ? 'carried over; the target itself does not use SLS' : 'imported as a whole map',
  });
}

function passwordInUrl(value: string): string | undefined {
  return /[a-z][a-z0-9+.-]*:\/\/[^:@/\s]*:([^@/\s]+)@/.exec(value)?.[1];
}
