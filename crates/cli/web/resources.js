// The tabs of workers and resources: what the load generator itself costs, and the target where it tells.
// It must not know how they are measured.

import { ask } from "./api.js";
import { Board } from "./charts.js";
import { by, bytes, changed, count, el, figure, ms, share, show, terms } from "./dom.js";
import { plain } from "./table.js";

const WORKERS = [
  { label: "Worker", header: true, value: (row) => row.id },
  { label: "Where", value: (row) => (row.host ? `${row.host}, process ${row.pid}` : "a thread of this process, memory shared") },
  { label: "State", value: (row) => [row.state, row.words].filter(Boolean).join(": ") },
  { label: "# users", number: true, value: (row) => count(row.users) },
  { label: "CPU", number: true, value: (row) => share(row.cpu_share) },
  { label: "Memory", number: true, value: (row) => bytes(row.memory_bytes) },
  { label: "Late p99", number: true, value: (row) => ms(row.late_p99_ms) },
];

/** The tab of workers. */
export function workers() {
  const place = by("workers");
  return async () => {
    const rows = (await ask("/api/workers")).workers ?? [];
    if (!changed(place, rows)) return;
    if (rows.length > 0) plain(place, { caption: "Workers", columns: WORKERS, rows });
    else place.replaceChildren(el("p", { class: "none" }, "No worker is at work."));
  };
}

function used(node, of) {
  show(node, Boolean(of));
  if (!of) return;
  const pairs = [["CPU", share(of.cpu_share)], ["Memory", bytes(of.memory_bytes)]];
  for (const thread of (of.threads ?? []).slice(0, 64)) {
    if (thread && typeof thread === "object") pairs.push([`CPU of ${thread.name ?? thread.id}`, share(thread.cpu_share)]);
    else pairs.push(["CPU of a thread", typeof thread === "number" ? share(thread) : figure(null)]);
  }
  terms(node, pairs);
}

/** The tab of resources. */
export function resources(series) {
  const board = new Board(by("resource-charts"), [
    ["CPU", "% of one core", [["generator", "Load generator"], ["target", "Target"]]],
  ]);
  const percent = (value) => (typeof value === "number" ? value * 100 : null);
  return async (view) => {
    used(by("generator"), view.generator);
    used(by("target"), view.target);
    show(by("no-target"), !view.target);
    if (view.series_length > 0 || series.length > 0) await series.follow(view);
    const points = series.points.map((point) => {
      return { ...point, generator: percent(point.generator_cpu_share), target: percent(point.target_cpu_share) };
    });
    board.draw(points, series.perPoint);
  };
}
