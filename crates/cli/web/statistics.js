// The tab of statistics: every entry with its outcomes apart, since the start or now. It must not know how a table is paged.

import { ask } from "./api.js";
import { bytes, by, count, figure } from "./dom.js";
import * as state from "./state.js";
import { PagedTable } from "./table.js";

const NAMED = [
  { key: "method", label: "Type", sort: "method", value: (row) => row.method },
  { key: "name", label: "Name", sort: "name", value: (row) => row.name || "Aggregated", wide: true, header: true },
  { key: "requests", label: "# Requests", sort: "requests", number: true, value: (row) => row.requests, text: count },
  { key: "successes", label: "# Successes", sort: "successes", number: true, value: (row) => row.successes, text: count },
  { key: "throttled", label: "# Throttled", sort: "throttled", number: true, value: (row) => row.throttled, text: count },
  { key: "failures", label: "# Fails", sort: "failures", number: true, value: (row) => row.failures, text: count },
];

const OF = { successes: (row) => row, throttled: (row) => row.throttled_times ?? {}, failures: (row) => row.failure_times ?? {} };

function times(pick, keys, sorted) {
  const labels = { p50: "Median (ms)", p95: "95%ile (ms)", p99: "99%ile (ms)", mean: "Average (ms)", min: "Min (ms)", max: "Max (ms)" };
  return keys.map((key) => ({
    key, label: labels[key], sort: sorted ? key : null, number: true, value: (row) => pick(row)[`${key}_ms`], text: figure,
  }));
}

function columns(span, outcome) {
  if (span === "now") {
    const now = (key, label) => ({ key: `now_${key}`, label, number: true, value: (row) => row.current?.[key], text: figure });
    return [...NAMED, now("rps", "Current RPS"), now("throttled_per_s", "Current Throttled/s"), now("failures_per_s", "Current Failures/s"),
      ...times((row) => row.current ?? {}, ["p50", "p95", "p99"], false)];
  }
  return [
    ...NAMED,
    ...times(OF[outcome], ["p50", "p95", "p99", "mean", "min", "max"], outcome === "successes"),
    { key: "size", label: "Average size", number: true, value: (row) => row.body_bytes_mean, text: bytes },
    { key: "rps", label: "RPS", sort: "rps", number: true, value: (row) => row.rps, text: figure },
    { key: "failures_per_s", label: "Failures/s", sort: "failures_per_s", number: true, value: (row) => row.failures_per_s, text: figure },
  ];
}

/** The tab. */
export function panel() {
  const [span, outcome] = [by("stats-span"), by("stats-outcome")];
  span.value = state.get("span", "start") === "now" ? "now" : "start";
  outcome.value = state.get("of", "successes") in OF ? state.get("of", "successes") : "successes";
  const table = new PagedTable(by("statistics"), {
    name: "stats",
    caption: "Statistics of every entry",
    columns: columns(span.value, outcome.value),
    load: (query) => ask("/api/statistics", query),
    search: true,
    order: ["name", "asc"],
    empty: "No request has been answered yet.",
  });
  const change = () => {
    outcome.disabled = span.value === "now";
    state.set({ span: span.value === "now" ? "now" : "", of: outcome.value === "successes" ? "" : outcome.value });
    table.setColumns(columns(span.value, outcome.value));
    return table.refresh();
  };
  outcome.disabled = span.value === "now";
  span.addEventListener("change", change);
  outcome.addEventListener("change", change);
  return () => table.refresh();
}
