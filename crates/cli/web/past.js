// The tab of past runs: open one, chart several in one graph, compare two. It must not know how runs are kept.

import { Refused, ask } from "./api.js";
import { Chart } from "./chart.js";
import { Board } from "./charts.js";
import { compare } from "./compare.js";
import { attribute, by, bytes, count, el, moment, short, show, words, write } from "./dom.js";
import { links } from "./downloads.js";
import * as state from "./state.js";
import { PagedTable } from "./table.js";
import { announce } from "./topbar.js";

const CHOSEN_MAX = 6;
const OPENED = [
  ["Requests per second", "", [["rps", "RPS"], ["failures_per_s", "Failures/s"]]],
  ["Response times", "ms", [["p50_ms", "p50"], ["p95_ms", "p95"], ["p99_ms", "p99"]]],
  ["Number of users", "", [["users", "Users"], ["in_flight", "In flight"]]],
];
const TOGETHER = [["p95 response time", "ms", "p95_ms"], ["Requests per second", "", "rps"], ["Number of users", "", "users"]];

const path = (name) => `/api/results/${encodeURIComponent(name)}`;
const names = (key) => state.get(key).split(",").filter(Boolean).slice(0, CHOSEN_MAX);
const started = (name) => /\d{8}_\d{6}/.exec(name)?.[0] ?? name;
const older = (a, b) => (started(a) < started(b) ? -1 : started(a) > started(b) ? 1 : 0);
const trusted = (row) => (row.valid === false ? "✕ not valid" : row.valid === true ? "✓ valid" : "–");

/** The tab. */
export function panel() {
  let shown = "";

  function choose(name, on) {
    const left = names("runs").filter((chosen) => chosen !== name);
    if (on && left.length >= CHOSEN_MAX) announce(`At most ${CHOSEN_MAX} runs fit into one graph.`);
    else state.set({ runs: (on ? [...left, name] : left).join(",") });
    choices();
    table.refresh();
  }

  function choices() {
    const chosen = names("runs");
    write(by("chosen"), chosen.length === 0 ? "Choose runs to chart or compare." : `${count(chosen.length)} chosen`);
    attribute(by("past-compare"), "disabled", chosen.length !== 2);
    attribute(by("past-chart"), "disabled", chosen.length === 0);
  }

  function chooser(cell, row) {
    let box = cell.querySelector("input");
    if (!box) {
      box = el("input", { type: "checkbox" });
      box.addEventListener("change", () => choose(box.dataset.run, box.checked));
      cell.replaceChildren(box);
    }
    box.dataset.run = row.name;
    box.checked = names("runs").includes(row.name);
    attribute(box, "aria-label", `choose ${short(row.name)}`);
  }

  function opener(cell, row) {
    let button = cell.querySelector("button");
    if (!button) {
      button = el("button", { type: "button", class: "link" });
      button.addEventListener("click", () => display({ open: button.dataset.run, show: "" }));
      cell.replaceChildren(button);
    }
    button.dataset.run = row.name;
    write(button, short(row.name));
  }

  const table = new PagedTable(by("past-runs"), {
    name: "past",
    caption: "Past runs, the newest first",
    columns: [
      { key: "choose", label: "Choose", node: chooser },
      { key: "name", label: "Run", node: opener, header: true },
      { key: "kind", label: "Kind", value: (row) => row.kind },
      { key: "started", label: "Started", value: (row) => row.started_unix_ms, text: moment },
      { key: "target", label: "Target", value: (row) => (row.simulated ? "simulated" : row.target) },
      { key: "users", label: "Users", number: true, value: (row) => row.users_max, text: count },
      { key: "verdict", label: "Verdict", value: (row) => words(row.verdict) },
      { key: "valid", label: "Trust", value: trusted },
      { key: "bytes", label: "Size", number: true, value: (row) => row.bytes, text: bytes },
    ],
    load: async ({ offset, limit }) => {
      const answer = await ask("/api/results", { offset, limit });
      return { count: answer.count ?? answer.runs.length, rows: answer.runs };
    },
    empty: "No run has been kept yet.",
  });

  function display(values) {
    state.set(values, { step: true });
    return render();
  }

  by("past-compare").addEventListener("click", () => display({ show: "compare", open: "" }));
  by("past-chart").addEventListener("click", () => display({ show: "chart", open: "" }));
  by("past-close").addEventListener("click", () => display({ show: "", open: "" }));

  async function render() {
    const [open, what, chosen] = [state.get("open"), state.get("show"), names("runs")];
    const wanted = JSON.stringify([open, what, what ? chosen : []]);
    if (wanted === shown) return;
    shown = wanted;
    const on = Boolean(open) || (what === "chart" && chosen.length > 0) || (what === "compare" && chosen.length === 2);
    show(by("past-shown"), on);
    if (!on) return;
    const place = by("past-place");
    place.replaceChildren(el("p", {}, "Reading…"));
    try {
      if (open) await opened(place, open);
      else if (what === "compare") await compared(place, chosen);
      else await together(place, chosen);
    } catch (error) {
      // What the server refused it refuses again; what was lost on the way is asked for once more.
      if (!(error instanceof Refused)) shown = "";
      place.replaceChildren(el("p", { class: "mistake" }, short([error.message, ...(error.mistakes ?? []).map(words)].join(" · "))));
    }
    by("past-title").focus();
  }

  async function opened(place, name) {
    write(by("past-title"), short(name));
    const [about, series] = await Promise.all([ask(path(name)), ask(`${path(name)}/series`)]);
    const [charts, files] = [el("div", { class: "charts" }), el("ul", { class: "files" })];
    const said = (about.words ?? []).slice(0, 50).map((text) => el("p", {}, words(text)));
    place.replaceChildren(...said, charts, el("h3", {}, "Files"), files);
    links(files, about.files ?? []);
    new Board(charts, OPENED).draw(series.points, series.per_point_s);
  }

  async function together(place, chosen) {
    write(by("past-title"), `${count(chosen.length)} runs in one graph`);
    const all = await Promise.all(chosen.map(async (name) => ({ name, ...(await ask(`${path(name)}/series`)) })));
    const charts = TOGETHER.map(([title, unit, field]) => {
      const chart = new Chart(title, unit);
      const series = all.map(({ name, points }) => {
        const from = points[0]?.at_s ?? 0;
        return { label: short(name), points: points.map((point) => [point.at_s - from, point[field]]) };
      });
      return [chart, series];
    });
    place.replaceChildren(el("div", { class: "charts" }, ...charts.map(([{ element }]) => element)));
    for (const [chart, series] of charts) chart.draw({ series });
  }

  async function compared(place, chosen) {
    const result = el("div");
    const graph = el("div");
    await Promise.all([together(graph, chosen), compare(result, ...[...chosen].sort(older))]);
    write(by("past-title"), "Two runs side by side");
    place.replaceChildren(result, graph);
  }

  return async () => {
    choices();
    await table.refresh();
    await render();
  };
}
