// One chart, drawn as SVG: lines with gaps, marks, shaded seconds, a moment to read, lines that can be switched off.
// Small on purpose: the big library wants styles that the page's security policy forbids, and a second to load.
// It must not know what is drawn.

import { attribute, el, figure, svg, write } from "./dom.js";

const HEIGHT = 220;
const LEFT = 56;
const RIGHT = 12;
const TOP = 10;
const BOTTOM = 24;

/** Steps of 1, 2 or 5 times a power of ten that divide 0 to `top` in about `parts`. */
export function ticks(top, parts) {
  if (!(top > 0)) return [0, 1];
  const raw = top / parts;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((times) => times * power).find((size) => size >= raw * 0.999);
  const many = Math.ceil((top / step) * 0.9999);
  return Array.from({ length: many + 1 }, (_, at) => Number((at * step).toPrecision(12)));
}

/** Where in `points` (`[x, y]`, sorted by x) the one next to `x` stands; -1 when there is none. */
export function nearest(points, x) {
  let [low, high] = [0, points.length - 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (points[middle][0] < x) low = middle + 1;
    else high = middle;
  }
  if (low > 0 && Math.abs(points[low - 1][0] - x) <= Math.abs(points[low][0] - x)) return low - 1;
  return high < 0 ? -1 : low;
}

/** A path through `points`; a figure that is not there leaves a gap, a lone one a dot. */
export function path(points, toX, toY) {
  const parts = [];
  let pen = false;
  points.forEach(([x, y], at) => {
    if (y === null || y === undefined) {
      pen = false;
      return;
    }
    const place = `${toX(x).toFixed(1)} ${toY(y).toFixed(1)}`;
    const next = points[at + 1];
    const alone = !pen && (next === undefined || next[1] === null || next[1] === undefined);
    parts.push(pen ? `L${place}` : alone ? `M${place}h0.1` : `M${place}`);
    pen = true;
  });
  return parts.join("");
}

const tick = (value) => (value >= 10_000 ? `${value / 1000}k` : String(value));

const clockText = (seconds) => {
  const whole = Math.round(seconds);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
};

/** A chart called `title`, its figures in `unit`. */
export class Chart {
  constructor(title, unit) {
    this.title = title;
    this.unit = unit;
    this.off = new Set();
    this.data = { series: [], shades: [], marks: [] };
    this.at = null;
    this.svg = svg("svg", { class: "plot", height: HEIGHT, role: "img", "aria-label": title });
    this.grid = svg("g", { class: "grid" });
    this.shades = svg("g", { class: "shades" });
    this.marks = svg("g", { class: "marks" });
    this.lines = svg("g", { class: "lines" });
    this.cursor = svg("g", { class: "cursor" });
    this.svg.append(this.shades, this.grid, this.marks, this.lines, this.cursor);
    this.keys = el("div", { class: "keys", role: "group", "aria-label": `lines of ${title}` });
    this.note = el("p", { class: "chart-note" });
    this.range = el("input", {
      type: "range", min: 0, max: 0, step: "any", "aria-label": `moment to read in ${title}`, class: "scrub",
      on: { input: () => this.read(Number(this.range.value)), blur: () => this.read(null) },
    });
    const heading = el("h3", {}, unit ? `${title} (${unit})` : title);
    this.element = el("section", { class: "chart" }, heading, this.keys, this.svg, this.range, this.note);
    this.svg.addEventListener("pointermove", (event) => this.point(event));
    this.svg.addEventListener("pointerleave", () => this.read(null));
    new ResizeObserver(() => this.resize()).observe(this.element);
  }

  /**
   * Draws: `series` of `{label, points: [[x, y|null]…]}` with x in seconds, `shades` of `[from, to]`,
   * `marks` of `{x, label}`, and a `note` below.
   */
  draw({ series, shades = [], marks = [], note = "" }) {
    this.data = { series, shades, marks };
    write(this.note, note);
    this.rekey();
    this.paint();
  }

  resize() {
    const width = this.element.clientWidth;
    if (width > 0 && width !== this.width) this.paint();
  }

  rekey() {
    const labels = this.data.series.map(({ label }) => label).join("\n");
    if (labels === this.labels) return;
    this.labels = labels;
    this.values = this.data.series.map(() => el("span", { class: "value" }));
    this.keys.replaceChildren(...this.data.series.map(({ label }, at) => {
      const swatch = svg("svg", { class: `swatch line-${at % 8}`, width: 24, height: 10, "aria-hidden": "true" },
        svg("path", { d: "M1 5H23" }));
      const key = el("button", { type: "button", class: "key", "aria-pressed": this.off.has(label) ? "false" : "true" },
        swatch, el("span", { class: "label" }, label), this.values[at]);
      key.addEventListener("click", () => {
        if (!this.off.delete(label)) this.off.add(label);
        attribute(key, "aria-pressed", this.off.has(label) ? "false" : "true");
        this.paint();
      });
      return key;
    }));
  }

  shown() {
    return this.data.series.map((line, at) => ({ ...line, at })).filter(({ label }) => !this.off.has(label));
  }

