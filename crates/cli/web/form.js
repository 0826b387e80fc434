// A form whose mistakes stand beside their fields, all at once, and are said once. It must not know what it starts.

import { Refused } from "./api.js";
import { attribute, by, el, short, show, words, write } from "./dom.js";

/** Shows mistakes of `{field, problem, remedy}` beside the fields of that name; the others go above the form. */
export function showMistakes(form, message, mistakes) {
  clearMistakes(form);
  const homeless = [];
  let first = null;
  for (const mistake of mistakes.slice(0, 50)) {
    const field = form.elements.namedItem(mistake.field);
    const text = [mistake.problem, mistake.remedy].filter(Boolean).map((part) => short(part)).join("; ");
    if (!field || field instanceof RadioNodeList) {
      homeless.push([mistake.field, text].filter(Boolean).map((part) => short(part)).join(": "));
      continue;
    }
    const id = `${field.id}-mistake`;
    field.after(el("p", { class: "mistake", id }, text));
    attribute(field, "aria-invalid", "true");
    attribute(field, "aria-describedby", [field.dataset.help, id].filter(Boolean).join(" "));
    first ??= field;
  }
  const summary = form.querySelector(".mistakes");
  const said = homeless.length > 0 ? homeless.join(" · ") : "";
  const many = mistakes.length > 1 ? `${mistakes.length} mistakes. ` : "";
  write(summary, `${many}${short(message)}${said && said !== message ? ` ${said}` : ""}`);
  show(summary, true);
  first?.closest("details")?.setAttribute("open", "");
  first?.focus();
}

/** Takes all of them away. */
export function clearMistakes(form) {
  for (const said of form.querySelectorAll(".mistake")) said.remove();
  for (const field of form.elements) {
    attribute(field, "aria-invalid", null);
    attribute(field, "aria-describedby", field.dataset.help);
  }
  const summary = form.querySelector(".mistakes");
  write(summary, "");
  show(summary, false);
}

/** On submit asks `send` with the form; shows what it refuses. The button does nothing while it waits. */
export function onSubmit(form, send) {
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (form.dataset.busy) return;
    form.dataset.busy = "yes";
    try {
      clearMistakes(form);
      await send();
    } catch (error) {
      showMistakes(form, error instanceof Error ? error.message : words(error), error.mistakes ?? []);
    } finally {
      delete form.dataset.busy;
    }
  });
}

/** The number in a field; what is none is a mistake in `mistakes`. An empty one that may be empty is `null`. */
export function number(form, name, mistakes, { empty = false, what = "a number" } = {}) {
  const text = form.elements.namedItem(name).value.trim();
  if (text === "" && empty) return null;
  const value = Number(text);
  if (text !== "" && Number.isFinite(value) && value >= 0) return value;
  const problem = text === "" ? "is empty" : `\`${short(text)}\` is not ${what}`;
  mistakes.push({ field: name, problem, remedy: `write ${what}` });
  return null;
}

/** Throws what is wrong, if anything is. */
export function refuse(mistakes) {
  if (mistakes.length > 0) throw new Refused("The form has a mistake.", mistakes);
}

/** Tries `action`; what the server refuses is said in the line for troubles. */
export async function attempt(action) {
  const line = by("trouble");
  try {
    await action();
    show(line, false);
    write(line, "");
  } catch (error) {
    const said = [error.message, ...(error.mistakes ?? []).map(words)].filter(Boolean).join(" · ");
    write(line, short(said));
    show(line, true);
  }
}
