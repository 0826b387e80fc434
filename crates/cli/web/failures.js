// The tabs of failures and exceptions. It must not know how a table is paged.

import { ask } from "./api.js";
import { by, count, moment } from "./dom.js";
import { PagedTable } from "./table.js";

const seen = [
  { key: "first", label: "First seen", value: (row) => row.first_seen_unix_ms, text: moment },
  { key: "last", label: "Last seen", value: (row) => row.last_seen_unix_ms, text: moment },
];

/** The tab of failures. */
export function failures() {
  const table = new PagedTable(by("failures"), {
    name: "failures",
    caption: "Failures",
    columns: [
      { key: "occurrences", label: "# Failures", number: true, value: (row) => row.occurrences, text: count },
      { key: "method", label: "Method", value: (row) => row.method },
      { key: "name", label: "Name", wide: true, value: (row) => row.name },
      { key: "error", label: "Message", wide: true, header: true, value: (row) => row.error },
      ...seen,
    ],
    load: ({ offset, limit }) => ask("/api/failures", { offset, limit }),
    empty: "No request has failed.",
  });
  return () => table.refresh();
}

/** The tab of exceptions. */
export function exceptions() {
  const table = new PagedTable(by("exceptions"), {
    name: "exceptions",
    caption: "Exceptions of the load generator",
    columns: [
      { key: "count", label: "# Occurrences", number: true, value: (row) => row.occurrences ?? row.count, text: count },
      { key: "message", label: "Message", wide: true, header: true, value: (row) => row.message ?? row.error },
      { key: "traceback", label: "Where", wide: true, value: (row) => row.traceback ?? row.name ?? "" },
      ...seen,
    ],
    load: ({ offset, limit }) => ask("/api/exceptions", { offset, limit }),
    empty: "There was no exception.",
  });
  return () => table.refresh();
}
