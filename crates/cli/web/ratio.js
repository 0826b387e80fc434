// The tab of the current ratio: what each class and task was planned to take, beside what it took. It must not know the run.

import { ask } from "./api.js";
import { by, changed, el, share } from "./dom.js";
import { plain } from "./table.js";

const COLUMNS = [
  { label: "Class or task", header: true, wide: true, value: (row) => row.label },
  { label: "Planned", number: true, value: (row) => share(row.share) },
  { label: "Happened", number: true, value: (row) => share(row.happened) },
];

const row = ({ name, share: planned, happened }, label, kind) => ({ label: label ?? name, share: planned, happened, kind });

function rows(classes) {
  return classes.flatMap((of) => [
    row(of, of.name, "of-class"),
    ...(of.tasks ?? []).map((task) => row(task, `↳ ${task.name}`)),
  ]);
}

/** The tab. */
export function panel() {
  const [classes, total] = [by("ratio-classes"), by("ratio-total")];
  return async () => {
    const answer = await ask("/api/ratio");
    if (!changed(classes, answer)) return;
    const none = el("p", { class: "none" }, "No class is planned yet.");
    const per = rows(answer.per_class ?? []);
    if (per.length > 0) plain(classes, { caption: "Ratio per user class", columns: COLUMNS, rows: per });
    else classes.replaceChildren(none);
    const all = rows(answer.total ?? []);
    if (all.length > 0) plain(total, { caption: "Total ratio", columns: COLUMNS, rows: all });
    else total.replaceChildren();
  };
}
