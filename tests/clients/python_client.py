"""What a program written with the official Python client does, on the cluster of KUBECONFIG, in the namespace of the first argument.

Prints one JSON object of what it saw; `tests/python-client.test.ts` judges it.
"""

import json
import sys
import threading

from kubernetes import client, config, dynamic, watch
from kubernetes.client.exceptions import ApiException

namespace = sys.argv[1]
config.load_kube_config()
core = client.CoreV1Api()
apps = client.AppsV1Api()
seen = {}


def refused(call, *args, **kwargs):
    try:
        call(*args, **kwargs)
    except ApiException as error:
        return [error.status, json.loads(error.body)["reason"]]
    return None


def config_map(name, data=None):
    return client.V1ConfigMap(metadata=client.V1ObjectMeta(name=name, labels={"by": "python"}), data=data)


# Typed objects.
made = core.create_namespaced_config_map(namespace, config_map("typed", {"a": "1"}))
made.data = {"a": "2"}
seen["replaced"] = core.replace_namespaced_config_map("typed", namespace, made).data
seen["listed"] = [one.metadata.name for one in core.list_namespaced_config_map(namespace, label_selector="by=python").items]
seen["stale"] = refused(core.replace_namespaced_config_map, "typed", namespace, made)
seen["twice"] = refused(core.create_namespaced_config_map, namespace, config_map("typed"))
seen["missing"] = refused(core.read_namespaced_config_map, "nope", namespace)
seen["invalid"] = refused(core.create_namespaced_config_map, namespace, config_map("Not_Valid"))

# Patches: a list is a JSON patch, an object a strategic merge patch.
labels = {"app": "py"}
container = client.V1Container(name="c", image="nginx:1")
template = client.V1PodTemplateSpec(
    metadata=client.V1ObjectMeta(labels=labels), spec=client.V1PodSpec(containers=[container])
)
spec = client.V1DeploymentSpec(replicas=0, selector=client.V1LabelSelector(match_labels=labels), template=template)
apps.create_namespaced_deployment(namespace, client.V1Deployment(metadata=client.V1ObjectMeta(name="py"), spec=spec))
more = {"spec": {"template": {"spec": {"containers": [{"name": "d", "image": "nginx:2"}]}}}}
patched = apps.patch_namespaced_deployment("py", namespace, more)
seen["strategic"] = [one.name for one in patched.spec.template.spec.containers]
patched = apps.patch_namespaced_deployment("py", namespace, [{"op": "add", "path": "/metadata/labels", "value": {"x": "y"}}])
seen["json_patch"] = patched.metadata.labels
scaled = apps.patch_namespaced_deployment_scale("py", namespace, {"spec": {"replicas": 1}})
seen["scale"] = scaled.spec.replicas

# Server-side apply and objects of any kind, by discovery.
any_kind = dynamic.DynamicClient(client.ApiClient())
maps = any_kind.resources.get(api_version="v1", kind="ConfigMap")
wish = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "applied"}, "data": {"a": "1"}}
applied = maps.server_side_apply(body=wish, namespace=namespace, field_manager="python")
seen["applied"] = [applied.data.to_dict(), [one.manager for one in applied.metadata.managedFields]]

# A watch that tells what happens, and ends when it was told to.
events = []


def listen():
    for event in watch.Watch().stream(
        core.list_namespaced_config_map, namespace, label_selector="watched", timeout_seconds=3
    ):
        events.append([event["type"], event["object"].metadata.name])
        if event["type"] == "DELETED":
            return


listener = threading.Thread(target=listen)
listener.start()
watched = config_map("watched")
watched.metadata.labels = {"watched": "yes"}
core.create_namespaced_config_map(namespace, watched)
core.delete_namespaced_config_map("watched", namespace)
listener.join()
seen["watched"] = [kind for kind, _ in events]

seen["version"] = client.VersionApi().get_code().minor
# A Status: a model in old releases, its fields in new ones.
deleted = core.delete_namespaced_config_map("typed", namespace)
seen["deleted"] = deleted["status"] if isinstance(deleted, dict) else deleted.status
print(json.dumps(seen))
