// The page: follows the views, shows each where it belongs, and asks only for what somebody looks at.
// It must not know how a panel shows it.

import { follow } from "./api.js";
import { Series, panel as charts } from "./charts.js";
import * as controls from "./controls.js";
import { panel as diagnosis } from "./diagnosis.js";
import { by, show, write } from "./dom.js";
import { panel as downloads } from "./downloads.js";
import { exceptions, failures } from "./failures.js";
import { attempt } from "./form.js";
import { panel as logs } from "./logs.js";
import { panel as past } from "./past.js";
import { panel as ratio } from "./ratio.js";
import { resources, workers } from "./resources.js";
import * as state from "./state.js";
import { panel as statistics } from "./statistics.js";
import * as tabs from "./tabs.js";
import * as theme from "./theme.js";
import { announce, onLink, onView, running } from "./topbar.js";
import { panel as truth } from "./truth.js";

const series = new Series();

/** What makes each panel, once somebody opens it, and how many seconds lie between two questions. */
const PANELS = {
  statistics: [statistics, 1],
  charts: [() => charts(series), 1],
  failures: [failures, 2],
  exceptions: [exceptions, 2],
  ratio: [ratio, 2],
  truth: [truth, 2],
  diagnosis: [diagnosis, 5],
  workers: [workers, 1],
  resources: [() => resources(series), 1],
  logs: [logs, 1],
  downloads: [downloads, 5],
  past: [past, 10],
};

const made = {};
let open = null;
let view = null;
let views = 0;
let busy = false;
let again = false;
let settled = "";

async function refresh() {
  if (open === null || view === null) return;
  if (busy) {
    again = true;
    return;
  }
  busy = true;
  do {
    again = false;
    const name = open;
    await attempt(async () => {
      made[name] ??= PANELS[name][0]();
      await made[name](view);
    });
  } while (again);
  busy = false;
}

function onOpen(name) {
  open = name;
  refresh();
}

function take(now) {
  const first = view === null;
  view = now;
  views += 1;
  onView(now);
  controls.onView(now);
  // After the last figures of a run nothing changes any more, but for what others write: logs and results.
  const sign = JSON.stringify([now.run_id, now.state, now.series_length, now.total?.requests, now.last_result]);
  const still = sign === settled && !running(now);
  settled = sign;
  const every = PANELS[open]?.[1] ?? 1;
  const due = still ? views % 10 === 0 : views % every === 0 || !running(now);
  // A second whose question is still under way is left out: the next view asks again.
  if (first || (due && !busy)) refresh();
  write(by("version"), now.version ?? "");
  show(by("loading"), false);
}

theme.start();
controls.start();
tabs.start(by("tabs"), onOpen);
state.watch(refresh);
follow({ onView: take, onNote: announce, onLink });
