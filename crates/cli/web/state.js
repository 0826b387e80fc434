// What the address after `#` keeps: the tab, the order of tables, what was searched, which runs are open.
// A link or a reload so shows the same again. It must not know what the keys mean.

const listeners = new Set();

function read() {
  return new URLSearchParams(location.hash.slice(1));
}

/** The value of a key, or `other`. */
export function get(key, other = "") {
  return read().get(key) ?? other;
}

/** Sets keys (`""` and `null` take one away); `step` makes it one step of the browser's Back. */
export function set(values, { step = false } = {}) {
  const all = read();
  for (const [key, value] of Object.entries(values)) {
    if (value === null || value === undefined || value === "") all.delete(key);
    else all.set(key, String(value));
  }
  const text = `#${all}`;
  if (text === location.hash || (text === "#" && location.hash === "")) return;
  history[step ? "pushState" : "replaceState"](null, "", text === "#" ? location.pathname : text);
  tell();
}

/** Calls back whenever the address changed, whoever changed it. */
export function watch(listener) {
  listeners.add(listener);
}

function tell() {
  for (const listener of listeners) listener();
}

addEventListener("popstate", tell);
addEventListener("hashchange", tell);
