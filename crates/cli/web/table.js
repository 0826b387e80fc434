// A table that the server pages, sorts and searches: ten thousand rows cost the browser one page of them.
// It must not know what the rows are.

import { attribute, count, el, short, show, write } from "./dom.js";
import * as state from "./state.js";

const PAGE = 100;

/** Columns are `{key, label, value(row), text(row), number, wide, sort}`; `sort` is the server's name for the order. */
export class PagedTable {
  /** `place` is an empty element; `load({sort, order, offset, limit, search})` gives `{count, rows, total}`. */
  constructor(place, { name, caption, columns, load, search = false, order = null, empty }) {
    Object.assign(this, { name, columns, load, order, empty });
    this.rows = [];
    this.head = el("tr");
    this.body = el("tbody");
    this.foot = el("tfoot");
    this.caption = el("caption", {}, caption);
    this.table = el("table", {}, this.caption, el("thead", {}, this.head), this.body, this.foot);
    const frame = el("div", { class: "scroll", role: "region", tabindex: "0", "aria-label": caption }, this.table);
    this.none = el("p", { class: "none", hidden: true });
    this.back = el("button", { type: "button", on: { click: () => this.turn(-1) } }, "Previous");
    this.next = el("button", { type: "button", on: { click: () => this.turn(1) } }, "Next");
    this.where = el("span", { class: "where" });
    this.pager = el("nav", { class: "pager", "aria-label": `pages of ${caption}` }, this.back, this.where, this.next);
    if (search) place.append(this.searcher());
    place.append(frame, this.none, this.pager);
    this.setColumns(columns);
  }

  setColumns(columns) {
    this.columns = columns;
    this.heads = columns.map((column) => {
      const cell = el("th", { scope: "col", class: column.number ? "number" : null });
      if (column.sort) {
        cell.append(el("button", { type: "button", class: "sort", on: { click: () => this.sortBy(column.sort, column.number) } }, column.label));
      } else {
        cell.append(column.label);
      }
      return cell;
    });
    this.head.replaceChildren(...this.heads);
    this.body.replaceChildren();
    this.foot.replaceChildren();
    this.markSort();
  }

  searcher() {
    const id = `${this.name}-search`;
    this.field = el("input", { type: "search", id, maxlength: 200, autocomplete: "off", spellcheck: "false" });
    this.field.value = state.get(`${this.name}.q`);
    let timer = 0;
    this.field.addEventListener("input", () => {
      clearTimeout(timer);
      timer = setTimeout(() => this.go({ q: this.field.value, page: "" }), 200);
    });
    return el("div", { class: "search" }, el("label", { for: id }, "Search names"), this.field);
  }

  keys() {
    const [sort, order] = this.order ?? ["", ""];
    return {
      sort: state.get(`${this.name}.sort`, sort),
      order: state.get(`${this.name}.order`, order),
      page: Math.max(0, Math.floor(Number(state.get(`${this.name}.page`, "0"))) || 0),
      search: state.get(`${this.name}.q`),
    };
  }

  go(values) {
    const named = Object.entries(values).map(([key, value]) => [`${this.name}.${key}`, value]);
    state.set(Object.fromEntries(named));
    this.markSort();
    return this.refresh();
  }

  sortBy(key, descends) {
    const now = this.keys();
    const first = descends ? "desc" : "asc";
    const other = first === "desc" ? "asc" : "desc";
    return this.go({ sort: key, order: now.sort === key && now.order === first ? other : first, page: "" });
  }

  markSort() {
    const { sort, order } = this.keys();
    this.columns.forEach((column, at) => {
      const sorted = column.sort && column.sort === sort;
      attribute(this.heads[at], "aria-sort", sorted ? (order === "desc" ? "descending" : "ascending") : null);
    });
  }

  turn(pages) {
    return this.go({ page: this.keys().page + pages || "" });
  }

  /** Asks for the page that the address names, and shows it; one question at a time. */
  async refresh() {
    if (this.asking) {
      this.again = true;
      return;
    }
    this.asking = true;
    try {
      do {
        this.again = false;
        await this.fetch();
      } while (this.again);
    } finally {
      this.asking = false;
    }
  }

  async fetch() {
    const { sort, order, page, search } = this.keys();
    const answer = await this.load({ sort, order, search, offset: page * PAGE, limit: PAGE });
    const pages = Math.max(1, Math.ceil(answer.count / PAGE));
    if (page >= pages) {
      this.again = true;
      state.set({ [`${this.name}.page`]: pages - 1 || "" });
      return;
    }
    this.fill(this.body, answer.rows);
    this.fill(this.foot, answer.total ? [answer.total] : []);
    show(this.table.parentElement, answer.rows.length > 0 || Boolean(answer.total));
    show(this.none, answer.rows.length === 0);
    write(this.none, search ? `Nothing is called “${short(search)}”.` : this.empty);
    show(this.pager, pages > 1);
    attribute(this.back, "disabled", page === 0);
    attribute(this.next, "disabled", page >= pages - 1);
    const last = Math.min(answer.count, page * PAGE + answer.rows.length);
    write(this.where, `${count(page * PAGE + 1)} to ${count(last)} of ${count(answer.count)}`);
  }

  /** Writes into the cells that are there: focus and selection stay where they are. */
  fill(part, rows) {
    while (part.rows.length > rows.length) part.deleteRow(-1);
    while (part.rows.length < rows.length) part.append(this.blank(part));
    rows.forEach((row, at) => {
      const cells = part.rows[at].cells;
      this.columns.forEach((column, index) => {
        const cell = cells[index];
        if (column.node) {
          column.node(cell, row);
          return;
        }
        const value = column.value(row);
        write(cell, column.text ? column.text(value) : short(value));
        attribute(cell, "data-value", typeof value === "number" ? value : null);
      });
    });
  }

  blank(part) {
    const cells = this.columns.map((column) => {
      const kind = [column.number ? "number" : "", column.wide ? "wide" : ""].join(" ").trim() || null;
      return column.header && part === this.body ? el("th", { scope: "row", class: kind }) : el("td", { class: kind });
    });
    return el("tr", {}, ...cells);
  }
}

/** A small table that is built whole, at most `most` rows of it. */
export function plain(place, { caption, columns, rows, most = 500 }) {
  const head = el("tr", {}, ...columns.map((column) => el("th", { scope: "col", class: column.number ? "number" : null }, column.label)));
  const body = rows.slice(0, most).map((row) => el("tr", { class: row.kind ?? null }, ...columns.map((column) => {
    const tag = column.header ? "th" : "td";
    const text = short(column.value(row));
    return el(tag, { scope: column.header ? "row" : null, class: column.number ? "number" : column.wide ? "wide" : null }, text);
  })));
  const table = el("table", {}, el("caption", {}, caption), el("thead", {}, head), el("tbody", {}, ...body));
  const frame = el("div", { class: "scroll", role: "region", tabindex: "0", "aria-label": caption }, table);
  const left = rows.length > most ? el("p", {}, `${count(rows.length - most)} more are not shown.`) : null;
  place.replaceChildren(...[frame, left].filter(Boolean));
}
