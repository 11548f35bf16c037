"""Whether KServe's own classes know each field of the manifests in a text: manifest.py FILE.md"""

import re
import sys

import kserve
import kubernetes.client
import yaml


def check(kind, value, path):
    fields = {field: name for name, field in kind.attribute_map.items()}
    for field, inner in value.items():
        assert field in fields, f"{path}.{field} is no field of {kind.__name__}"
        type_name = kind.openapi_types[fields[field]]
        listed = re.fullmatch(r"list\[(.*)\]", type_name)
        if listed:
            type_name = listed[1]
        inner_kind = getattr(kserve, type_name, None) or getattr(kubernetes.client, type_name, None)
        if inner_kind:
            for item in inner if listed else [inner]:
                check(inner_kind, item, f"{path}.{field}")


manifests = re.findall(r"```yaml\n(.*?)```", open(sys.argv[1]).read(), re.S)
assert manifests, "no manifest"
for manifest in manifests:
    for part in yaml.safe_load_all(manifest):
        assert part["kind"] == "InferenceService", part
        check(kserve.V1beta1InferenceService, part, part["kind"])
