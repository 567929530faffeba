import { SlsError } from '@sampan/sls-wire';
import { errorsNamed } from './resource-errors.ts';
import type { ResourceKind } from './resource-kind.ts';

export const savedSearches: ResourceKind = {
  noun: 'SavedSearch',
  path: '/savedsearches',
  table: 'savedsearches',
  scope: 'project',
  nameField: 'savedsearchName',
  required: ['logstore', 'searchQuery'],
  defaults: { topic: '', displayName: '' },
  list: {
    items: 'savedsearches',
    entries: 'names',
    summaries: { field: 'savedsearchItems', of: ['savedsearchName', 'displayName'] },
  },
  times: { created: 'createTime', modified: 'lastModifyTime' },
  countMax: 100,
  errors: {
    notExist: () => new SlsError(404, 'SavedSearchNotExist', 'specified savedsearch does not exist'),
    alreadyExist: () => new SlsError(400, 'SavedSearchAlreadyExist', 'specified savedsearch already exists'),
  },
};

export const dashboards: ResourceKind = {
  noun: 'Dashboard',
  path: '/dashboards',
  table: 'dashboards',
  scope: 'project',
  nameField: 'dashboardName',
  defaults: { charts: [], description: '', displayName: '' },
  list: {
    items: 'dashboards',
    entries: 'names',
    summaries: { field: 'dashboardItems', of: ['dashboardName', 'displayName', 'description'] },
  },
  times: { created: 'createTime', modified: 'lastModifiedTime' },
  countMax: 100,
  errors: {
    notExist: () => new SlsError(404, 'DashboardNotExist', 'specified dashboard does not exist'),
    // The Python SDK's copy commands compare this very code and sentence.
    alreadyExist: () => new SlsError(400, 'ParameterInvalid', 'specified dashboard already exists'),
  },
};

/** Charts lie within their dashboard; only their errors are a kind's. */
export const chartErrors = errorsNamed('Chart', 'chart');
