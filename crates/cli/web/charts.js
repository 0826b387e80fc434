// The charts of the run: what came second by second, with the seconds that do not count and the marks of steps and edits.
// It must not know how a line is drawn.

import { ask } from "./api.js";
import { Chart } from "./chart.js";
import { by, count } from "./dom.js";

const POINTS_MAX = 4000;

/** Charts of a run: title, unit, and the fields of a point with their names. */
const DRAWN = [
  ["Requests per second", "", [["rps", "RPS"], ["throttled_per_s", "Throttled/s"], ["failures_per_s", "Failures/s"]]],
  ["Response times", "ms", [["p50_ms", "p50"], ["p95_ms", "p95"], ["p99_ms", "p99"]]],
  ["Number of users", "", [["users", "Users"], ["in_flight", "In flight"]]],
  ["Lateness of requests", "ms", [["late_ms_max", "latest in the second"]]],
];

/** Runs of seconds that are not valid, as `[from, to]`. */
export function shades(points, perPoint) {
  const found = [];
  for (const { at_s: at, valid } of points) {
    if (valid !== false) continue;
    const last = found.at(-1);
    if (last && at - last[1] < perPoint * 0.5) last[1] = at + perPoint;
    else found.push([at, at + perPoint]);
  }
  return found;
}

/** Where a step begins after the first. */
function steps(points) {
  const changes = points.filter(({ step }, at) => at > 0 && step !== points[at - 1].step);
  return changes.slice(0, 50).map(({ at_s: x, step }) => ({ x, label: `step ${step + 1}` }));
}

/** What has been of a run, second by second, fetched as it grows. */
export class Series {
  constructor() {
    this.forget();
  }

  forget() {
    this.points = [];
    this.perPoint = 1;
    this.length = 0;
    this.run = null;
  }

  /** Catches up with `view`; whether there is something new. */
  async follow(view) {
    if (view.run_id !== this.run || view.series_length < this.length) this.forget();
    if (this.run === view.run_id && view.series_length === this.length) return false;
    this.run = view.run_id;
    let answer = await ask("/api/series", { since: this.length });
    if (answer.per_point_s !== this.perPoint || answer.from !== this.length) {
      answer = answer.from === 0 ? answer : await ask("/api/series", { since: 0 });
      this.points = [];
      this.perPoint = answer.per_point_s;
    }
    this.points = this.points.concat(answer.points).slice(-POINTS_MAX);
    this.length = answer.from + answer.points.length;
    return true;
  }
}

/** Charts of the fields named in `drawn`, in `place`. */
export class Board {
  constructor(place, drawn) {
    this.drawn = drawn;
    this.charts = drawn.map(([title, unit]) => new Chart(title, unit));
    place.replaceChildren(...this.charts.map(({ element }) => element));
  }

  draw(points, perPoint, marks = []) {
    const dark = shades(points, perPoint);
    const invalid = points.filter(({ valid }) => valid === false).length;
    const note = invalid > 0 ? `Shaded: ${count(invalid * perPoint)} s in which the run was not valid.` : "";
    this.drawn.forEach(([, , lines], at) => {
      const series = lines.map(([field, label]) => ({ label, points: points.map((point) => [point.at_s, point[field]]) }));
      this.charts[at].draw({ series, shades: dark, marks, note });
    });
  }
}

/** The tab of charts. */
export function panel(series) {
  const board = new Board(by("charts"), DRAWN);
  return async (view) => {
    if (view.series_length > 0 || series.length > 0) await series.follow(view);
    const edits = (view.edits ?? []).slice(-20).map(({ at_s: x, users }) => ({ x, label: `${count(users)} users` }));
    board.draw(series.points, series.perPoint, [...steps(series.points), ...edits]);
  };
}
