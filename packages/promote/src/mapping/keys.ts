import type { Verdict } from './verdict.ts';

/** M mapped exactly · A approximated · D dropped with a note · B blocked, somebody has to decide. */
export type KeyClass = 'M' | 'A' | 'D' | 'B';

export interface KeyRule {
  /** Pattern of paths: `services.*.image`; `*` is one key or list item. */
  readonly key: string;
  readonly class: KeyClass;
  readonly target?: string;
  readonly reason: string;
  readonly advice?: string;
}

export const statusOfClass = { M: 'mapped', A: 'approximated', D: 'dropped', B: 'blocked' } as const;

type Row = readonly [key: string, keyClass: KeyClass, target: string, reason: string, advice?: string];

const image: readonly Row[] = [
  ['image', 'M', 'Application.ImageUrl', 'the image runs as it is'],
  ['build', 'B', '', 'SAE runs images, it builds none', 'Build and push the image, and name it under image.'],
  ['platform', 'D', '', 'SAE runs linux/amd64'],
  ['pull_policy', 'D', '', 'SAE pulls the image at every deployment'],
  ['command', 'M', 'Application.CommandArgs', 'arguments of the container'],
  ['entrypoint', 'M', 'Application.Command', 'command of the container'],
  ['init', 'D', '', 'SAE has no init switch', 'Put an init program into the image if it leaves zombies.'],
  ['working_dir', 'B', '', 'SAE has no working directory setting', 'Set WORKDIR in the image.'],
  ['user', 'B', '', 'SAE runs the user of the image', 'Set USER in the image.'],
  ['stdin_open', 'D', '', 'nobody is attached to a service in the cloud'],
  ['tty', 'D', '', 'nobody is attached to a service in the cloud'],
  [
    'provider',
    'B',
    '',
    'a provider is a program on the machine that runs Compose',
    'Describe the service as an image.',
  ],
  ['models', 'B', '', 'SAE runs no Compose models', 'Point the variables at a model service.'],
  ['runtime', 'B', '', 'SAE chooses the container runtime'],
  ['isolation', 'D', '', 'a Windows setting'],
  ['credential_spec', 'D', '', 'a Windows setting'],
];

const configuration: readonly Row[] = [
  ['environment', 'M', 'SAE::ConfigMap, SAE::Secret', 'imported as a whole map; secret values as a Secret'],
  ['env_file', 'M', 'SAE::ConfigMap, SAE::Secret', 'imported as a whole map; secret values as a Secret'],
  ['configs', 'M', 'Application.ConfigMapMountDesc', 'a config is a mounted ConfigMap key'],
  [
    'secrets',
    'B',
    '',
    'the ROS type ALIYUN::SAE::Application mounts no secret files',
    'Hand the secret over as a variable; the promotion puts it into an SAE Secret.',
  ],
  ['labels', 'D', '', 'labels are read by tools beside Compose', 'Routing labels need an ingress rule.'],
  ['label_file', 'D', '', 'labels are read by tools beside Compose'],
  ['annotations', 'D', '', 'SAE has no annotations'],
  ['extends', 'B', '', 'extends is not followed', 'Use a YAML anchor and <<.'],
  ['profiles', 'M', '', 'decides what is promoted'],
  ['develop', 'D', '', 'concerns work on the laptop'],
];

const storage: readonly Row[] = [
  ['volumes', 'A', 'Application.NasConfigs', 'a volume becomes a NAS directory that all instances share'],
  ['volumes_from', 'B', '', 'containers share no file systems', 'Name the same volume in both services.'],
  ['tmpfs', 'D', '', 'the disk of an SAE instance is already temporary'],
  ['read_only', 'D', '', 'the root file system of an SAE instance is writable'],
  [
    'shm_size',
    'D',
    '',
    'SAE has no shared memory setting',
    'PostgreSQL as an SAE application feels it; RDS does not.',
  ],
  ['storage_opt', 'D', '', 'a setting of the local storage driver'],
];

