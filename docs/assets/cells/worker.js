// Python, in a worker of its own: the page stays alive while code runs, and a loop without an end can be ended from outside.

const PLACE = new URL("../python/", import.meta.url); // everything comes from the site itself
const BRIDGE = `
import json
from dataclasses import asdict
import engine

def answer(text):
    asked = json.loads(text)
    if "check" not in asked:
        printed, error = engine.run(asked["code"])
        return json.dumps({"printed": printed, "error": error})
    examples = asked.get("examples", engine.EXAMPLES)
    return json.dumps(asdict(engine.judge_one(asked["code"], engine.Check(**asked["check"]), examples=examples)))

answer
`;

async function bytes(name) {
  const response = await fetch(new URL(name, PLACE));
  if (!response.ok) throw new Error(`${name} could not be loaded (${response.status})`);
  return response.arrayBuffer();
}

async function started() {
  const { loadPyodide } = await import(new URL("pyodide.mjs", PLACE));
  const [python, ...wheels] = await Promise.all([
    loadPyodide({ indexURL: PLACE.href }),
    bytes("hypothesis.whl"),
    bytes("sortedcontainers.whl"),
  ]);
  for (const wheel of wheels) python.unpackArchive(wheel, "wheel");
  python.FS.writeFile("engine.py", new Uint8Array(await bytes("engine.py"))); // the very file that judges on a command line
  return python.runPython(BRIDGE);
}

const answer = started();
answer.then(
  () => postMessage({ ready: true }),
  (problem) => postMessage({ failed: String(problem.message ?? problem) }),
);

addEventListener("message", async ({ data }) => {
  try {
    postMessage({ answer: JSON.parse((await answer)(JSON.stringify(data))) });
  } catch (problem) {
    postMessage({ failed: String(problem.message ?? problem) });
  }
});
