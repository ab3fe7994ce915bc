// The one Python of a page: started when it is first asked, ended when it is stopped or takes too long.

export const LIMIT = 20; // seconds for an answer

/** Why there is no answer, in words for the reader. */
export class NoAnswer extends Error {}

let worker = null;
let ready = null;
let giveUp = () => {};

function begin() {
  worker = new Worker(new URL("worker.js", import.meta.url), { type: "module" });
  ready = next();
}

/** The next message of the worker. */
function next() {
  return new Promise((resolve, reject) => {
    giveUp = (why) => reject(new NoAnswer(why));
    worker.onmessage = ({ data }) => (data.failed ? reject(new NoAnswer(data.failed)) : resolve(data));
    worker.onerror = (event) => reject(new NoAnswer(event.message || "Python could not be started"));
  });
}

/** Has Python running; says so if that takes time. */
export async function start(say) {
  if (!worker) {
    begin();
    say("Python is starting: 6 MB, once …");
  }
  await ended(ready);
}

/** What Python answers, within the limit. */
export async function ask(request) {
  const answer = next();
  worker.postMessage(request);
  const timer = setTimeout(() => stop(`Stopped after ${LIMIT} seconds: does a loop never end?`), 1000 * LIMIT);
  try {
    return (await ended(answer)).answer;
  } finally {
    clearTimeout(timer);
  }
}

/** Ends Python, and whatever it is doing. */
export function stop(why = "Stopped.") {
  worker?.terminate();
  worker = null;
  giveUp(why);
}

/** A Python that failed is not asked again. */
async function ended(promise) {
  try {
    return await promise;
  } catch (problem) {
    worker?.terminate();
    worker = null;
    throw problem;
  }
}
