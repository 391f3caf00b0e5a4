/** admissionregistration.k8s.io/v1: configurations of webhooks are kept, and no webhook is called; a Warning says so. */
import { ageOf } from './ages.ts';
import { defineKind, ensure } from './define-kind.ts';
import { duplicate, invalid, required, unsupported } from './field-errors.ts';
import { type Fields, fieldsOf, isFields, listOf, valuesOf } from './json.ts';
import type { FieldError, Kind } from './kind.ts';
import { dnsSubdomainMessages } from './names.ts';
import { ageColumn, column, nameColumn } from './shape.ts';

const DEFAULT_TIMEOUT_SECONDS = 10;
const MAX_TIMEOUT_SECONDS = 30;

function configuration(kind: string, defaults: (webhook: Fields) => void): Kind {
  return defineKind({
    group: 'admissionregistration.k8s.io',
    version: 'v1',
    kind,
    plural: `${kind.toLowerCase()}s`,
    categories: ['api-extensions'],
    namespaced: false,
    schema: `V1${kind}`,
    hasGeneration: true,
    defaults: ({ webhooks }) => {
      for (const webhook of listOf(webhooks)) {
        webhook.failurePolicy ||= 'Fail';
        webhook.matchPolicy ||= 'Equivalent';
        webhook.timeoutSeconds ??= DEFAULT_TIMEOUT_SECONDS;
        ensure(webhook, 'namespaceSelector');
        ensure(webhook, 'objectSelector');
        ensure(webhook, 'clientConfig');
        if (isFields(webhook.clientConfig.service)) webhook.clientConfig.service.port ??= 443;
        for (const rule of listOf(webhook.rules)) rule.scope ||= '*';
        defaults(webhook);
      }
    },
    validate: ({ webhooks }) => {
      const seen = new Set<unknown>();
      return listOf(webhooks).flatMap((webhook, index) => {
        const path = `webhooks[${index}]`;
        const errors = validateWebhook(webhook, path);
        if (webhook.name && seen.has(webhook.name)) errors.push(duplicate(`${path}.name`, webhook.name));
        seen.add(webhook.name);
        return errors;
      });
    },
    warningsOf: ({ webhooks }) =>
      listOf(webhooks).length === 0
        ? []
        : ['the embedded cluster calls no admission webhooks: this configuration is kept and has no effect'],
    columns: [
      nameColumn,
      column('Webhooks', 'integer', 'Webhooks indicates the number of webhooks registered in this configuration'),
      ageColumn,
    ],
    row: ({ metadata, webhooks }, now) => [
      metadata.name,
      listOf(webhooks).length,
      ageOf(metadata.creationTimestamp, now),
    ],
  });
}

export const mutatingWebhookConfiguration = configuration('MutatingWebhookConfiguration', (webhook) => {
  webhook.reinvocationPolicy ||= 'Never';
});
export const validatingWebhookConfiguration = configuration('ValidatingWebhookConfiguration', () => undefined);

function validateWebhook(webhook: Fields, path: string): FieldError[] {
  const errors: FieldError[] = [];
  const { name, sideEffects, failurePolicy, timeoutSeconds } = webhook;
  const choice = (field: string, value: unknown, choices: readonly string[]): void => {
    if (!choices.includes(String(value))) errors.push(unsupported(`${path}.${field}`, value, choices));
  };
  errors.push(...validateName(name, `${path}.name`));
  for (const [index, rule] of listOf(webhook.rules).entries()) {
    for (const field of ['operations', 'apiGroups', 'apiVersions', 'resources']) {
      if (valuesOf(rule[field]).length === 0) errors.push(required(`${path}.rules[${index}].${field}`));
    }
  }
  choice('failurePolicy', failurePolicy, ['Ignore', 'Fail']);
  if (sideEffects === undefined || sideEffects === '') {
    errors.push(required(`${path}.sideEffects`, 'must specify one of None, NoneOnDryRun'));
  } else {
    choice('sideEffects', sideEffects, ['None', 'NoneOnDryRun']);
  }
  if (timeoutSeconds < 1 || timeoutSeconds > MAX_TIMEOUT_SECONDS) {
    const text = `the timeout value must be between 1 and ${MAX_TIMEOUT_SECONDS} seconds`;
    errors.push(invalid(`${path}.timeoutSeconds`, timeoutSeconds, text));
  }
  const { url, service } = fieldsOf(webhook.clientConfig);
  if ((url === undefined) === (service === undefined)) {
    errors.push(required(`${path}.clientConfig`, 'exactly one of url or service is required'));
  }
  const versions = valuesOf(webhook.admissionReviewVersions);
  if (versions.length === 0) {
    errors.push(required(`${path}.admissionReviewVersions`, 'must specify one of v1, v1beta1'));
  } else if (!versions.includes('v1') && !versions.includes('v1beta1')) {
    errors.push(invalid(`${path}.admissionReviewVersions`, versions, 'must include at least one of v1, v1beta1'));
  }
  return errors;
}

function validateName(name: unknown, path: string): FieldError[] {
  if (typeof name !== 'string' || name === '') return [required(path)];
  const messages = dnsSubdomainMessages(name);
  if (messages.length > 0) return [invalid(path, name, messages.join(','))];
  return name.split('.').length < 3
    ? [invalid(path, name, 'should be a domain with at least three segments separated by dots')]
    : [];
}
