// The one door to the server: questions, commands, and the stream of views. It must not know the page.

const TIMEOUT_MS = 15_000;
const SILENCE_MS = 6_000;
const RETRY_MS_MAX = 8_000;

/** What the server refused, with the mistakes it named. */
export class Refused extends Error {
  constructor(message, mistakes) {
    super(message);
    this.mistakes = mistakes;
  }
}

/** The JSON at `path`, with `query` behind it. */
export async function ask(path, query = {}) {
  const said = Object.entries(query).filter(([, value]) => value !== "" && value !== null && value !== undefined);
  const text = new URLSearchParams(said.map(([key, value]) => [key, String(value)])).toString();
  const answer = await fetch(text ? `${path}?${text}` : path, {
    headers: { accept: "application/json" },
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  if (answer.status === 401) location.reload();
  const body = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Refused(body.message ?? `${path} answers ${answer.status}`, body.mistakes ?? []);
  return body;
}

/** Sends a command; what the server refuses is thrown as `Refused`. */
export async function command(path, body = {}) {
  const answer = await fetch(path, {
    method: "POST",
    headers: { "content-type": "application/json", accept: "application/json" },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  const said = await answer.json().catch(() => ({}));
  if (!answer.ok || said.success === false) {
    throw new Refused(said.message ?? `${path} answers ${answer.status}`, said.mistakes ?? []);
  }
  return said;
}

/**
 * Follows the views. `onView` gets each, `onNote` short announcements, `onLink` one of `live`, `lost`, `paused`.
 * A page that nobody looks at takes none; it comes back by itself after every kind of loss.
 */
export function follow({ onView, onNote, onLink }) {
  let source = null;
  let heard = 0;
  let tries = 0;
  let timer = 0;

  function drop() {
    clearTimeout(timer);
    source?.close();
    source = null;
  }

  function lose() {
    onLink("lost");
    drop();
    const wait = Math.min(RETRY_MS_MAX, 500 * 2 ** tries);
    tries += 1;
    timer = setTimeout(open, wait);
  }

  function watchSilence() {
    timer = setTimeout(() => (performance.now() - heard > SILENCE_MS ? lose() : watchSilence()), 1000);
  }

  function open() {
    drop();
    heard = performance.now();
    source = new EventSource("/api/events");
    source.addEventListener("view", (event) => {
      heard = performance.now();
      tries = 0;
      onLink("live");
      onView(JSON.parse(event.data));
    });
    source.addEventListener("note", (event) => {
      heard = performance.now();
      onNote(JSON.parse(event.data).text);
    });
    source.addEventListener("error", lose);
    watchSilence();
  }

  document.addEventListener("visibilitychange", () => {
    if (document.hidden) {
      drop();
      onLink("paused");
    } else {
      open();
    }
  });
  addEventListener("pagehide", drop);
  addEventListener("pageshow", (event) => event.persisted && open());
  if (document.hidden) onLink("paused");
  else open();
}
