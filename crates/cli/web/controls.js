// Start, New, Edit, Stop, Reset and the baseline. It must not know the tabs.

import { ask, command } from "./api.js";
import { attribute, by, changed, el, list, short, show, write } from "./dom.js";
import { attempt, clearMistakes, number, onSubmit, refuse } from "./form.js";
import { announce, running } from "./topbar.js";

let wanted = false;
let latest = null;
let defaults = null;

/** Wires the buttons and the forms. */
export function start() {
  const form = by("start-form");
  onSubmit(form, async () => {
    await command("/api/start", order(form));
    close("Started.");
  });
  onSubmit(by("baseline-form"), async () => {
    await command("/api/baseline", { quick: by("baseline-quick").checked });
    close("The baseline has started.");
  });
  onSubmit(by("edit-form"), edit);
  by("edit-cancel").addEventListener("click", () => by("edit-dialog").close());
  by("new").addEventListener("click", () => {
    wanted = true;
    arrange();
    by("user_count").focus();
    // The target may be another than when the page was loaded.
    attempt(async () => profiles(await ask("/api/form")));
  });
  by("start-close").addEventListener("click", () => {
    wanted = false;
    arrange();
    by("new").focus();
  });
  by("edit").addEventListener("click", openEdit);
  by("stop").addEventListener("click", () => attempt(() => command("/api/stop")));
  by("reset").addEventListener("click", () => attempt(async () => {
    await command("/api/reset");
    announce("The statistics were reset.");
  }));
  for (const field of document.querySelectorAll("[aria-describedby]")) field.dataset.help = field.getAttribute("aria-describedby");
  by("arrivals_process").addEventListener("change", openOrClosed);
  openOrClosed();
  load();
}

function openOrClosed() {
  show(by("arrivals-more"), by("arrivals_process").value !== "");
}

async function load() {
  await attempt(async () => {
    defaults = await ask("/api/form");
    const put = (id, value) => {
      if (value !== null && value !== undefined && by(id).value === "") by(id).value = String(value);
    };
    put("user_count", defaults.user_count ?? 1);
    put("spawn_rate", defaults.spawn_rate ?? 1);
    put("host", defaults.host ?? "");
    put("run_time", defaults.run_time ?? "");
    classes(defaults.classes ?? []);
    profiles(defaults);
    list(by("suite"), (defaults.suite?.steps ?? []).slice(0, 50), (step) => {
      const parts = typeof step === "object" ? [step.name, step.users && `${step.users} ${step.users === 1 ? "user" : "users"}`, step.run_time] : [step];
      return el("li", {}, parts.filter(Boolean).map((part) => short(part)).join(", "));
    });
    show(by("baseline-form"), (defaults.suite?.steps ?? []).length > 0);
  });
}

/** Offers the profiles that the target knows; what was chosen stays so while it is there. */
function profiles({ stub, stub_profiles: known }) {
  const names = (known ?? []).map((profile) => (typeof profile === "object" ? profile.name : profile));
  const field = by("stub_profile");
  const chosen = names.includes(field.value) ? field.value : "";
  const choices = names.map((name) => el("option", { value: name }, short(name)));
  field.replaceChildren(el("option", { value: "" }, "as it is"), ...choices);
  field.value = chosen;
  show(by("stub-row"), Boolean(stub) && names.length > 0);
}

function classes(all) {
  const place = by("classes");
  show(place, all.length > 0);
  const rows = all.slice(0, 200).map(({ name, weight, tags }, at) => {
    const check = el("input", { type: "checkbox", id: `class-${at}`, name: `class.${name}`, checked: true });
    const field = el("input", { type: "text", inputmode: "decimal", id: `weight-${at}`, name: `weight.${at}`, value: weight, "aria-label": `weight of ${short(name)}` });
    const said = tags?.length > 0 ? el("span", { class: "tags" }, short(tags.join(", "))) : null;
    return el("div", { class: "class" }, check, el("label", { for: `class-${at}` }, short(name)), field, said);
  });
  by("class-rows").replaceChildren(...rows);
  if (defaults.class_picker) by("advanced").open = true;
}

function chosen(form, mistakes) {
  const all = (defaults?.classes ?? []).slice(0, 200);
  const taken = all.map(({ name }, at) => {
    if (!by(`class-${at}`).checked) return null;
    return { name, weight: number(form, `weight.${at}`, mistakes) };
  }).filter(Boolean);
  if (all.length > 0 && taken.length === 0) mistakes.push({ field: "class-0", problem: "no class is chosen", remedy: "choose one" });
  return taken;
}

function order(form) {
  const mistakes = [];
  const text = (name) => form.elements.namedItem(name).value.trim();
  const process = text("arrivals_process");
  const said = {
    user_count: number(form, "user_count", mistakes, { what: "a whole number" }),
    spawn_rate: number(form, "spawn_rate", mistakes),
    host: text("host"),
    run_time: text("run_time") || null,
    classes: chosen(form, mistakes),
    arrivals: process === "" ? null : {
      process,
      rate: number(form, "arrivals.rate", mistakes),
      in_flight_max: number(form, "arrivals.in_flight_max", mistakes, { empty: true, what: "a whole number" }),
    },
    stages: text("stages") || null,
    stub_profile: by("stub-row").hidden || text("stub_profile") === "" ? null : { name: text("stub_profile") },
  };
  if (said.host === "") mistakes.push({ field: "host", problem: "is empty", remedy: "write where the target listens, as http://127.0.0.1:8000" });
  refuse(mistakes);
  return said;
}

function openEdit() {
  const step = latest?.step ?? {};
  const last = latest?.edits?.at(-1) ?? {};
  clearMistakes(by("edit-form"));
  by("edit_user_count").value = String(last.users ?? step.users_target ?? latest?.users ?? "");
  by("edit_spawn_rate").value = String(last.spawn_rate ?? step.spawn_rate ?? 1);
  by("edit-dialog").showModal();
}

async function edit() {
  const form = by("edit-form");
  const mistakes = [];
  const said = {
    user_count: number(form, "user_count", mistakes, { what: "a whole number" }),
    spawn_rate: number(form, "spawn_rate", mistakes),
  };
  refuse(mistakes);
  await command("/api/edit", said);
  by("edit-dialog").close();
  announce(`Going to ${said.user_count} users, ${said.spawn_rate} a second.`);
}

function close(text) {
  wanted = false;
  announce(text);
  // Where the button was there is soon nothing: the focus goes to what shows how it goes.
  by("main").focus();
  arrange();
}

function arrange() {
  const state = latest?.state ?? "ready";
  const on = latest !== null && running(latest);
  show(by("start"), state === "ready" || (wanted && !on));
  show(by("start-close"), state !== "ready");
  show(by("new"), state === "stopped" && !wanted);
  show(by("edit"), state === "spawning" || state === "running");
  show(by("stop"), on);
  show(by("reset"), state !== "ready");
  write(by("stop"), state === "stopping" ? "Stop now" : "Stop");
  attribute(by("edit"), "disabled", latest?.kind === "baseline");
}

/** Shows the buttons that the state allows. */
export function onView(view) {
  if (latest?.state !== view.state && running(view)) wanted = false;
  if (by("edit-dialog").open && !running(view)) by("edit-dialog").close();
  latest = view;
  arrange();
  const place = by("edits");
  if (!changed(place, view.edits ?? [])) return;
  const said = (view.edits ?? []).slice(-20);
  list(place, said, ({ at_s: at, users, spawn_rate: rate }) => el("li", {}, `at ${Math.round(at)} s: ${users} users, ${rate} a second`));
  show(place.parentElement, said.length > 0);
}
