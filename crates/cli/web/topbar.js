// What is always in view: who is driven, how it goes, and whether the numbers can be trusted.
// It must not know the tabs.

import { attribute, by, changed, count, duration, el, figure, list, share, short, show, words, write } from "./dom.js";

let link = "lost";
let before = {};

/** Says it to a screen reader, once. */
export function announce(text) {
  const said = by("announcer");
  said.textContent = "";
  said.textContent = short(text);
}

/** How the stream of views fares: `live`, `lost` or `paused`. */
export function onLink(now) {
  if (now === link) return;
  const again = now === "live" && before.state !== undefined && link === "lost";
  link = now;
  attribute(document.documentElement, "data-link", now);
  const text = { live: "live", lost: "connection lost, trying again", paused: "paused while nobody looks" }[now];
  write(by("link"), text);
  if (now === "lost" && before.state !== undefined) announce("The connection is lost; the page tries again by itself.");
  if (again) announce("Connected again.");
}

/** Shows a view. */
export function onView(view) {
  const total = view.total ?? {};
  const current = total.current ?? {};
  write(by("top-host"), short(view.host || "none yet"));
  write(by("top-state"), view.state.toUpperCase());
  attribute(document.documentElement, "data-state", view.state);
  write(by("top-users"), count(view.users));
  write(by("top-flight"), count(view.in_flight));
  write(by("top-rps"), figure(running(view) ? current.rps : total.rps));
  write(by("top-failures"), failures(total));
  write(by("top-time"), time(view.step));
  document.title = `${view.state} · ${count(view.users)} users · weaver-bench`;
  trust(view);
  steps(view);
  tellChanges(view);
  before = { state: view.state, valid: view.validity?.valid, step: view.step?.index, run: view.run_id };
}

/** Whether a run is on. */
export function running(view) {
  return ["spawning", "running", "stopping", "cooling"].includes(view.state);
}

function failures(total) {
  if (!(total.requests > 0)) return "–";
  return `${share(total.failures / total.requests)}`;
}

function time(step) {
  if (!step || step.elapsed_s === null || step.elapsed_s === undefined) return "–";
  return step.run_time_s ? `${duration(step.elapsed_s)} of ${duration(step.run_time_s)}` : duration(step.elapsed_s);
}

/** The banner's class, mark, headline and remarks. */
export function judged(view) {
  const validity = view.validity ?? { valid: true, reasons: [], warnings: [] };
  const reasons = (validity.reasons ?? []).map(words);
  const warnings = (validity.warnings ?? []).map(words);
  const requests = view.total?.requests ?? 0;
  if (!validity.valid) return ["bad", "✕", "Do not trust these numbers", [...reasons, ...warnings]];
  if (requests === 0) return ["idle", "○", "No numbers yet", warnings];
  const so = running(view) ? " so far" : "";
  if (warnings.length > 0) return ["care", "!", `These numbers can be trusted${so}, with care`, warnings];
  return ["good", "✓", `These numbers can be trusted${so}`, []];
}

function trust(view) {
  const [kind, mark, headline, remarks] = judged(view);
  attribute(by("trust"), "data-kind", kind);
  write(by("trust-mark"), mark);
  write(by("trust-words"), headline);
  const { judgement, words: said } = view.verdict ?? {};
  const verdict = view.total?.requests > 0 && judgement ? [judgement, said].filter(Boolean).join(": ") : "";
  attribute(by("verdict"), "data-judgement", verdict ? judgement : null);
  write(by("verdict"), verdict ? `Verdict: ${short(verdict)}` : "");
  const late = view.lateness;
  const sent = late && typeof late.p99_ms === "number" ? `Requests leave ${figure(late.p99_ms)} ms late at p99` : "";
  const dropped = view.dropped_views > 0 ? `${count(view.dropped_views)} views were dropped for slow readers` : "";
  write(by("trust-late"), [sent, dropped].filter(Boolean).join(" · "));
  const place = by("trust-remarks");
  show(place.parentElement, remarks.length > 0);
  write(by("trust-count"), remarks.length === 1 ? "1 remark" : `${count(remarks.length)} remarks`);
  if (changed(place, remarks)) list(place, remarks.slice(0, 50), (text) => el("li", {}, text));
}

function steps(view) {
  const several = view.kind === "baseline" && view.step && view.step.count > 1;
  show(by("progress"), Boolean(several));
  if (!several) return;
  const { index, count: all, name, elapsed_s: elapsed, run_time_s: whole } = view.step;
  const within = whole > 0 ? Math.min(1, (elapsed ?? 0) / whole) : 0;
  const bar = by("progress-bar");
  attribute(bar, "max", all);
  attribute(bar, "value", (running(view) ? index + within : view.state === "stopped" ? all : index).toFixed(3));
  write(by("progress-words"), `Baseline: step ${count(index + 1)} of ${count(all)}, ${short(name)}`);
}

// Only what a person would want to hear: not the figures of each second.
function tellChanges(view) {
  if (before.state === undefined) return;
  const news = [];
  if (view.state !== before.state) news.push(`The run is ${view.state}.`);
  if (view.step?.index !== before.step && view.kind === "baseline") news.push(`Step ${short(view.step?.name)}.`);
  const valid = view.validity?.valid;
  if (valid !== before.valid && view.run_id === before.run && valid === false) news.push("These numbers cannot be trusted any more.");
  if (news.length > 0) announce(news.join(" "));
}
