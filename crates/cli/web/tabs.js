// The list of tabs: arrows, Home and End move through it, the address keeps which one is open.
// It must not know what a panel shows.

import { attribute } from "./dom.js";
import * as state from "./state.js";

/** Wires the tabs of `tablist`; `onOpen` hears the name of the one that is open. */
export function start(tablist, onOpen) {
  const tabs = [...tablist.querySelectorAll("[role=tab]")];
  const names = tabs.map((tab) => tab.dataset.tab);
  let current = null;

  function apply() {
    const wanted = state.get("tab", names[0]);
    const name = names.includes(wanted) ? wanted : names[0];
    if (name === current) return;
    current = name;
    for (const tab of tabs) {
      const chosen = tab.dataset.tab === name;
      attribute(tab, "aria-selected", chosen ? "true" : "false");
      attribute(tab, "tabindex", chosen ? "0" : "-1");
      document.getElementById(tab.getAttribute("aria-controls")).hidden = !chosen;
      if (chosen) keepInView(tab);
    }
    onOpen(name);
  }

  // Only the list scrolls: `scrollIntoView` would move the page as well.
  function keepInView(tab) {
    const left = tab.offsetLeft - tablist.offsetLeft;
    if (left < tablist.scrollLeft) tablist.scrollLeft = left;
    const right = left + tab.offsetWidth;
    if (right > tablist.scrollLeft + tablist.clientWidth) tablist.scrollLeft = right - tablist.clientWidth;
  }

  const open = (at) => {
    state.set({ tab: names[at] }, { step: true });
    tabs[at].focus();
  };
  tablist.addEventListener("click", (event) => {
    const at = tabs.indexOf(event.target.closest("[role=tab]"));
    if (at >= 0) open(at);
  });
  tablist.addEventListener("keydown", (event) => {
    const at = tabs.indexOf(event.target);
    const last = tabs.length - 1;
    const to = { ArrowRight: at === last ? 0 : at + 1, ArrowLeft: at === 0 ? last : at - 1, Home: 0, End: last };
    if (at < 0 || to[event.key] === undefined || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    open(to[event.key]);
  });
  state.watch(apply);
  apply();
}
