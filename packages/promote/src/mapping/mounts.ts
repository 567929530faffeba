import type { ComposeService } from '../compose/model.ts';
import { type ComposeNode, child, textOf } from '../compose/tree.ts';
import type { VolumeMount } from '../compose/volumes.ts';
import type { Role } from './roles.ts';
import type { Ledger, Verdict } from './verdict.ts';
import type { WantFile, WantMount } from './want.ts';

export interface MountOptions {
  readonly service: ComposeService;
  readonly role: Role;
  readonly root: ComposeNode;
  readonly isDify: boolean;
  readonly ledger: Ledger;
  readonly readFile: ((path: string) => string | undefined) | undefined;
}

/** ConfigMaps hold text; larger files belong on NAS. */
const configFileBytesMax = 256 * 1024;
const hostOnly =
  /^(\/var\/run\/docker\.sock|\/run\/docker\.sock|\/lib\/modules|\/usr\/src|\/proc|\/sys|\/dev)(\/|$)/;
const clockFiles = /^\/etc\/(localtime|timezone)$/;
const fileName = /\.[A-Za-z][A-Za-z0-9]{0,9}(\.[a-z]+)?$|\/(Dockerfile|Caddyfile)$/;

/** Decides about every mount of an application: NAS directory, ConfigMap key, or a reason why not. */
export function mapMounts(options: MountOptions): { mounts: WantMount[]; files: WantFile[] } {
  const mounts: WantMount[] = [];
  const files: WantFile[] = [];
  for (const volume of options.service.volumes) {
    const known = knownMount(volume, options);
    if (known !== undefined) {
      options.ledger.set(volume.path, known, { below: true });
      continue;
    }
    if (volume.type === 'bind' && volume.source !== undefined && fileName.test(volume.source)) {
      const file = mapFile(volume, options);
      if (file !== undefined) files.push(file);
      continue;
    }
    const source = volume.source ?? `${options.service.name}${volume.target}`;
    mounts.push({ volume: source, mountPath: volume.target, readOnly: volume.readOnly });
    options.ledger.set(volume.path, nasVerdict(volume), { below: true });
  }
  for (const config of options.service.configs) {
    const file = mapConfig(config, options);
    if (file !== undefined) files.push(file);
  }
  return { mounts, files };
}

/** A top-level config: its own text, or a file beside the Compose file. */
function mapConfig(
  config: { readonly source: string; readonly target: string; readonly path: string },
  options: MountOptions,
): WantFile | undefined {
  const node = child(child(options.root, 'configs'), config.source);
  const file = textOf(child(node, 'file'));
  const text = textOf(child(node, 'content')) ?? (file === undefined ? undefined : options.readFile?.(file));
  if (text === undefined || Buffer.byteLength(text) > configFileBytesMax) {
    options.ledger.set(
      config.path,
      {
        status: 'blocked',
        reason: `the content of the config ${config.source} is not at hand, or too large`,
        advice: 'Keep its file beside the Compose file, or write it under content.',
      },
      { below: true },
    );
    return undefined;
  }
  options.ledger.set(
    config.path,
    {
      status: 'mapped',
      target: 'Application.ConfigMapMountDesc',
      reason: 'a key of the ConfigMap, mounted as the file',
    },
    { below: true },
  );
  return { mountPath: config.target, key: config.source.replace(/[^A-Za-z0-9._-]/g, '-'), text };
}

function nasVerdict(volume: VolumeMount): Verdict {
  return {
    status: 'approximated',
    target: 'Application.NasConfigs',
    reason: 'a NAS directory that all instances share; it begins empty',
    ...(volume.type === 'bind' ? { advice: 'Copy what the host directory holds, if it is data.' } : {}),
  };
}

/** Mounts whose fate is known from where they point, or from Dify. */
function knownMount(volume: VolumeMount, options: MountOptions): Verdict | undefined {
  const source = volume.source ?? '';
  if (volume.type === 'tmpfs') {
    return { status: 'dropped', reason: 'the disk of an SAE instance is already temporary' };
  }
  if (volume.type === 'other') {
    return { status: 'blocked', reason: 'a mount of this type has no counterpart in SAE' };
  }
  if (volume.type === 'bind' && hostOnly.test(source)) {
    return {
      status: 'blocked',
      reason: `${source} belongs to the machine that runs Docker`,
      advice: 'Run this service on ECS, or do without it.',
    };
  }
  if (volume.type === 'bind' && clockFiles.test(source)) {
    return { status: 'mapped', target: 'Application.Timezone', reason: 'SAE sets the time zone' };
  }
  if (!options.isDify) return undefined;
  if (options.role === 'nginx' || options.role === 'squid') {
    return {
      status: 'approximated',
      target: 'Application.ConfigMapMountDesc',
      reason: `a configuration made for the target replaces it, see ${options.role === 'nginx' ? 'nginx.conf' : 'squid.conf'} in the ConfigMap`,
    };
  }
  if (options.role === 'sandbox') {
    return {
      status: 'dropped',
      reason: 'the image brings its own configuration, and the variables override it',
      advice: 'Build an image when code needs more Python packages.',
    };
  }
  return undefined;
}

function mapFile(volume: VolumeMount, options: MountOptions): WantFile | undefined {
  const source = volume.source ?? '';
  const text = options.readFile?.(source);
  if (text === undefined) {
    options.ledger.set(
      volume.path,
      {
        status: 'blocked',
        reason: `the content of ${source} is not at hand`,
        advice: 'Keep the file beside the Compose file, or put it into the image.',
      },
      { below: true },
    );
    return undefined;
  }
  if (Buffer.byteLength(text) > configFileBytesMax || text.includes('\0')) {
    options.ledger.set(
      volume.path,
      {
        status: 'blocked',
        reason: `${source} is larger than ${configFileBytesMax} bytes, or not text`,
        advice: 'Put it into the image.',
      },
      { below: true },
    );
    return undefined;
  }
  options.ledger.set(
    volume.path,
    {
      status: 'mapped',
      target: 'Application.ConfigMapMountDesc',
      reason: 'a key of the ConfigMap, mounted as the file',
    },
    { below: true },
  );
  return { mountPath: volume.target, key: source.split('/').at(-1) ?? 'file', text };
}
