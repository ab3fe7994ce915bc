// What a reader did, kept in this browser and nowhere else.

const NAME = "mathcore:";

export function recall(name) {
  try {
    return JSON.parse(localStorage.getItem(NAME + name));
  } catch {
    return null; // a browser may refuse, above all from a disk
  }
}

export function keep(name, value) {
  try {
    if (value === null) localStorage.removeItem(NAME + name);
    else localStorage.setItem(NAME + name, JSON.stringify(value));
  } catch {
    // then it lasts as long as the page
  }
}

/** Forgets what is kept under names that begin so. */
export function forget(...beginnings) {
  try {
    for (const key of Object.keys(localStorage)) {
      if (beginnings.some((beginning) => key.startsWith(NAME + beginning))) localStorage.removeItem(key);
    }
  } catch {
    // then nothing was kept
  }
}
