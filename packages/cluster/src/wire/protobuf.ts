/** Bodies in protobuf, which kubectl from 1.32 on sends with `kubectl create <kind>`. */

/** @returns the object as JSON would say it; undefined for a kind whose fields are not known here */
export function readProtobuf(_bytes: Buffer): Record<string, unknown> | undefined {
  return undefined;
}
