/**
 * Field numbers of the messages that clients of Kubernetes send, in the words of `scripts/generate-protobuf-fields.ts`, which writes them from
 * the struct tags of k8s.io/api 1.34.4. `a:s b c:[]X` are fields numbered from 1, `5=name:s` sets the number. Codes: `s` string, `i` int32,
 * `l` int64, `b` bool where empty means "not set", `S`, `I`, `L`, `B` where it is said (pointers, and what Go says in JSON even when it is
 * empty), `y` bytes, `t` Time, `m` MicroTime, `o` IntOrString, `q` Quantity, `j` bytes of JSON in a message, `e` a list in a message that
 * JSON does not show, `[]X` list, `{}X` map, `<X` a message whose fields stand among those of its owner (Go's `inline`), else a message.
 */
import written from './protobuf-fields.json' with { type: 'json' };

export type ProtoField = readonly [name: string, type: string];
type Fields = ReadonlyMap<number, ProtoField>;

const messages: ReadonlyMap<string, string> = new Map(Object.entries(written.messages));
const roots: ReadonlyMap<string, Readonly<Record<string, string>>> = new Map(Object.entries(written.roots));
const read = new Map<string, Fields>();

/** The fields of a message by their numbers; undefined for one that is not known. */
export function fieldsOf(message: string): Fields | undefined {
  const known = read.get(message);
  if (known !== undefined) return known;
  const text = messages.get(message);
  if (text === undefined) return undefined;
  const fields = new Map<number, ProtoField>();
  let number = 0;
  for (const word of text.split(' ')) {
    const [, given, name = '', type = ''] = /^(?:(\d+)=)?([^:]*):(.+)$/.exec(word) ?? [];
    if (type === '') continue;
    number = given === undefined ? number + 1 : Number(given);
    fields.set(number, [name, type]);
  }
  read.set(message, fields);
  return fields;
}

/** The message of a kind, where its fields are known. DeleteOptions are of every group: a client takes its own. */
export function rootOf(apiVersion: string, kind: string): string | undefined {
  if (kind === 'DeleteOptions') return kind;
  const kinds = roots.get(apiVersion);
  return kinds !== undefined && Object.hasOwn(kinds, kind) ? kinds[kind] : undefined;
}
