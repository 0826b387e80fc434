// The tab of downloads: every file of the run. It must not know what is in them.

import { ask } from "./api.js";
import { by, bytes, changed, el, list, short } from "./dom.js";

/** Only paths of this very server: what else a file list may name is no link. */
export function local(href) {
  return typeof href === "string" && /^\/(?![/\\])/.test(href);
}

/** Links to `files`, each as something to keep and, where a browser can show it, to open. */
export function links(place, files) {
  list(place, files.slice(0, 500).filter(({ href }) => local(href)), ({ name, href, bytes: size, kind }) => {
    const about = [kind, typeof size === "number" ? bytes(size) : ""].filter(Boolean).map((text) => short(text)).join(", ");
    const link = el("a", { href, download: short(name) }, short(name));
    const shown = /\.html?$/.test(name) ? el("a", { href, target: "_blank", rel: "noopener", class: "open" }, `Open ${short(name)}`) : null;
    return el("li", {}, link, about ? el("span", { class: "about" }, ` ${about} `) : null, shown);
  });
}

/** The tab. */
export function panel() {
  const place = by("files");
  return async () => {
    const files = (await ask("/api/downloads")).files ?? [];
    if (!changed(place, files)) return;
    links(place, files);
    if (files.length === 0) place.append(el("li", { class: "none" }, "There are no files before the first run."));
  };
}
