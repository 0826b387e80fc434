// Two runs side by side: what the comparison decided, step by step and figure by figure. It must not know how it decides.

import { ask } from "./api.js";
import { count, el, figure, short } from "./dom.js";
import { plain } from "./table.js";

const FIGURES = { p50: "Median (ms)", p95: "95%ile (ms)", p99: "99%ile (ms)", mean: "Average (ms)", rps: "Requests/s", failure_ratio: "Failed (%)" };

const value = (cell, side) => {
  const known = cell[side];
  if (typeof known !== "number") return figure(null);
  return figure(cell.figure === "failure_ratio" ? known * 100 : known);
};

const signed = (share) => `${share > 0 ? "+" : ""}${figure(share * 100)} %`;

function change({ a, b, figure: of }) {
  if (typeof a !== "number" || typeof b !== "number") return figure(null);
  if (of === "failure_ratio") return `${signed(b - a)} (points)`;
  return a === 0 ? figure(null) : signed(b / a - 1);
}

function estimate(time) {
  if (!time) return "cannot tell";
  return `${signed(time.change)}, between ${signed(time.low)} and ${signed(time.high)}`;
}

/** The comparison of `a` and `b` in `place`. */
export async function compare(place, a, b) {
  const answer = await ask("/api/compare", { a, b });
  if (answer.refused) {
    const reasons = answer.refused.slice(0, 50).map((reason) => el("li", {}, short(reason)));
    place.replaceChildren(el("h3", {}, "These two were not measured in the same way"), el("ul", {}, ...reasons));
    return;
  }
  const verdict = String(answer.decision?.verdict ?? "cannot tell").replaceAll("_", " ");
  const [steps, cells] = [el("div"), el("div")];
  plain(steps, {
    caption: "Typical time in each step",
    columns: [
      { label: "Step", header: true, value: (row) => row.step },
      { label: "Answers in A", number: true, value: (row) => count(row.requests?.[0]) },
      { label: "Answers in B", number: true, value: (row) => count(row.requests?.[1]) },
      { label: "Change from A to B", value: (row) => estimate(row.time) },
    ],
    rows: answer.steps ?? [],
  });
  plain(cells, {
    caption: "Every figure, A beside B",
    columns: [
      { label: "Step", value: (row) => row.step },
      { label: "Name", header: true, wide: true, value: (row) => [row.method, row.name || "Aggregated"].filter(Boolean).join(" ") },
      { label: "Figure", value: (row) => FIGURES[row.figure] ?? row.figure },
      { label: "A", number: true, value: (row) => value(row, "a") },
      { label: "B", number: true, value: (row) => value(row, "b") },
      { label: "Change", number: true, value: change },
    ],
    rows: answer.cells ?? [],
  });
  place.replaceChildren(
    el("h3", {}, `B is ${verdict === "cannot tell" ? "neither better nor worse for certain" : verdict} ${verdict === "same" ? "as" : verdict === "cannot tell" ? "beside" : "than"} A`),
    el("p", {}, el("b", {}, "A: "), short(answer.a?.name ?? a), el("br"), el("b", {}, "B: "), short(answer.b?.name ?? b)),
    el("p", {}, short(answer.decision?.why ?? "")), steps, cells);
}
