"""Reads manifests and judges them by schemas. Needs kubernetes-validate (which brings PyYAML and jsonschema).

  kinds.py read FOLDER               writes each FOLDER/*.yaml as a JSON list of its documents beside it
  kinds.py check KINDS FILE.json ..  judges documents of core kinds strictly for the three newest minors, those of
                                     other groups by the schemas in KINDS; prints a line "file<TAB>problem" each
"""

import json
import pathlib
import sys

import jsonschema
from kubernetes_validate import utils
import yaml


def minors():
    """The three newest minor versions that the package knows."""
    known = {tuple(map(int, version.split(".")[:2])) for version in utils.all_versions()}
    return [f"{major}.{minor}" for major, minor in sorted(known)[-3:]]


def is_core(document):
    group = document.get("apiVersion", "").rpartition("/")[0]
    return "." not in group or group.endswith(".k8s.io")


def problems_of_core(name, document, versions):
    for version in versions:
        try:
            utils.validate(document, version, strict=True)
        except utils.ValidationError as error:
            place = ".".join(map(str, error.path))
            yield f"{name}: {error.message[:200]} at {place or 'the top'} (Kubernetes {version})"
        except utils.SchemaNotFoundError as error:
            yield f"{name}: {error}"


def problems_of(document, versions, kinds):
    name = f"{document.get('kind')}/{document.get('metadata', {}).get('name')}"
    if is_core(document):
        yield from problems_of_core(name, document, versions)
        return
    if document.get("kind") == "ScaledJob":
        # what KEDA makes of it is a Job
        job = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "job"}, "spec": document["spec"]["jobTargetRef"]}
        yield from problems_of_core(name, job, versions)
    kind = kinds.get(document.get("kind"))
    if kind is None:
        yield f"{name}: no schema for {document.get('apiVersion')} {document.get('kind')}"
        return
    for error in jsonschema.Draft202012Validator(kind).iter_errors(document):
        place = ".".join(map(str, error.path))
        yield f"{name}: {error.message[:200]} at {place or 'the top'}"


def read(folder):
    for path in sorted(pathlib.Path(folder).glob("*.yaml")):
        with path.open(encoding="utf-8") as file:
            documents = [document for document in yaml.load_all(file, Loader=yaml.CSafeLoader) if document]
        path.with_suffix(".json").write_text(json.dumps(documents), encoding="utf-8")


def check(kinds_path, paths):
    kinds = json.loads(pathlib.Path(kinds_path).read_text(encoding="utf-8"))
    versions, known = minors(), {}
    for path in paths:
        for document in json.loads(pathlib.Path(path).read_text(encoding="utf-8")):
            text = json.dumps(document, sort_keys=True)
            if text not in known:
                known[text] = list(problems_of(document, versions, kinds))
            for problem in known[text]:
                print(f"{pathlib.Path(path).stem}\t{problem}".replace("\n", " "))


if sys.argv[1] == "read":
    read(sys.argv[2])
else:
    check(sys.argv[2], sys.argv[3:])
