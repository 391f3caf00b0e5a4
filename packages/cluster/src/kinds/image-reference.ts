/**
 * The tag of an image name, which decides between `Always` and `IfNotPresent`
 * (kubernetes, pkg/util/parsers/parsers.go, with the grammar of distribution/reference).
 */
const separator = '(?:[._]|__|[-]+)';
const pathComponent = `[a-z0-9]+(?:${separator}[a-z0-9]+)*`;
const domainLabel = '(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])';
const domain = `(?:${domainLabel}(?:\\.${domainLabel})*|\\[(?:[a-fA-F0-9:]+)\\])(?::[0-9]+)?`;
const reference = new RegExp(
  `^(?:(${domain})/)?(${pathComponent}(?:/${pathComponent})*)(?::([\\w][\\w.-]{0,127}))?(?:@([A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*[:][0-9a-fA-F]{32,}))?$`,
);

/**
 * @returns `latest` where a tag is left out and there is no digest; undefined for what is no image reference at all: a
 *   `https://…jar` is none and so gets `IfNotPresent`. [SPEC C43]
 */
function imageTag(image: string): string | undefined {
  if (image.length > 4096 || /^[a-f0-9]{64}$/.test(image)) return undefined;
  const match = reference.exec(image);
  if (match === null) return undefined;
  const [, , path = '', tag, digest] = match;
  if (path.length > 255) return undefined;
  return tag ?? (digest === undefined ? 'latest' : '');
}

/** What SetDefaults_Container sets. */
export function defaultPullPolicy(image: unknown): 'Always' | 'IfNotPresent' {
  return imageTag(String(image ?? '')) === 'latest' ? 'Always' : 'IfNotPresent';
}
