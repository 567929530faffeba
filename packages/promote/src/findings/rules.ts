import { beatReplicasRule } from './beat-replicas.ts';
import { blockedKeyRule } from './blocked-key.ts';
import { connectionBudgetRule } from './connection-budget.ts';
import { corsOpenRule } from './cors-open.ts';
import { dataStoreRule } from './data-store.ts';
import { databaseTypeRule } from './database-type.ts';
import { deadReferenceRule } from './dead-reference.ts';
import { editionLoadRule } from './edition-load.ts';
import type { Evidence, Finding, FindingRule, Severity } from './finding.ts';
import { imageMissingRule } from './image-missing.ts';
import { imagePinnedRule } from './image-pinned.ts';
import { imageSetRule } from './image-set.ts';
import { nameRulesRule } from './name-rules.ts';
import { networkIsolationRule } from './network-isolation.ts';
import { openChoiceRule } from './open-choice.ts';
import { openPortRule } from './open-port.ts';
import { placeholderSecretRule } from './placeholder-secret.ts';
import { pluginDatabaseRule } from './plugin-database.ts';
import { publicSecretRule } from './public-secret.ts';
import { redisClusterRule } from './redis-cluster.ts';
import { secretExposureRule } from './secret-exposure.ts';
import { singleInstanceRule } from './single-instance.ts';
import { sizePairRule } from './size-pair.ts';
import { slsSelectorsRule } from './sls-selectors.ts';
import { streamTimeoutRule } from './stream-timeout.ts';
import { templateLimitsRule } from './template-limits.ts';
import { unknownKeyRule } from './unknown-key.ts';
import { unsetVariableRule } from './unset-variable.ts';

/** All rules, in the order in which findings of one severity are printed. */
export const findingRules: readonly FindingRule[] = [
  secretExposureRule,
  imageMissingRule,
  imageSetRule,
  nameRulesRule,
  templateLimitsRule,
  databaseTypeRule,
  pluginDatabaseRule,
  beatReplicasRule,
  connectionBudgetRule,
  editionLoadRule,
  sizePairRule,
  deadReferenceRule,
  redisClusterRule,
  slsSelectorsRule,
  publicSecretRule,
  placeholderSecretRule,
  corsOpenRule,
  openPortRule,
  networkIsolationRule,
  streamTimeoutRule,
  imagePinnedRule,
  singleInstanceRule,
  dataStoreRule,
  unsetVariableRule,
  unknownKeyRule,
  openChoiceRule,
  blockedKeyRule,
];

const ranks: Readonly<Record<Severity, number>> = { block: 0, warn: 1, info: 2 };

/** Every finding, what blocks first. */
export function findAll(evidence: Evidence): Finding[] {
  const findings = findingRules.flatMap((rule) =>
    rule.check(evidence).map((draft): Finding => ({ code: rule.code, ...draft })),
  );
  return findings.sort((a, b) => ranks[a.severity] - ranks[b.severity]);
}
