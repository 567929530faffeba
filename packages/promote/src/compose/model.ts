import type { Problem } from '../problem.ts';
import type { PortMapping } from './ports.ts';
import type { MapNode, Position } from './tree.ts';
import type { VolumeMount } from './volumes.ts';

export interface EnvironmentVariable {
  readonly name: string;
  /** `null`: the key has no value, Compose takes it from the shell. */
  readonly value: string | null;
  /** Where it stands: in `environment`, or in an env file. */
  readonly path: string;
  readonly position: Position;
  /** Name of the YAML anchor it came through; the same anchor in several services is one shared map. */
  readonly anchor: string | undefined;
}

export interface HealthCheck {
  /** Without the leading CMD; a shell line is `['sh', '-c', line]`. Empty: disabled or NONE. */
  readonly command: readonly string[];
  readonly isShell: boolean;
  readonly intervalSeconds: number;
  readonly timeoutSeconds: number;
  readonly retries: number;
  readonly startPeriodSeconds: number;
  readonly path: string;
  readonly position: Position;
}

export interface Dependency {
  readonly service: string;
  readonly condition: 'service_started' | 'service_healthy' | 'service_completed_successfully';
  readonly isRequired: boolean;
  readonly path: string;
  readonly position: Position;
}

export interface ServiceResources {
  readonly cpus: number | undefined;
  readonly memoryBytes: number | undefined;
  readonly replicas: number | undefined;
}

/** One service after anchors, interpolation, env files and short forms are resolved. */
export interface ComposeService {
  readonly name: string;
  readonly path: string;
  readonly position: Position;
  readonly node: MapNode;
  readonly profiles: readonly string[];
  /** Chosen by the active profiles. */
  readonly isEnabled: boolean;
  readonly image: string | undefined;
  readonly hasBuild: boolean;
  readonly entrypoint: readonly string[] | undefined;
  readonly command: readonly string[] | undefined;
  readonly environment: readonly EnvironmentVariable[];
  readonly ports: readonly PortMapping[];
  readonly expose: readonly number[];
  readonly volumes: readonly VolumeMount[];
  readonly healthcheck: HealthCheck | undefined;
  readonly dependsOn: readonly Dependency[];
  readonly resources: ServiceResources;
  readonly restart: string | undefined;
  readonly stopGraceSeconds: number | undefined;
  /** Command of the first hook; SAE takes one. */
  readonly postStart: readonly string[] | undefined;
  readonly preStop: readonly string[] | undefined;
  /** Configs the service mounts, by name of the top-level config. */
  readonly configs: readonly { readonly source: string; readonly target: string; readonly path: string }[];
  readonly hostAliases: readonly { readonly name: string; readonly address: string }[];
}

/** A variable of the Compose file that no file sets and that has no default. */
export interface UnsetVariable {
  readonly name: string;
  readonly position: Position;
}

export interface ComposeProject {
  readonly name: string | undefined;
  readonly root: MapNode;
  readonly services: readonly ComposeService[];
  readonly profiles: readonly string[];
  readonly unset: readonly UnsetVariable[];
  /** Required variables that the promotion generates itself, see `secretFor` of the reader. */
  readonly generated: readonly string[];
  readonly problems: readonly Problem[];
}
