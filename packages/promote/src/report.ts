import type { CostEstimate } from './cost.ts';
import type { Finding, Severity } from './findings/finding.ts';
import type { SecretOrigin } from './mapping/vault.ts';
import type { ReportItem, Status } from './mapping/verdict.ts';
import type { PlanStep } from './plan.ts';
import type { Problem } from './problem.ts';
import type { PromotionState } from './state.ts';

export interface ReportApplication {
  readonly service: string;
  readonly name: string;
  readonly role: string;
  readonly image: string;
  readonly cpu: number;
  readonly memory: number;
  readonly replicas: number;
  readonly maxReplicas: number;
  readonly sizeSource: string;
}

export interface ConnectionBudget {
  /** Connections all components may open together. */
  readonly planned: number;
  /** The same when every scaling rule is at its maximum. */
  readonly atFullScale: number;
  readonly serverMaximum: number;
  readonly route: string;
  readonly invariants: readonly {
    readonly title: string;
    readonly formula: string;
    readonly actual: number;
    readonly limit: number;
    readonly slack: number;
    readonly status: string;
  }[];
}

/** Everything about one promotion, machine readable. It holds no secret value. */
export interface PromotionReport {
  readonly version: 1;
  readonly target: {
    readonly name: string;
    readonly edition: string;
    readonly region: string;
    readonly namespace: string;
    readonly qps: number;
    readonly loadClass: number;
  };
  readonly input: {
    readonly files: readonly string[];
    readonly envFiles: readonly string[];
    readonly profiles: readonly string[];
  };
  readonly exitCode: 0 | 1 | 2;
  readonly errors: readonly Problem[];
  readonly summary: Readonly<Record<Status, number>> & {
    readonly findings: Readonly<Record<Severity, number>>;
  };
  readonly applications: readonly ReportApplication[];
  readonly managed: readonly string[];
  readonly plan: readonly PlanStep[];
  readonly cost: (CostEstimate & { readonly changeMonthly: number | null }) | null;
  readonly connections: ConnectionBudget | null;
  readonly findings: readonly Finding[];
  readonly secrets: readonly {
    readonly name: string;
    readonly description: string;
    readonly origin: SecretOrigin;
  }[];
  /** One entry for every key of the input. */
  readonly items: readonly ReportItem[];
  readonly state: PromotionState | null;
}
