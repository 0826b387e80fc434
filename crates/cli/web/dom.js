// Elements and words for figures. Text goes in as text only: nothing here or elsewhere parses data as HTML.
// It must not know the server.

const SVG = "http://www.w3.org/2000/svg";
const TEXT_MAX = 300;

/** The element with this id; a page without it is a mistake of ours. */
export function by(id) {
  const found = document.getElementById(id);
  if (!found) throw new Error(`the page has no #${id}`);
  return found;
}

/** An element with attributes (`on` holds listeners, `false` and `null` leave one out) and children. */
export function el(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

/** The same in SVG. */
export function svg(tag, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

function fill(node, { on = {}, ...attributes }, children) {
  for (const [name, value] of Object.entries(attributes)) attribute(node, name, value);
  for (const [name, listener] of Object.entries(on)) node.addEventListener(name, listener);
  node.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== ""));
  return node;
}

/** Sets, or with `null` and `false` takes away; does nothing when it is so already. */
export function attribute(node, name, value) {
  if (value === null || value === undefined || value === false) {
    if (node.hasAttribute(name)) node.removeAttribute(name);
    return;
  }
  const text = value === true ? "" : String(value);
  if (node.getAttribute(name) !== text) node.setAttribute(name, text);
}

/** Writes only what changed, so that a second without news costs no layout. */
export function write(node, text) {
  const wanted = String(text);
  if (node.textContent !== wanted) node.textContent = wanted;
}

/** Shows or hides. */
export function show(node, shown) {
  if (node.hidden === shown) node.hidden = !shown;
}

/** At most 300 characters of a text whose length somebody else chose. */
export function short(text) {
  const whole = text === null || text === undefined ? "" : String(text);
  if (whole.length <= TEXT_MAX) return whole;
  return `${whole.slice(0, TEXT_MAX)}… (${count(whole.length)} characters)`;
}

const NONE = "–";
const formats = [0, 1, 2, 3].map((digits) => {
  return new Intl.NumberFormat("en", { minimumFractionDigits: digits, maximumFractionDigits: digits });
});
const wholes = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });

const known = (value) => typeof value === "number" && Number.isFinite(value);

/** A whole number. */
export function count(value) {
  return known(value) ? wholes.format(value) : NONE;
}

/** A figure with about three digits that mean something. */
export function figure(value) {
  if (!known(value)) return NONE;
  const size = Math.abs(value);
  if (size === 0) return "0";
  return formats[size < 1 ? 3 : size < 10 ? 2 : size < 100 ? 1 : 0].format(value);
}

/** Milliseconds, with the unit. */
export function ms(value) {
  if (!known(value)) return NONE;
  return value >= 10_000 ? `${figure(value / 1000)} s` : `${figure(value)} ms`;
}

/** A share of one as per cent. */
export function share(value) {
  return known(value) ? `${figure(value * 100)} %` : NONE;
}

/** Bytes with a unit that suits them. */
export function bytes(value) {
  if (!known(value)) return NONE;
  const units = ["B", "kB", "MB", "GB"];
  let [left, unit] = [value, 0];
  while (left >= 1000 && unit < units.length - 1) [left, unit] = [left / 1000, unit + 1];
  return `${unit === 0 ? count(left) : figure(left)} ${units[unit]}`;
}

/** Seconds as a run time is written: `1h30m`, `45s`. */
export function duration(seconds) {
  if (!known(seconds)) return NONE;
  const whole = Math.floor(seconds);
  const parts = [[Math.floor(whole / 3600), "h"], [Math.floor(whole / 60) % 60, "m"], [whole % 60, "s"]];
  const said = parts.filter(([value], at) => value > 0 || (at === 2 && whole < 60));
  return said.map(([value, unit]) => `${value}${unit}`).join(" ");
}

/** Date and time here, from Unix milliseconds. */
export function moment(unixMs) {
  if (!known(unixMs)) return NONE;
  const date = new Date(unixMs);
  const two = (value) => String(value).padStart(2, "0");
  const day = [date.getFullYear(), two(date.getMonth() + 1), two(date.getDate())].join("-");
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

/** Words of a reason, warning or note, whether it comes as text or as parts. */
export function words(value) {
  if (value === null || value === undefined) return "";
  if (typeof value !== "object") return short(value);
  const parts = [value.words ?? value.what ?? value.text ?? value.problem, value.why, value.remedy ?? value.change];
  const said = parts.filter((part) => typeof part === "string" && part !== "");
  return short(said.length > 0 ? said.join("; ") : JSON.stringify(value));
}

/** Replaces what a list holds by one element an item. */
export function list(node, items, make) {
  node.replaceChildren(...items.map(make));
}

const seen = new WeakMap();

/** Whether `value` differs from what this node was last told: saves building again what stands there. */
export function changed(node, value) {
  const text = JSON.stringify(value);
  if (seen.get(node) === text) return false;
  seen.set(node, text);
  return true;
}

/** Terms with their values. */
export function terms(node, pairs) {
  if (!changed(node, pairs)) return;
  list(node, pairs, ([term, value]) => el("div", {}, el("dt", {}, term), el("dd", {}, short(value))));
}
