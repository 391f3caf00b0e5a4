/** What may be a name, a label, an annotation key, a port; with the texts of a refusal (apimachinery, pkg/util/validation). */

/** The messages against a name; none if it is good. `asPrefix`: it is a generateName, to which five characters are added. */
export type NameRule = (name: string, asPrefix: boolean) => string[];

const labelFormat = '[a-z0-9]([-a-z0-9]*[a-z0-9])?';
const subdomainFormat = `${labelFormat}(\\.${labelFormat})*`;
const dns1035Format = '[a-z]([-a-z0-9]*[a-z0-9])?';
const qualifiedFormat = '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]';
const labelValueFormat = `(${qualifiedFormat})?`;

const labelPattern = new RegExp(`^${labelFormat}$`);
const subdomainPattern = new RegExp(`^${subdomainFormat}$`);
const dns1035Pattern = new RegExp(`^${dns1035Format}$`);
const qualifiedPattern = new RegExp(`^${qualifiedFormat}$`);
const labelValuePattern = new RegExp(`^${labelValueFormat}$`);

const qualifiedText = regexText(
  "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character",
  qualifiedFormat,
  'MyName',
  'my.name',
  '123-abc',
);

/** `metadata.namespace`, names of Namespaces and containers: an RFC 1123 label. */
export function dnsLabelMessages(value: string): string[] {
  const messages: string[] = [];
  if (byteLength(value) > 63) messages.push(maxLength(63));
  if (!labelPattern.test(value)) {
    messages.push(
      subdomainPattern.test(value)
        ? 'must not contain dots'
        : regexText(
            "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character",
            labelFormat,
            'my-name',
            '123-abc',
          ),
    );
  }
  return messages;
}

/** Names of most objects: an RFC 1123 subdomain. */
export function dnsSubdomainMessages(value: string): string[] {
  const messages: string[] = [];
  if (byteLength(value) > 253) messages.push(maxLength(253));
  if (!subdomainPattern.test(value)) {
    messages.push(
      regexText(
        "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character",
        subdomainFormat,
        'example.com',
      ),
    );
  }
  return messages;
}

/** Names of Services: an RFC 1035 label. */
function dns1035LabelMessages(value: string): string[] {
  const messages: string[] = [];
  if (byteLength(value) > 63) messages.push(maxLength(63));
  if (!dns1035Pattern.test(value)) {
    messages.push(
      regexText(
        "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character",
        dns1035Format,
        'my-name',
        'abc-123',
      ),
    );
  }
  return messages;
}

/** Keys of labels, of annotations (in lower case), of taints; finalizers; condition types. */
export function qualifiedNameMessages(value: string): string[] {
  const parts = value.split('/');
  if (parts.length > 2) {
    return [
      `a qualified name ${qualifiedText} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')`,
    ];
  }
  const messages: string[] = [];
  const name = parts.at(-1) ?? '';
  if (parts.length === 2) {
    const prefix = parts[0] ?? '';
    if (prefix === '') messages.push('prefix part must be non-empty');
    else messages.push(...dnsSubdomainMessages(prefix).map((message) => `prefix part ${message}`));
  }
  if (name === '') messages.push('name part must be non-empty');
  else if (byteLength(name) > 63) messages.push(`name part ${maxLength(63)}`);
  if (!qualifiedPattern.test(name)) messages.push(`name part ${qualifiedText}`);
  return messages;
}

export function labelValueMessages(value: string): string[] {
  const messages: string[] = [];
  if (byteLength(value) > 63) messages.push(maxLength(63));
  if (!labelValuePattern.test(value)) {
    messages.push(
      regexText(
        "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character",
        labelValueFormat,
        'MyValue',
        'my_value',
        '12345',
      ),
    );
  }
  return messages;
}

/** Keys of ConfigMaps and Secrets. */
export function configKeyMessages(value: string): string[] {
  const messages: string[] = [];
  if (byteLength(value) > 253) messages.push(maxLength(253));
  if (!/^[-._a-zA-Z0-9]+$/.test(value)) {
    messages.push(
      regexText(
        "a valid config key must consist of alphanumeric characters, '-', '_' or '.'",
        '[-._a-zA-Z0-9]+',
        'key.name',
        'KEY_NAME',
        'key-name',
      ),
    );
  } else if (value === '.') messages.push("must not be '.'");
  else if (value === '..') messages.push("must not be '..'");
  else if (value.startsWith('..')) messages.push("must not start with '..'");
  return messages;
}

/** Names of environment variables, as 1.34 takes them: any printable ASCII but `=`. */
export function envNameMessages(value: string): string[] {
  return /^[ -<>-~]+$/.test(value)
    ? []
    : ["a valid environment variable name must consist only of printable ASCII characters other than '='"];
}

/** Names of ports (IANA service names). */
export function portNameMessages(value: string): string[] {
  const messages: string[] = [];
  if (byteLength(value) > 15) messages.push(maxLength(15));
  if (!/^[-a-z0-9]+$/.test(value))
    messages.push('must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)');
  if (!/[a-z]/.test(value)) messages.push('must contain at least one letter (a-z)');
  if (value.includes('--')) messages.push('must not contain consecutive hyphens');
  if (value.startsWith('-') || value.endsWith('-')) messages.push('must not begin or end with a hyphen');
  return messages;
}

export function portNumberMessages(value: number): string[] {
  return value >= 1 && value <= 65_535 ? [] : [rangeText(1, 65_535)];
}

export function rangeText(min: number, max: number): string {
  return `must be between ${min} and ${max}, inclusive`;
}

/** Hosts with a `*`: it stands for the first label alone. */
export function wildcardMessages(value: string): string[] {
  if (value.startsWith('*.') && subdomainPattern.test(value.slice(2))) return [];
  return [
    regexText(
      "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must consist of lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character",
      `\\*\\.${subdomainFormat}`,
      '*.example.com',
    ),
  ];
}

/** A name may be cut for a random suffix: what then ends in a dash is good all the same. */
function withPrefix(messages: (value: string) => string[]): NameRule {
  return (name, asPrefix) =>
    messages(asPrefix && name.length > 1 && name.endsWith('-') ? `${name.slice(0, -2)}a` : name);
}

export const subdomainName: NameRule = withPrefix(dnsSubdomainMessages);
export const labelName: NameRule = withPrefix(dnsLabelMessages);
export const dns1035Name: NameRule = withPrefix(dns1035LabelMessages);
/** Anything that can stand in a path (roles and their bindings: `system:node`). */
export const pathSegmentName: NameRule = (name, asPrefix) => {
  if (!asPrefix && (name === '.' || name === '..')) return [`may not be '${name}'`];
  const messages: string[] = [];
  for (const character of ['/', '%']) if (name.includes(character)) messages.push(`may not contain '${character}'`);
  return messages;
};

function regexText(text: string, format: string, ...examples: string[]): string {
  if (examples.length === 0) return `${text} (regex used for validation is '${format}')`;
  return `${text} (e.g. ${examples.map((example) => `'${example}', `).join(' or ')}regex used for validation is '${format}')`;
}

function maxLength(bytes: number): string {
  return `must be no more than ${bytes} characters`;
}

function byteLength(value: string): number {
  return Buffer.byteLength(value);
}