  scales() {
    let [left, right, top] = [Infinity, -Infinity, 0];
    for (const { points } of this.shown()) {
      if (points.length > 0) [left, right] = [Math.min(left, points[0][0]), Math.max(right, points.at(-1)[0])];
      for (const [, y] of points) if (y > top) top = y;
    }
    if (left > right) [left, right] = [0, 1];
    if (left === right) right = left + 1;
    const rows = ticks(top, 4);
    const wide = this.width - LEFT - RIGHT;
    const high = HEIGHT - TOP - BOTTOM;
    return {
      left, right, rows,
      x: (value) => LEFT + ((value - left) / (right - left)) * wide,
      y: (value) => TOP + high - (value / rows.at(-1)) * high,
      back: (pixel) => left + ((pixel - LEFT) / wide) * (right - left),
    };
  }

  paint() {
    this.width = this.element.clientWidth;
    if (this.width <= 0) return;
    attribute(this.svg, "viewBox", `0 0 ${this.width} ${HEIGHT}`);
    attribute(this.svg, "width", this.width);
    const scale = this.scales();
    this.scale = scale;
    this.axes(scale);
    const inside = (x) => Math.min(this.width - RIGHT, Math.max(LEFT, scale.x(x)));
    this.shades.replaceChildren(...this.data.shades.map(([from, to]) => {
      const [a, b] = [inside(from), inside(to)];
      return svg("rect", { x: a, y: TOP, width: Math.max(2, b - a), height: HEIGHT - TOP - BOTTOM });
    }));
    const marked = this.data.marks.filter(({ x }) => x >= scale.left && x <= scale.right);
    this.marks.replaceChildren(...marked.flatMap(({ x, label }) => {
      const at = scale.x(x);
      const near = at > this.width - 90;
      const said = svg("text", { x: at + (near ? -3 : 3), y: TOP + 10, "text-anchor": near ? "end" : "start" }, label);
      return [svg("path", { d: `M${at.toFixed(1)} ${TOP}V${HEIGHT - BOTTOM}` }), said];
    }));
    this.lines.replaceChildren(...this.shown().map(({ points, at }) => {
      return svg("path", { class: `line-${at % 8}`, d: path(points, scale.x, scale.y) });
    }));
    attribute(this.range, "min", scale.left);
    attribute(this.range, "max", scale.right);
    if (this.at === null) this.range.value = String(scale.right);
    this.read(this.at);
  }

  axes(scale) {
    const across = scale.rows.flatMap((row) => {
      const y = scale.y(row).toFixed(1);
      const text = svg("text", { x: LEFT - 6, y: Number(y) + 4, "text-anchor": "end" }, tick(row));
      return [svg("path", { d: `M${LEFT} ${y}H${this.width - RIGHT}` }), text];
    });
    const span = scale.right - scale.left;
    const parts = Math.max(2, Math.floor((this.width - LEFT - RIGHT) / 90));
    const round = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400];
    const step = round.find((size) => span / size <= parts) ?? span / parts;
    const along = [];
    for (let x = Math.ceil(scale.left / step) * step; x <= scale.right; x += step) {
      along.push(svg("text", { x: scale.x(x), y: HEIGHT - 6, "text-anchor": "middle" }, clockText(x)));
    }
    this.grid.replaceChildren(...across, ...along);
  }

  point(event) {
    const box = this.svg.getBoundingClientRect();
    const x = this.scale?.back(event.clientX - box.left);
    if (x !== undefined) this.read(Math.min(this.scale.right, Math.max(this.scale.left, x)));
  }

  /** Shows the figures at `x` seconds beside the names; `null` shows the newest. */
  read(x) {
    this.at = x;
    if (!this.scale) return;
    const wanted = x ?? this.scale.right;
    const said = [];
    const dots = [];
    this.data.series.forEach(({ label, points }, at) => {
      const found = points[nearest(points, wanted)];
      const value = found?.[1] ?? null;
      write(this.values[at], figure(value));
      if (this.off.has(label)) return;
      said.push(`${label} ${figure(value)}`);
      if (x === null || value === null) return;
      dots.push(svg("circle", { class: `line-${at % 8}`, r: 3.5, cx: this.scale.x(found[0]), cy: this.scale.y(value) }));
    });
    const words = `${clockText(wanted)}: ${said.join(", ")}`;
    attribute(this.range, "aria-valuetext", words);
    attribute(this.svg, "aria-label", `${this.title}${this.unit ? `, ${this.unit}` : ""}. ${x === null ? "Newest" : "At"} ${words}`);
    if (x === null) {
      this.cursor.replaceChildren();
      return;
    }
    const at = this.scale.x(x);
    const side = at > this.width - 70 ? "end" : "start";
    this.cursor.replaceChildren(
      svg("path", { d: `M${at.toFixed(1)} ${TOP}V${HEIGHT - BOTTOM}` }),
      svg("text", { x: at + (side === "end" ? -4 : 4), y: HEIGHT - BOTTOM - 6, "text-anchor": side }, clockText(x)),
      ...dots,
    );
  }
}
