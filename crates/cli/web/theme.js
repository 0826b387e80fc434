// Light, dark, or as the system says. It must not know the rest of the page.

import { by } from "./dom.js";

const KEY = "weaver-bench-theme";
const NAMES = ["auto", "light", "dark"];

function kept() {
  try {
    return localStorage.getItem(KEY);
  } catch {
    return null; // A browser may refuse to keep anything.
  }
}

/** Takes the choice that was kept, and listens to the switch. */
export function start() {
  const choice = by("theme");
  const apply = (name) => {
    const wanted = NAMES.includes(name) ? name : "auto";
    document.documentElement.dataset.theme = wanted;
    choice.value = wanted;
  };
  apply(kept());
  choice.addEventListener("change", () => {
    apply(choice.value);
    try {
      localStorage.setItem(KEY, choice.value);
    } catch {
      // Then it lasts as long as the page.
    }
  });
}
