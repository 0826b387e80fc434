// The tab of logs: the newest lines of the process, bounded. It must not know what they say.

import { ask } from "./api.js";
import { attribute, by, count, el, moment, short, show, write } from "./dom.js";

const LINES_MAX = 1000;
const WORSE = ["trace", "debug", "info", "warn", "error"];

/** The tab. */
export function panel() {
  const [place, level, follow] = [by("log-lines"), by("log-level"), by("log-follow")];
  let next = 0;
  let dropped = 0;

  function filter() {
    attribute(place, "data-level", level.value);
  }

  function line({ at_unix_ms: at, level: of, text }) {
    const kind = String(of).toLowerCase();
    return el("li", { "data-level": WORSE.includes(kind) ? kind : "info" },
      el("time", {}, moment(at)), " ", el("b", {}, short(of)), " ", short(text));
  }

  level.addEventListener("change", filter);
  filter();
  return async () => {
    const answer = await ask("/api/logs", { since: next });
    if (answer.next < next) place.replaceChildren();
    next = answer.next;
    dropped += answer.dropped ?? 0;
    place.append(...(answer.lines ?? []).slice(-LINES_MAX).map(line));
    while (place.childElementCount > LINES_MAX) {
      place.firstElementChild.remove();
      dropped += 1;
    }
    show(by("log-none"), place.childElementCount === 0);
    show(by("log-dropped"), dropped > 0);
    write(by("log-dropped"), `${count(dropped)} older lines are not shown.`);
    if (follow.checked && answer.lines?.length > 0) place.scrollTop = place.scrollHeight;
  };
}
