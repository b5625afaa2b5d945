// Judges documents of KEDA and of Prometheus' operator by the validators that npm's @kubernetes-models packages hold:
//   node models.mjs MODULES FILE.json ..
// prints a line "file<TAB>problem" for each problem.
import { readFileSync } from "node:fs";
import { basename, join } from "node:path";

const [modules, ...files] = process.argv.slice(2);
const packages = {
  "keda.sh/v1alpha1": "@kubernetes-models/keda/keda.sh/v1alpha1",
  "monitoring.coreos.com/v1": "@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1",
};

const known = new Map();

async function judge(document) {
  const home = packages[document.apiVersion];
  if (!home) return null;
  try {
    const found = await import(join(modules, home, `${document.kind}.js`));
    new found[document.kind](document).validate();
    return null;
  } catch (error) {
    return `${document.kind}/${document.metadata?.name}: ${String(error.message ?? error).replaceAll("\n", " ")}`;
  }
}

for (const file of files) {
  for (const document of JSON.parse(readFileSync(file, "utf8"))) {
    const text = JSON.stringify(document);
    if (!known.has(text)) known.set(text, await judge(document));
    const problem = known.get(text);
    if (problem) console.log(`${basename(file, ".json")}\t${problem}`);
  }
}
