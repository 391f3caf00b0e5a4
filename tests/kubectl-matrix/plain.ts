/** What kubectl printed, without what changes from run to run: times, spans, uids, revisions, generated names, addresses. */

const CONSONANTS = '[bcdfghjklmnpqrstvwxz2456789]';

const REPLACEMENTS: ReadonlyArray<readonly [RegExp, string]> = [
  [/\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b/g, 'UID'],
  [/\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z/g, 'TIME'],
  [/\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d [+-]\d{4}/g, 'DATE'],
  [/^(---|\+\+\+) .*\/((?:LIVE|MERGED)-\d+)\/(\S+)\t.*/gm, '$1 $3'],
  [/(LIVE|MERGED)-\d+/g, '$1'],
  [/\/\S*kubectl-edit-\d+\.yaml/g, 'EDITED-FILE'],
  [/^([EWI])\d{4} \d\d:\d\d:\d\d\.\d+ +\d+ (\S+?):\d+\]/gm, '$1 $2]'],
  [/(resourceVersion"?: ?)"\d+"/g, '$1"REVISION"'],
  [/(Resource Version: +)\d+/g, '$1REVISION'],
  // Google's kubectl begins its complaints of flags with a capital.
  [/^Error: (?=unknown (?:shorthand )?flag)/gm, 'error: '],
  // Objects inside a message, whose fields stand in any order.
  [/Invalid value: "\{.*\}"(?=: json: )/g, 'Invalid value: "OBJECT"'],
  // What every real cluster adds: a ConfigMap a namespace, an annotation a Node.
  [/^.*\bkube-root-ca\.crt\b.*\n?/gm, ''],
  [/node\.alpha\.kubernetes\.io\/ttl: 0\n +/g, ''],
  [/(Annotations: +)node\.alpha\.kubernetes\.io\/ttl: 0\n/g, '$1<none>\n'],
  [/X509SHA256=[0-9a-f]{64}/g, 'X509SHA256=HASH'],
  [/\beyJ[\w-]+\.[\w-]+\.[\w-]+/g, 'TOKEN'],
  [/\b10\.9[67]\.\d+\.\d+/g, 'CLUSTER-IP'],
  [/(:|nodePort"?: ?|NodePort: +\S+ +)3[012]\d{3}\b/gi, '$1NODE-PORT'],
  [/((?:pod-template|controller-revision)-hash(?:"?: ?"?|=))[\w-]+/g, '$1HASH'],
  // Before spans: a hash may look like one.
  [new RegExp(`-${CONSONANTS}{6,10}(?=-|\\b)`, 'g'), '-HASH'],
  [new RegExp(`-${CONSONANTS}{5}\\b`, 'g'), '-RANDOM'],
  // Spans of seconds; longer than two minutes no chapter lasts.
  [/(?<!for )\b(?:\d+m)?\d+(?:\.\d+)?m?s\b/g, 'SPAN'],
  // The age of what was there before the chapter, in a column.
  [/(?<!cpu[:=]? *)\b(?:\d+d)?(?:\d+h)?(?:\d+[dhm])(?=$| {2})/gm, 'SPAN'],
  // How often it was said follows from how long the chapter took.
  [/SPAN \(x\d+ over SPAN\)/g, 'SPAN'],
  [/\[\d{3,}:\d{3,}\]/g, ''],
  // Widths of columns follow what was replaced.
  [/(\S)[ \t]{2,}/g, '$1  '],
  [/[ \t]+$/gm, ''],
];

/** Google's kubectl warns in words of its own, on some lines only. */
const ASIDE = /^WARNING: version difference between client .*\n?/gm;

/** @param fixed  what stands for this run only, and what to call it: the server's address, folders */
export function plain(text: string, fixed: Readonly<Record<string, string>>): string {
  let calm = text;
  for (const [from, to] of Object.entries(fixed)) calm = calm.replaceAll(from, to);
  for (const [from, to] of REPLACEMENTS) calm = calm.replace(from, to);
  return calm;
}

/** One text of an answer: stdout, then what went to stderr, then an exit code that is not 0. */
export function printed(answer: { readonly code: number; readonly stdout: string; readonly stderr: string }): string {
  const parts = [answer.stdout.trimEnd()];
  const stderr = answer.stderr.replace(ASIDE, '').trimEnd();
  if (stderr !== '') parts.push(`[stderr]\n${stderr}`);
  if (answer.code !== 0) parts.push(`[exit ${answer.code}]`);
  return parts.filter((part) => part !== '').join('\n');
}

export function sortedRows(text: string): string {
  return text.split('\n').sort().join('\n');
}
