import { slsErrors } from '@sampan/sls-wire';
import { z } from 'zod';

/** A project as it is kept. Times are seconds since the Unix epoch. */
export interface Project {
  readonly projectName: string;
  readonly description: string;
  readonly resourceGroupId: string;
  readonly dataRedundancyType: 'LRS' | 'ZRS';
  readonly recycleBinEnabled: boolean;
  readonly createTime: number;
  readonly lastModifyTime: number;
}

export const projectSchema = z.object({
  projectName: z.string(),
  description: z.string(),
  resourceGroupId: z.string(),
  dataRedundancyType: z.enum(['LRS', 'ZRS']),
  recycleBinEnabled: z.boolean(),
  createTime: z.number(),
  lastModifyTime: z.number(),
});

/** What CreateProject takes beside the name. */
export interface ProjectInput {
  readonly projectName: string;
  readonly description?: string | undefined;
  readonly resourceGroupId?: string | undefined;
  readonly dataRedundancyType?: 'LRS' | 'ZRS' | undefined;
  readonly recycleBinEnabled?: boolean | undefined;
}

/** What a client may change of a project; what is absent stays. */
export type ProjectChange = Pick<Partial<ProjectInput>, 'description' | 'resourceGroupId'>;

const inputSchema = z.object({
  projectName: z.string(),
  description: z.string().nullish(),
  resourceGroupId: z.string().nullish(),
  dataRedundancyType: z.enum(['LRS', 'ZRS', '']).nullish(),
  recycleBinEnabled: z.boolean().nullish(),
});

/** Parses the body of CreateProject. Throws the vendor's `ParameterInvalid`. */
export function parseProjectInput(json: unknown): ProjectInput {
  const parsed = inputSchema.safeParse(json);
  if (!parsed.success) {
    throw slsErrors.parameterInvalid(
      `The body is not valid: ${parsed.error.issues[0]?.path.join('.') ?? ''}`,
    );
  }
  const { projectName, description, resourceGroupId, dataRedundancyType, recycleBinEnabled } = parsed.data;
  return {
    projectName,
    description: description ?? undefined,
    resourceGroupId: resourceGroupId ?? undefined,
    dataRedundancyType: dataRedundancyType || undefined,
    recycleBinEnabled: recycleBinEnabled ?? undefined,
  };
}