const network: readonly Row[] = [
  ['ports', 'A', 'SAE::SlbBinding', 'only the edge service is published; other ports stay inside the VPC'],
  ['expose', 'M', 'Application.PvtzDiscoverySvc', 'reachable under the private name of the application'],
  ['networks', 'A', 'ECS::SecurityGroup', 'one security group; applications of a namespace reach each other'],
  ['network_mode', 'B', '', 'an SAE instance has its own address', 'Publish the ports the service needs.'],
  ['hostname', 'D', '', 'applications are found by the name of the service'],
  ['domainname', 'D', '', 'applications are found by the name of the service'],
  ['container_name', 'D', '', 'an application has several containers, none with a fixed name'],
  ['links', 'D', '', 'applications find each other by name'],
  [
    'external_links',
    'B',
    '',
    'there is no container outside the namespace',
    'Name the address in a variable.',
  ],
  ['extra_hosts', 'M', 'Application.CustomHostAlias', 'lines of /etc/hosts'],
  ['dns', 'D', '', 'the VPC resolves names'],
  ['dns_opt', 'D', '', 'the VPC resolves names'],
  ['dns_search', 'D', '', 'the VPC resolves names'],
  ['mac_address', 'D', '', 'SAE gives the network card'],
];

const life: readonly Row[] = [
  ['depends_on', 'A', 'DependsOn', 'order of creation; afterwards readiness probes decide'],
  ['healthcheck', 'A', 'Application.Readiness, Application.Liveness', 'a health check is a probe'],
  ['restart', 'M', '', 'SAE restarts what stops'],
  ['stop_grace_period', 'M', 'Application.TerminationGracePeriodSeconds', 'at most 300 seconds'],
  ['stop_signal', 'D', '', 'SAE sends SIGTERM', 'Set STOPSIGNAL in the image.'],
  ['post_start', 'A', 'Application.PostStart', 'the first command runs after the start'],
  ['pre_stop', 'A', 'Application.PreStop', 'the first command runs before the stop'],
  ['deploy', 'A', '', 'see the keys below it'],
  ['scale', 'M', 'Application.Replicas', 'number of instances'],
  [
    'logging',
    'A',
    'Application.SlsConfigs',
    'standard output is collected into SLS; the local driver has no part in it',
  ],
  ['attach', 'D', '', 'concerns the terminal of docker compose up'],
];

const resources: readonly Row[] = [
  ['cpus', 'A', 'Application.Cpu', 'the smallest legal pair of CPU and memory that covers it'],
  ['mem_limit', 'A', 'Application.Memory', 'the smallest legal pair of CPU and memory that covers it'],
  ['mem_reservation', 'D', '', 'an SAE instance has a fixed size'],
  ['mem_swappiness', 'D', '', 'SAE has no swap'],
  ['memswap_limit', 'D', '', 'SAE has no swap'],
  ['cpu_count', 'D', '', 'set the size with cpus or deploy.resources'],
  ['cpu_percent', 'D', '', 'set the size with cpus or deploy.resources'],
  ['cpu_period', 'D', '', 'a scheduler setting of the local kernel'],
  ['cpu_quota', 'D', '', 'a scheduler setting of the local kernel'],
  ['cpu_rt_period', 'D', '', 'a scheduler setting of the local kernel'],
  ['cpu_rt_runtime', 'D', '', 'a scheduler setting of the local kernel'],
  ['cpu_shares', 'D', '', 'a scheduler setting of the local kernel'],
  ['cpuset', 'D', '', 'a scheduler setting of the local kernel'],
  ['blkio_config', 'D', '', 'a scheduler setting of the local kernel'],
  ['pids_limit', 'D', '', 'SAE has no limit on processes'],
  ['oom_kill_disable', 'D', '', 'SAE decides about memory'],
  ['oom_score_adj', 'D', '', 'SAE decides about memory'],
  [
    'ulimits',
    'D',
    '',
    'SAE sets the limits of a process',
    'Check that the image starts with the limits of SAE.',
  ],
  ['gpus', 'B', '', 'GPU instances are a product of their own', 'Ask for GPU instances of SAE by hand.'],
];

