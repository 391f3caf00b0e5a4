/** Every action that is a write to the Kubernetes API, as the one request that it is. Pure. */
import {
  type CreateNode,
  type DeleteLease,
  type DeleteNode,
  type DeletePod,
  type DeleteRecord,
  givenUpAnnotation,
  type PatchNode,
  type PatchNodeStatus,
  type PatchPodStatus,
  type WriteLease,
  type WriteRecord,
} from '@kouplet/core';
import {
  type ApiRequest,
  configMaps,
  createObject,
  deleteObject,
  leases,
  nodes,
  patchObject,
  pods,
  replaceObject,
  strategicMergePatch,
  writeLease,
} from '@kouplet/kube';
import { encodeRecord, recordBaseAnnotation, recordDataKey, recordLabel } from '../projection/record.ts';

/** The actions of this file. */
export type ApiWrite =
  | CreateNode
  | PatchNode
  | PatchNodeStatus
  | DeleteNode
  | PatchPodStatus
  | DeletePod
  | WriteLease
  | DeleteLease
  | WriteRecord
  | DeleteRecord;

/** Below the first retry of the plan's back-off times a few: a write that hangs holds one of the few slots. */
const timeoutMs = 10_000;

/** @param env what a record's label says, so that controllers of two envs share a namespace */
export function requestOf(action: ApiWrite, env: string): ApiRequest {
  return { ...bareRequestOf(action, env), timeoutMs };
}

function bareRequestOf(action: ApiWrite, env: string): ApiRequest {
  switch (action.kind) {
    case 'create-node':
      return createObject(nodes, undefined, {
        metadata: { name: action.name, labels: action.labels, annotations: action.annotations },
        spec: action.spec,
        status: action.status,
      });
    case 'patch-node':
      return patchObject(nodes, { name: action.name }, strategicMergePatch(nodePatch(action)));
    case 'patch-node-status':
      return patchObject(
        nodes,
        { name: action.name },
        strategicMergePatch({ metadata: { uid: action.uid }, status: action.status }),
        { subresource: 'status' },
      );
    case 'delete-node':
      return deleteObject(nodes, { name: action.name }, { preconditions: { uid: action.uid } });
    case 'patch-pod-status':
      return patchObject(
        pods,
        { namespace: action.namespace, name: action.name },
        strategicMergePatch({ metadata: { uid: action.uid }, status: podStatusPatch(action) }),
        { subresource: 'status' },
      );
    case 'delete-pod':
      return deleteObject(
        pods,
        { namespace: action.namespace, name: action.name },
        { gracePeriodSeconds: 0, preconditions: { uid: action.uid } },
      );
    case 'write-lease':
      return writeLease(action);
    case 'delete-lease':
      return deleteObject(
        leases,
        { namespace: action.namespace, name: action.name },
        { preconditions: { uid: action.uid } },
      );
    case 'write-record':
      return recordRequest(action, env);
    case 'delete-record':
      return deleteObject(
        configMaps,
        { namespace: action.namespace, name: action.name },
        { preconditions: { uid: action.uid } },
      );
    default:
      throw new Error(`no such write: ${JSON.stringify(action satisfies never)}`);
  }
}

function nodePatch(action: PatchNode): Readonly<Record<string, unknown>> {
  const metadata = {
    uid: action.uid,
    ...(action.resourceVersion === undefined ? {} : { resourceVersion: action.resourceVersion }),
    ...(action.labels === undefined ? {} : { labels: action.labels }),
    ...(action.annotations === undefined ? {} : { annotations: action.annotations }),
  };
  // spec.taints is an atomic list of the API: what is sent replaces all of it.
  const spec = {
    ...(action.taints === undefined ? {} : { taints: action.taints }),
    ...(action.providerID === undefined ? {} : { providerID: action.providerID }),
  };
  return Object.keys(spec).length === 0 ? { metadata } : { metadata, spec };
}

/**
 * podIPs and hostIPs merge by `ip`: without the directive an address that a base had before would stay for ever. Where there is
 * none to replace it is left out, as a server of 1.24 then takes it for an address. Empty means taken off, which a server does for
 * `null` only (seen on 1.34.4).
 */
function podStatusPatch({ status, replacesAddresses }: PatchPodStatus): Readonly<Record<string, unknown>> {
  const replacing = (ips: ReadonlyArray<{ readonly ip: string }>): readonly object[] | null => {
    if (ips.length === 0) return null;
    return replacesAddresses === true ? [...ips, { $patch: 'replace' }] : ips;
  };
  const { podIP, podIPs, hostIP, hostIPs, ...rest } = status;
  return {
    ...rest,
    ...(podIP === undefined ? {} : { podIP: podIP === '' ? null : podIP }),
    ...(podIPs === undefined ? {} : { podIPs: replacing(podIPs) }),
    ...(hostIP === undefined ? {} : { hostIP: hostIP === '' ? null : hostIP }),
    ...(hostIPs === undefined ? {} : { hostIPs: replacing(hostIPs) }),
  };
}

function recordRequest(action: WriteRecord, env: string): ApiRequest {
  const { namespace, name, baseId, resourceVersion } = action;
  const body = {
    metadata: {
      namespace,
      name,
      ...(resourceVersion === undefined ? {} : { resourceVersion }),
      labels: { [recordLabel]: env },
      annotations: {
        [recordBaseAnnotation]: baseId,
        ...(action.givenUpAt === undefined ? {} : { [givenUpAnnotation]: action.givenUpAt }),
      },
    },
    data: { [recordDataKey]: encodeRecord(baseId, action.installs) },
  };
  return resourceVersion === undefined
    ? createObject(configMaps, namespace, body)
    : replaceObject(configMaps, { namespace, name }, body);
}
