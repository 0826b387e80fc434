// The tab of the diagnosis: findings with their evidence, how sure they are, and what to do next. It must not know any rule.

import { ask } from "./api.js";
import { by, changed, el, figure, list, short, show, terms, words } from "./dom.js";

function place({ step, seconds, words: said }) {
  const when = Array.isArray(seconds) ? ` from ${figure(seconds[0])} s to ${figure(seconds[1])} s` : "";
  const where = step === null || step === undefined || step === "" ? "" : `${short(step)}${when}: `;
  return el("li", {}, `${where}${short(said)}`);
}

function command(text) {
  const said = el("span", { class: "copied", role: "status" });
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      said.textContent = "copied";
    } catch {
      said.textContent = "select it and copy it by hand";
    }
  };
  const button = el("button", { type: "button", on: { click: copy }, "aria-label": `Copy ${short(text)}` }, "Copy");
  return el("p", { class: "command" }, el("code", {}, short(text)), button, said);
}

function finding({ sign, title, confidence, evidence, advice }) {
  const parts = [el("h3", {}, short(title ?? sign)), el("p", { class: "sure" }, `Confidence: ${short(confidence)}`)];
  if (evidence?.length > 0) parts.push(el("ul", {}, ...evidence.slice(0, 20).map(place)));
  if (advice) {
    const said = [advice.change, advice.effect].filter(Boolean).map((text) => short(text)).join(" ");
    parts.push(el("p", {}, el("strong", {}, "What to do: "), said || words(advice)));
    if (advice.command) parts.push(command(advice.command));
  }
  return el("article", { class: "finding", "data-confidence": String(confidence).toLowerCase() }, ...parts);
}

/** The tab. */
export function panel() {
  const place = by("findings");
  return async () => {
    const answer = await ask("/api/diagnosis");
    const found = answer.findings ?? [];
    if (changed(place, found)) {
      list(place, found.slice(0, 100), finding);
      if (found.length === 0) place.append(el("p", { class: "none" }, "Nothing to say yet: the rules need more requests."));
    }
    const law = answer.scalability;
    show(by("scalability"), Boolean(law));
    if (!law) return;
    const plain = Object.entries(law).filter(([, value]) => value === null || typeof value !== "object");
    terms(by("scalability-terms"), plain.slice(0, 40).map(([name, value]) => {
      return [name.replaceAll("_", " "), typeof value === "number" ? figure(value) : words(value)];
    }));
  };
}