const privileges: readonly Row[] = [
  ['privileged', 'B', '', 'SAE runs no privileged container', 'Use a managed service in its place.'],
  ['cap_add', 'B', '', 'SAE grants no kernel capabilities', 'Run this service on ECS.'],
  ['cap_drop', 'D', '', 'SAE already drops what it does not grant'],
  ['devices', 'B', '', 'SAE has no devices of the host', 'Run this service on ECS.'],
  ['device_cgroup_rules', 'B', '', 'SAE has no devices of the host', 'Run this service on ECS.'],
  ['security_opt', 'D', '', 'SAE applies its own profile'],
  [
    'sysctls',
    'B',
    '',
    'SAE changes no kernel settings',
    'Run this service on ECS, or do without the setting.',
  ],
  ['group_add', 'D', '', 'SAE runs the groups of the image'],
  ['pid', 'B', '', 'containers share no processes', 'Put both programs into one image.'],
  ['ipc', 'B', '', 'containers share no memory', 'Put both programs into one image.'],
  ['uts', 'D', '', 'an SAE instance has its own name'],
  ['userns_mode', 'D', '', 'SAE has its own isolation'],
  ['cgroup', 'D', '', 'SAE has its own isolation'],
  ['cgroup_parent', 'D', '', 'SAE has its own isolation'],
  ['use_api_socket', 'B', '', 'there is no Docker engine to talk to', 'Call the SAE API instead.'],
];

/** Keys below a service key, where they fare differently from it. */
const nested: readonly Row[] = [
  [
    'healthcheck.test',
    'A',
    'httpGet, exec or tcpSocket',
    'a curl of a local address is httpGet, anything else exec',
  ],
  ['healthcheck.interval', 'M', 'periodSeconds', 'seconds between two probes'],
  ['healthcheck.timeout', 'M', 'timeoutSeconds', 'seconds a probe may take'],
  ['healthcheck.retries', 'M', 'failureThreshold', 'failures before the instance counts as unhealthy'],
  [
    'healthcheck.start_period',
    'A',
    'initialDelaySeconds',
    'the probe begins after it, where Compose already probes',
  ],
  ['healthcheck.start_interval', 'D', '', 'SAE has one interval'],
  ['healthcheck.disable', 'M', '', 'no probe'],
  ['depends_on.*.restart', 'D', '', 'SAE restarts applications one by one'],
  ['depends_on.*.required', 'M', '', 'decides whether the dependency must be promoted'],
  ['deploy.replicas', 'M', 'Application.Replicas', 'number of instances; the load class decides for Dify'],
  ['deploy.mode', 'D', '', 'SAE replicates'],
  ['deploy.endpoint_mode', 'D', '', 'applications are found by name'],
  ['deploy.labels', 'D', '', 'labels are read by tools beside Compose'],
  ['deploy.placement', 'D', '', 'SAE spreads over the zones of the vSwitches'],
  ['deploy.restart_policy', 'D', '', 'SAE restarts what stops'],
  [
    'deploy.update_config',
    'D',
    '',
    'a ROS template has no release strategy',
    'Use batches when deploying an update.',
  ],
  ['deploy.rollback_config', 'D', '', 'a ROS template has no release strategy'],
  [
    'deploy.resources',
    'A',
    'Application.Cpu, Application.Memory',
    'the smallest legal pair that covers both',
  ],
  ['deploy.resources.limits.pids', 'D', '', 'SAE has no limit on processes'],
  ['deploy.resources.limits.devices', 'B', '', 'SAE has no devices of the host'],
  ['deploy.resources.reservations.devices', 'B', '', 'GPU instances are a product of their own'],
  ['env_file.*.format', 'M', '', 'how the file is read'],
  ['ports.*.mode', 'D', '', 'SAE has one way to publish a port'],
  ['ports.*.name', 'D', '', 'a name for people'],
  ['ports.*.app_protocol', 'D', '', 'the listener is TCP'],
  ['networks.*.aliases', 'B', '', 'an application has one name', 'Use the name of the service.'],
  ['networks.*.ipv4_address', 'D', '', 'the vSwitch gives the address'],
  ['networks.*.ipv6_address', 'D', '', 'the vSwitch gives the address'],
];

