// The tab of truth: what was measured beside what the target says it truly did. It must not know how either came about.

import { ask } from "./api.js";
import { by, changed, count, ms, share, show, terms, words, write } from "./dom.js";
import { plain } from "./table.js";

const QUANTILES = ["p50", "p95", "p99"];

const COLUMNS = [
  { label: "Name", header: true, wide: true, value: (row) => row.name },
  { label: "Measured", number: true, value: (row) => count(row.measured_count) },
  { label: "True", number: true, value: (row) => count(row.true_count) },
  ...QUANTILES.flatMap((at) => [
    { label: `Measured ${at}`, number: true, value: (row) => ms(row[`measured_${at}_ms`]) },
    { label: `True ${at}`, number: true, value: (row) => ms(row[`true_${at}_ms`]) },
    { label: `Error ${at}`, number: true, value: (row) => ms(row[`error_${at}_ms`]) },
  ]),
];

/** The tab. */
export function panel() {
  const place = by("truth-rows");
  return async (view) => {
    const answer = await ask("/api/truth");
    write(by("truth-words"), answer.available ? balance(answer) : words(answer.why) || "The target keeps no ledger.");
    show(by("truth-found"), answer.available);
    if (!answer.available) return;
    const late = view.lateness ?? {};
    terms(by("truth-ledger"), [
      ...Object.entries(answer.ledger ?? {}).slice(0, 40).map(([name, value]) => [said(name), count(value)]),
      ["joined with a sample", count(answer.joined)],
      ["not joined", count(answer.unjoined)],
      ["sent late by, p50", ms(late.p50_ms)],
      ["sent late by, p99", ms(late.p99_ms)],
      ["sent late by, most", ms(late.max_ms)],
      ["share sent late", share(late.late_share)],
    ]);
    if (changed(place, answer.rows)) {
      plain(place, { caption: "Measured against true", columns: COLUMNS, rows: answer.rows ?? [] });
    }
  };
}

const said = (name) => name.replaceAll("_", " ");

function balance({ ledger }) {
  const { received, answered, refused, abandoned, in_flight: flight } = ledger ?? {};
  if (typeof received !== "number") return "The target keeps a ledger.";
  const whole = (answered ?? 0) + (refused ?? 0) + (abandoned ?? 0) + (flight ?? 0);
  const sum = `${count(answered)} answered + ${count(refused)} refused + ${count(abandoned)} abandoned + ${count(flight)} in flight`;
  return whole === received ? `The ledger adds up: ${count(received)} received = ${sum}.` : `The ledger does not add up: ${count(received)} received ≠ ${sum}.`;
}
