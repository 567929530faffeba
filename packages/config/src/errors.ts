import { defineErrors } from '@sampan/base';

export const configErrors = defineErrors({
  CONFIG_INVALID: { family: 'user', summary: 'sampan.yaml has problems; each one is listed with its place' },
  CONFIG_YAML_SYNTAX: { family: 'user', summary: 'the file is not YAML at this place' },
  CONFIG_TOO_LARGE: { family: 'user', summary: 'the file is larger than 1 MiB' },
  CONFIG_TOO_DEEP: { family: 'user', summary: 'sections are nested more than a hundred deep' },
  CONFIG_DUPLICATE_KEY: { family: 'user', summary: 'a key stands twice in the same section' },
  CONFIG_UNKNOWN_KEY: { family: 'user', summary: 'a key is not an option' },
  CONFIG_WRONG_TYPE: { family: 'user', summary: 'a value has the wrong type' },
  CONFIG_EMPTY_VALUE: { family: 'user', summary: 'an option stands there without a value' },
  CONFIG_VALUE_NOT_ALLOWED: { family: 'user', summary: 'a value is not one of the allowed ones' },
  CONFIG_OUT_OF_RANGE: { family: 'user', summary: 'a number or a list is outside its limits' },
  CONFIG_BAD_FORMAT: { family: 'user', summary: 'a text does not have the required form' },
  CONFIG_PORT_CLASH: { family: 'user', summary: 'two services would listen at the same port' },
  CONFIG_SHARE_ORDER: { family: 'user', summary: 'a guaranteed share is larger than the component may hold' },
  CONFIG_LOAD_AMBIGUOUS: { family: 'user', summary: 'both class and targetQps are set' },
  CONFIG_EDITION_LOAD: { family: 'user', summary: 'the edition is not made for this load' },
  CONFIG_IDLE_ORDER: { family: 'user', summary: 'more idle than open connections are asked for' },
  CONFIG_ZONES: {
    family: 'user',
    summary: 'the zones or vSwitches of a target do not fit its edition or network',
  },
  CONFIG_INDEX_UNKNOWN: { family: 'user', summary: 'Dify has no index for a logstore of that name' },
  CONFIG_TARGET_UNKNOWN: { family: 'user', summary: 'no target of that name is in sampan.yaml' },
  CONFIG_RDS_CLASS_UNKNOWN: {
    family: 'user',
    summary: 'the connection ceiling of the RDS class is not known',
  },
  CONFIG_SIZE_ILLEGAL: { family: 'user', summary: 'SAE does not offer this pair of processor and memory' },
  CONFIG_PLAN_CONNECTIONS: {
    family: 'user',
    summary: 'the components may open more connections than there are',
  },
  CONFIG_PLAN_SHARES: {
    family: 'user',
    summary: 'the guaranteed shares exceed the connections of the proxy',
  },
  CONFIG_PLAN_SLOTS: {
    family: 'user',
    summary: 'more runs are under way at once than the components can hold',
  },
  CONFIG_DRIFT: { family: 'user', summary: 'generated files differ from what sampan.yaml gives' },
});