const top: readonly KeyRule[] = [
  { key: 'version', class: 'D', reason: 'obsolete in Compose itself' },
  { key: 'name', class: 'D', reason: 'the name in sampan.yaml labels what is made' },
  {
    key: 'include',
    class: 'B',
    reason: 'include is not followed',
    advice: 'Name each file with its own --compose.',
  },
  { key: 'services', class: 'M', target: 'SAE applications', reason: 'each service stands below' },
  {
    key: 'networks',
    class: 'A',
    target: 'ECS::VPC, ECS::SecurityGroup',
    reason: 'one VPC and one security group; isolation between networks is lost',
  },
  { key: 'volumes', class: 'A', target: 'NAS::FileSystem', reason: 'a named volume becomes a NAS directory' },
  { key: 'volumes.*.driver', class: 'D', reason: 'NAS replaces the volume driver' },
  { key: 'volumes.*.driver_opts', class: 'D', reason: 'NAS replaces the volume driver' },
  {
    key: 'volumes.*.external',
    class: 'B',
    reason: 'its content lies outside the Compose project',
    advice: 'Copy the content to NAS by hand.',
  },
  { key: 'configs', class: 'M', target: 'SAE::ConfigMap', reason: 'a config is a ConfigMap key' },
  {
    key: 'secrets',
    class: 'B',
    reason: 'the ROS type ALIYUN::SAE::Application mounts no secret files',
    advice: 'Hand the secret over as a variable.',
  },
  { key: 'models', class: 'B', reason: 'SAE runs no Compose models' },
];

/** Every Compose key with its fate. The manual's matrix is printed from this table. */
export const keyRules: readonly KeyRule[] = [
  ...top,
  ...[image, configuration, storage, network, life, resources, privileges, nested].flat().map(rule),
];

function rule([key, keyClass, target, reason, advice]: Row): KeyRule {
  return {
    key: `services.*.${key}`,
    class: keyClass,
    ...(target === '' ? {} : { target }),
    reason,
    ...(advice === undefined ? {} : { advice }),
  };
}

const byPattern = new Map(keyRules.map((entry) => [entry.key, entry]));

/** Names of all service keys the table knows. */
export const serviceKeys: readonly string[] = keyRules.flatMap((entry) => {
  const key = /^services\.\*\.([a-z_]+)$/.exec(entry.key)?.[1];
  return key === undefined ? [] : [key];
});

export const topKeys: readonly string[] = top.flatMap((entry) =>
  entry.key.includes('.') ? [] : [entry.key],
);

/** The rule for a path of keys and list positions, or `undefined` when only a rule further up applies. */
export function ruleFor(steps: readonly (string | number)[]): KeyRule | undefined {
  const exact = steps.map((step, at) => (isWildcard(steps, at) ? '*' : String(step))).join('.');
  return byPattern.get(exact);
}

/** Names that users choose: services, volumes, … and the items of a list. */
function isWildcard(steps: readonly (string | number)[], at: number): boolean {
  if (typeof steps[at] === 'number') return true;
  if (at === 1) return true;
  return at === 3 && ['depends_on', 'networks'].includes(String(steps[2]));
}

export function verdictOfRule(entry: KeyRule): Verdict {
  return {
    status: statusOfClass[entry.class],
    ...(entry.target === undefined ? {} : { target: entry.target }),
    reason: entry.reason,
    ...(entry.advice === undefined ? {} : { advice: entry.advice }),
  };
}
